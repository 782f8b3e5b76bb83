#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio-bench's measurements run to their end, and write what they promise; no look at times.

usage: SVIO_BUILD_DIR=build/release test_bench_runs.py [-v] [TEST...]
"""
import json
import os
import pathlib
import subprocess
import tempfile
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

    def run_vif(self, *words):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.json")
            self.run_bench("vif", "--windows", "5", "--window-ms", "2", "--keep-disturbed",
                           "--json", path, *words)
            with open(path, encoding="utf-8") as file:
                return json.load(file)

    def test_wire_json_is_whole(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "out.json")
            self.run_bench("wire", "--alone", "--turns", "1", "--windows", "5", "--window-ms", "1",
                           "--keep-disturbed", "--sizes", "64,1500", "--json", path)
            with open(path, encoding="utf-8") as file:
                rows = json.load(file)["wire"]
        self.assertEqual([row["bytes"] for row in rows], [64, 1500])
        for row in rows:
            self.assert_numbers([row["to_wire_mpps"], row["from_wire_mpps"]])

    def assert_numbers(self, values):
        for value in values:
            self.assertIsInstance(value, (int, float))

    def test_vif_json_is_whole(self):
        report = self.run_vif("--sizes", "64,1500", "--vifs", "1,16",
                              "--idle-vifs", "16")
        self.assertEqual([size["bytes"] for size in report["sizes"]], [64, 1500])
        for size in report["sizes"]:
            self.assert_numbers([size["svio_mpps"], size["svio_bounce_mpps"]])
            self.assertIsNone(size["vhost_mpps"])
            self.assertIsNone(size["memif_mpps"])
        latency = report["latency"]
        self.assert_numbers([latency["svio_p50_ns"]])
        self.assertGreaterEqual(latency["svio_p99_ns"], latency["svio_p50_ns"])
        self.assertIsNone(latency["vhost_p50_ns"])
        self.assertIsNone(latency["memif_p50_ns"])
        self.assertEqual([load["load"] for load in latency["loads"]], [0.1, 0.5, 0.8])
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
        self.assertEqual(len(report["sizes"][0]["bounce"]), 10)

    def test_vif_refuses_a_noisy_machine(self):
        result = subprocess.run([BENCH, "vif", "--part", "rate", "--minutes", "0.0001"],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("too noisy", result.stderr)


if __name__ == "__main__":
    unittest.main()
