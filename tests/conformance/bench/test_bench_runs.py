#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio-bench's measurements that need no device run to their end, without looking at times.

usage: SVIO_BUILD_DIR=build/release test_bench_runs.py [-v] [TEST...]
"""
import os
import pathlib
import subprocess
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


if __name__ == "__main__":
    unittest.main()
