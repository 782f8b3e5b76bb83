#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions of a pass of the firmware, counted by callgrind, follow the number of active VIFs.

usage: SVIO_BUILD_DIR=build/release prop_poll_cost.py [-v] [TEST...]
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", "build/release")).resolve()
PROGRAM = BUILD / "tests/bin/poll_cost"


def count(active, idle, rounds, packets):
    """(instructions of all passes, packets that arrived)"""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "out"
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=counted_poll",
             f"--callgrind-out-file={out}", PROGRAM, str(active), str(idle), str(rounds),
             str(packets)], capture_output=True, text=True, check=True)
        summary = re.search(r"^summary: (\d+)", out.read_text(), re.MULTILINE)
    return int(summary.group(1)), int(result.stdout)


class PollCost(unittest.TestCase):
    def test_idle_vifs_cost_active_ones_nothing(self):
        alone, _ = count(2, 0, 1000, 0)
        beside, _ = count(2, 1024, 1000, 0)
        print(f"empty pass, 2 active: {alone / 1000} instructions; beside 1024 idle VIFs: "
              f"{beside / 1000}")
        self.assertLessEqual(beside, alone * 1.02)

    def test_many_active_vifs_cost_a_packet_little_more_than_few(self):
        few, few_packets = count(2, 0, 100, 32)
        many, many_packets = count(256, 0, 4, 32)
        self.assertEqual(few_packets, 2 * 100 * 32)
        self.assertEqual(many_packets, 256 * 4 * 32)
        print(f"a packet, 2 active: {few / few_packets:.1f} instructions; 256 active: "
              f"{many / many_packets:.1f}")
        self.assertLessEqual(many / many_packets, 1.5 * few / few_packets)


if __name__ == "__main__":
    unittest.main()
