#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio-bench compare, short: its report is whole, and its page needs nothing else. No look at times.

usage: SVIO_BUILD_DIR=build/release test_bench_compare.py [-v] [TEST...]
"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "bench"))
# pylint: disable=wrong-import-position
import guests  # noqa: E402

BENCH = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", "build/release")).resolve() / "bin/svio-bench"
WINDOWS = 5


class CompareTest(unittest.TestCase):
    def compare(self, *words):
        """The data and the page of one short comparison between processes."""
        with tempfile.TemporaryDirectory(prefix="svio-compare-test-") as folder:
            data, page = pathlib.Path(folder, "data.json"), pathlib.Path(folder, "page.html")
            result = subprocess.run(
                [BENCH, "compare", "--only", "processes", "--windows", str(WINDOWS), "--window-ms", "2",
                 "--force", "--json", data, "--html", page, *words],
                capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.table = result.stdout
            return json.loads(data.read_text(encoding="utf-8")), page.read_text(encoding="utf-8")

    def check_way(self, way, sizes):
        self.assertEqual([rate["bytes"] for rate in way["rates"]], sizes, way["name"])
        for rate in way["rates"]:
            self.assertGreater(rate["mpps"]["high"], 0, way["name"])
            self.assertLessEqual(rate["mpps"]["low"], rate["mpps"]["median"], way["name"])
            self.assertLessEqual(rate["mpps"]["median"], rate["mpps"]["high"], way["name"])
            self.assertEqual(rate["mpps"]["windows"], WINDOWS, way["name"])
            for cost in "device_ns", "guest_ns", "turns", "notices":
                self.assertGreaterEqual(rate[cost], 0, (way["name"], cost))
        self.assertGreater(way["latency"]["samples"], 0, way["name"])
        times = [ns for _, ns in way["latency"]["quantiles"]]
        self.assertEqual(times, sorted(times), way["name"])
        self.assertGreater(len(times), 0, way["name"])

    def check_page(self, page, ways):
        """Well-formed, each way in it, and nothing from elsewhere."""
        root = xml.etree.ElementTree.fromstring(page)
        self.assertEqual(len(root.findall(".//table")[0].findall("tbody/tr")), len(ways))
        self.assertEqual(sum(1 for _ in root.iter("svg")), 3)
        self.assertNotRegex(page, r"https?://|url\(|@import|<link|<img|<iframe|\bsrc=")
        embedded = next(root.iter("script")).text
        self.assertEqual(json.loads(embedded)["processes"]["ways"], ways)

    def test_each_way_is_reported_whole(self):
        data, page = self.compare("--sizes", "64,1500", "--ways", "split,tap")
        ways = data["processes"]["ways"]
        self.assertEqual([way["name"] for way in ways],
                         ["svio", "split-polling", "split", "tap-polling", "tap"])
        for way in ways:
            self.assertNotIn("missing", way)
            self.check_way(way, [64, 1500])
            self.assertIn(way["title"], self.table)
        self.check_page(page, ways)
        for key in "cpu", "kernel", "load", "time":
            self.assertTrue(data["environment"][key], key)

    def test_what_was_forced_is_marked(self):
        data, page = self.compare("--sizes", "64", "--ways", "split-polling")
        self.assertEqual(data["noise"]["forced"], True)
        self.assertEqual(data["refused"], [])
        self.assertIn('class="notice"', page)
        self.assertIn("!!", self.table)

    def compare_once(self):
        """A copy of the data of one run for all who only look at data."""
        if not hasattr(CompareTest, "once"):
            CompareTest.once, _ = self.compare("--sizes", "64,1500", "--ways", "split-polling,bound")
        return copy.deepcopy(CompareTest.once)

    def show(self, data, *words):
        """What `compare --data` says of data; and the files that the words name, in a folder FOLDER."""
        with tempfile.TemporaryDirectory(prefix="svio-compare-test-") as folder:
            path = pathlib.Path(folder, "data.json")
            path.write_text(json.dumps(data), encoding="utf-8")
            pathlib.Path(folder, "readme").write_text("a\n<!-- compare short -->\nold\n<!-- /compare -->\nz\n",
                                                      encoding="utf-8")
            words = [word.replace("FOLDER", folder) for word in words]
            result = subprocess.run([BENCH, "compare", "--data", path, *words], capture_output=True, text=True,
                                    check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            return result.stdout, {file.name: file.read_text(encoding="utf-8") for file in pathlib.Path(folder).iterdir()}

    def test_what_is_missing_has_no_figure_but_a_reason(self):
        data = self.compare_once()
        rate = next(way for way in data["processes"]["ways"] if way["name"] == "bound")["rates"][0]
        rate.update(mpps={"median": None, "low": None, "high": None, "windows": 2, "discarded": 9}, missing="a test")
        table, files = self.show(data, "--html", "FOLDER/page", "--plot", "FOLDER/plot", "--insert", "FOLDER/readme")
        self.assertRegex(table, r"One copy and nothing else +- ")
        self.assertIn("one copy, nothing else, 64 B: a test", table)
        self.assertIn("one copy, nothing else, 64 B: a test", files["page"])
        self.assertIn("| one copy, nothing else | - |", files["readme"])
        self.assertIn("- one copy, nothing else, 64 B: a test", files["readme"])
        self.assertTrue(files["readme"].startswith("a\n") and files["readme"].endswith("-->\nz\n"))
        self.assertNotIn("old", files["readme"])
        self.assertIn("](plot)", files["readme"])

    def test_virtual_machines_that_cannot_be_are_told(self):
        data = self.compare_once()
        data["guests"] = {"ways": [], "refused": "no kernel"}
        table, files = self.show(data, "--html", "FOLDER/page", "--markdown", "FOLDER/tables")
        for text in table, files["page"], files["tables"]:
            self.assertIn("virtual machines: no kernel", text)

    def test_plot_stands_alone(self):
        data = self.compare_once()
        _, files = self.show(data, "--plot", "FOLDER/plot", "--markdown", "FOLDER/tables")
        root = xml.etree.ElementTree.fromstring(files["plot"])
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("prefers-color-scheme: dark", files["plot"])
        self.assertNotRegex(files["plot"].replace("http://www.w3.org/2000/svg", ""), r"https?://|url\(|@import|<image")
        self.assertEqual(len(root.findall(".//{*}rect[@class='svio ']")), 3)  # two rates and a latency
        self.assertEqual(files["tables"].count("| VIF (svio) |"), 1)

    def test_one_processor_for_all_is_refused_with_the_reason(self):
        with tempfile.TemporaryDirectory(prefix="svio-compare-test-") as folder:
            data, page = pathlib.Path(folder, "data.json"), pathlib.Path(folder, "page.html")
            cpu = str(min(os.sched_getaffinity(0)))
            result = subprocess.run([BENCH, "compare", "--only", "processes", "--quick", "--device-cpu", cpu,
                                     "--guest-cpu", cpu, "--json", data, "--html", page],
                                    capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertIn("too noisy", json.loads(data.read_text(encoding="utf-8"))["refused"][0])
            self.assertFalse(page.exists())
            self.assertIn(f"{page} is not written", result.stderr)


class GuestsTest(unittest.TestCase):
    """What guests.py makes of windows that others disturbed."""

    @staticmethod
    def windows(kept, disturbed):
        return {measure: ([{"x": n} for n in range(kept)], [{"x": 100}] * disturbed) for measure in guests.MEASURES}

    def ways(self, vif, igb, force=False):
        """Both ways' entries, of (kept, disturbed) windows each."""
        found = []
        for name, counts in (("vif", vif), ("igb", igb)):
            figures, missing = guests.summarize(self.windows(*counts), force)
            found.append({"name": name, "figures": figures, "missing_figures": missing})
        return found

    def test_disturbed_windows_do_not_count(self):
        figures, missing = guests.summarize(self.windows(3, 5), False)
        self.assertEqual(figures["x"], {"median": 1, "low": 0, "high": 2, "windows": 3, "discarded": 5})
        self.assertEqual(missing, {})

    def test_too_few_windows_are_no_figure(self):
        vif, igb = self.ways((5, 0), (2, 7))
        self.assertEqual(igb["figures"], {})
        self.assertEqual(set(igb["missing_figures"]), {"tcp", "rr", "udp", "ping"})
        self.assertIn("2 undisturbed windows of 3", igb["missing_figures"]["tcp"])
        self.assertIsNone(guests.refusal([vif, igb], ["vif", "igb"]))

    def test_forced_counts_them(self):
        figures, missing = guests.summarize(self.windows(1, 3), True)
        self.assertEqual(figures["x"]["windows"], 4)
        self.assertEqual(missing, {})

    def test_without_figures_of_vifs_it_is_refused(self):
        self.assertIn("VIFs' own", guests.refusal(self.ways((2, 9), (5, 0)), ["vif", "igb"]))

    def test_a_way_that_is_not_here_is_not_noise(self):
        vif, _ = self.ways((5, 0), (5, 0))
        self.assertIsNone(guests.refusal([vif, {"name": "igb", "missing": "no driver"}], ["vif"]))


if __name__ == "__main__":
    unittest.main()
