#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio-bench compare, short: its report is whole, and its page needs nothing else. No look at times.

usage: SVIO_BUILD_DIR=build/release test_bench_compare.py [-v] [TEST...]
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

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
        self.assertIn('class="notice"', page)
        self.assertIn("!!", self.table)


if __name__ == "__main__":
    unittest.main()
