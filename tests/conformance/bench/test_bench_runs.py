#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio-bench's measurements run to their end, and write what they promise; no look at times.

usage: SVIO_BUILD_DIR=build/release test_bench_runs.py [-v] [TEST...]
"""
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

BENCH = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", "build/release")).resolve() / "bin/svio-bench"


class BenchTest(unittest.TestCase):
    def run_bench(self, *words):
        result = subprocess.run([BENCH, *words], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, (words, result.stderr))

    def test_sched_serves_each_case(self):
        for tree in "flat", "deep":
            for backlog in "dense", "sparse":
                self.run_bench("sched", "--count-packets", "5000", "--tree", tree, "--backlog",
                               backlog, "--active", "64", "--port-gbps", "40")

    def test_iommu_looks_everything_up(self):
        self.run_bench("iommu", "--count-lookups", "1024")

    def read_json(self, *words, status=0):
        """What a measurement writes; its exit status is as expected."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.json")
            result = subprocess.run([BENCH, *words, "--json", path], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, status, (words, result.stderr))
            with open(path, encoding="utf-8") as file:
                return json.load(file)

    def run_vif(self, *words):
        return self.read_json("vif", "--windows", "5", "--window-ms", "2", "--keep-disturbed", *words)

    def test_wire_json_is_whole(self):
        rows = self.read_json("wire", "--alone", "--turns", "1", "--windows", "3", "--window-ms", "100",
                              "--keep-disturbed", "--sizes", "64")["wire"]
        self.assertEqual([row["bytes"] for row in rows], [64])
        for row in rows:
            for wire in "to_wire", "from_wire", "to_af_packet", "to_tap":
                self.assertGreater(row[wire + "_mpps_max"], 0, wire)
                self.assertIsNone(row[wire + "_testpmd_mpps"], wire)

    def test_irq_json_is_whole(self):
        report = self.read_json("irq", "--seconds", "0.1")
        for name, side, queues, vectors in (("inline", report["irq"], 1, 1), ("sidecore", report["irq"], 1, 1),
                                            ("own", report["sharing"], 4, 4), ("shared", report["sharing"], 4, 1)):
            found = side[name]
            self.assertEqual((found["queues"], found["vectors"]), (queues, vectors), name)
            self.assertGreaterEqual(found["round_trip_p99_us"], found["round_trip_p50_us"], name)
            self.assert_numbers([found["stream_mpps"]])

    def test_wake_json_is_whole(self):
        wake = self.read_json("wake", "--samples", "100")["wake"]
        self.assertEqual(wake["samples"], 100)
        for kind in "device", "bare", "awake":
            times = [wake[kind][key] for key in ("p50_us", "p90_us", "p99_us", "p999_us")]
            self.assertEqual(times, sorted(times), kind)

    def test_sched_json_is_whole(self):
        report = self.read_json("sched", "--tree", "flat", "--active", "8", "--windows", "1", "--window-ms", "1")
        self.assertEqual([(case["tree"], case["active"], case["backlog"]) for case in report["cases"]],
                         [("flat", 8, "dense"), ("flat", 8, "sparse")])
        self.assertEqual(report["cases"][0]["svio_starved"], 0)

    def test_iommu_json_is_whole(self):
        report = self.read_json("iommu", "--part", "tables")
        self.assertGreater(report["table_bytes_a_domain"], 0)
        self.assertIsNone(report["map_queue_vs_viommu_time_ratio"])
        self.assertIn("vIOMMU", report["map_queue_vs_viommu_time_ratio_reason"])

    def test_qos_json_is_whole(self):
        scenario, = self.read_json("qos", "--scenario", "equal", "--seconds", "0.2")["scenarios"]
        self.assertEqual([vif["name"] for vif in scenario["vifs"]], ["a", "b", "c", "d"])
        for vif in scenario["vifs"]:
            self.assertEqual(len(vif["series_mbps"]), scenario["windows"])

    def test_parts_make_up_the_whole(self):
        row, = self.read_json("parts", "--windows", "3", "--keep-disturbed", "--sizes", "64")["parts"]
        parts = ("doorbell", "descriptors", "translation", "classify", "schedule", "copy", "completion", "other")
        self.assertGreater(row["samples"], 0)
        self.assertAlmostEqual(sum(row[part] for part in parts) / row["cycles_per_packet"], 1, 3)
        self.assertLess(row["other"], row["cycles_per_packet"] / 4)  # functions have not lost their names
        self.assertGreater(row["copy"], 0)

    def test_wrong_words_are_refused_with_what_is_right(self):
        for words, right in ((("irq", "--moderation", "x"), "a number from 1 to 10000"),
                             (("sched", "--tree", "oak"), "one of flat, deep"),
                             (("vif", "--device-cpu", "4711"), "no processor that this program may use"),
                             (("wire", "--sizes", "64,9000"), "numbers from 60 to 1514"),
                             (("qos", "--seconds", "0"), "more than 0, at most 80"),
                             (("compare", "--window-ms", "0"), "a number from 1 to 10000")):
            result = subprocess.run([BENCH, *words], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 64, words)
            self.assertIn(right, result.stderr)

    def test_help_has_shared_options_and_an_example(self):
        for name in "vif", "parts", "wake", "irq", "sched", "iommu", "qos", "wire", "compare":
            result = subprocess.run([BENCH, name, "--help"], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, name)
            for words in "--json=FILE", "--first", f"svio-bench {name} ":
                self.assertIn(words, result.stdout, name)

    def test_interrupted_leaves_nothing(self):
        for words in ("vif", "--part", "rate"), ("compare", "--only", "processes", "--force"):
            with tempfile.TemporaryDirectory() as folder:
                bench = subprocess.Popen([BENCH, *words], env={**os.environ, "TMPDIR": folder},
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                deadline = time.monotonic() + 60
                started = []
                while not started and time.monotonic() < deadline:
                    time.sleep(0.01)
                    started = list(pathlib.Path(folder).glob("*/control.sock"))
                self.assertTrue(started, words)
                bench.send_signal(signal.SIGINT)
                self.assertEqual(bench.wait(60), -signal.SIGINT, words)
                self.assertEqual(os.listdir(folder), [], words)

    def assert_numbers(self, values):
        for value in values:
            self.assertIsInstance(value, (int, float))

    def test_vif_json_is_whole(self):
        report = self.run_vif("--sizes", "64,1500", "--vifs", "1,16",
                              "--idle-vifs", "16")
        self.assertEqual([size["bytes"] for size in report["sizes"]], [64, 1500])
        for size in report["sizes"]:
            self.assert_numbers([size["svio_mpps"], size["svio_bounce_mpps"], size["bound_mpps"]])
            self.assertIsNone(size["vhost_mpps"])
            self.assertIsNone(size["memif_mpps"])
        latency = report["latency"]
        self.assert_numbers([latency["svio_p50_ns"]])
        self.assertGreaterEqual(latency["svio_p99_ns"], latency["svio_p50_ns"])
        self.assertIsNone(latency["vhost_p50_ns"])
        self.assertIsNone(latency["memif_p50_ns"])
        self.assertGreaterEqual(latency["bound_p99_ns"], latency["bound_p50_ns"])
        self.assertEqual([(load["load"], load["path"]) for load in latency["loads"]],
                         [(load, path) for load in (0.1, 0.5, 0.8) for path in ("svio", "bound")])
        self.assertEqual([row["vifs"] for row in report["vif_count"]], [1, 16])
        for row in report["vif_count"]:
            # A window may be so disturbed that nothing came.
            self.assertEqual(row["cycles_per_packet"] is None, row["mpps"] == 0)
        self.assertEqual([row["queues"] for row in report["queue_count"]], [1, 2, 4])
        self.assertEqual([row["guests"] for row in report["guest_count"]], [1, 2, 4, 6, 8])
        for row in report["guest_count"]:
            self.assertIn("least_share", row)
        self.assert_numbers([report["idle_cpu_percent"], report["idle"]["mpps_alone"]])
        self.assertTrue(report["environment"]["kernel"])

    def test_vif_measures_peers(self):
        report = self.run_vif("--part", "rate", "--sizes", "64", "--peers")
        self.assert_numbers(report["sizes"][0][name + "_mpps"]
                             for name in ("svio", "vhost", "memif", "memif_zero_copy"))
        self.assertEqual(len(report["sizes"][0]["bounce"]), 11)

    def test_vif_refuses_a_noisy_machine(self):
        report = self.read_json("vif", "--part", "rate", "--minutes", "0.0001", status=3)
        self.assertEqual(list(report), ["refused"])
        self.assertIn("too noisy", report["refused"])


if __name__ == "__main__":
    unittest.main()
