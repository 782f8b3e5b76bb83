#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What VIFs cost that nobody uses, never opened or open: memory of both processes, and no turn of a
processor.

usage: SVIO_BUILD_DIR=build/release test_idle_vifs.py [-v] [TEST...]
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", "build/release")).resolve()
BIN = BUILD / "bin"
GUESTS = BUILD / "tests/bin/idle_guests"
WAIT_S = 60
VIFS = 1024
LIMIT_KIB = 16  # a VIF
OPEN_VIFS = 64
OPEN_LIMIT_KIB = 48  # with a guest that has opened it: docs/firmware.md says what is of what
MEMORY_FILES = ("svio-segment", "svio-iommu", "svio-doorbell")


class Control:
    """sviod's control socket: a line there, a line back."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("r")

    def ask(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.lines.readline())
        if not answer["ok"]:
            raise AssertionError(answer)
        return answer["result"]

    def close(self):
        self.lines.close()
        self.socket.close()


def read_kib(pid, name, fields):
    """Sums of fields of a file in /proc/PID, in KiB."""
    text = pathlib.Path(f"/proc/{pid}/{name}").read_text()
    return sum(int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1))
               for field in fields)


def read_memory(sviod, firmware):
    """KiB by what they are of."""
    memory = {"sviod": read_kib(sviod, "smaps_rollup", ["Pss_Anon"]),
              "svio-fw": read_kib(firmware, "smaps_rollup", ["Pss_Anon"]),
              "page tables": read_kib(sviod, "status", ["VmPTE"]) +
                             read_kib(firmware, "status", ["VmPTE"])}
    files = {}
    for fd in pathlib.Path(f"/proc/{sviod}/fd").iterdir():
        for name in MEMORY_FILES:
            if f"memfd:{name}" in os.readlink(fd):
                files[os.stat(fd).st_ino] = (name, os.stat(fd).st_blocks // 2)
    for name in MEMORY_FILES:
        memory[name] = sum(kib for file, kib in files.values() if file == name)
    return memory


def read_turns(pid):
    """How often a process got a processor."""
    return sum(int((task / "schedstat").read_text().split()[2])
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


class IdleVifs(unittest.TestCase):
    def setUp(self):
        self.parent = tempfile.TemporaryDirectory(prefix="svio-test-")
        run_dir = pathlib.Path(self.parent.name) / "run"
        self.sviod = subprocess.Popen([BIN / "sviod", "--run-dir", run_dir, "--wire", "null",
                                       "--max-vifs", str(VIFS)], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        self.addCleanup(self.end)
        deadline = time.monotonic() + WAIT_S
        while not (run_dir / "control.sock").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.control = Control(run_dir / "control.sock")
        self.addCleanup(self.control.close)
        while (status := self.control.ask(cmd="device"))["firmware"]["state"] == "starting":
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        self.firmware = status["firmware"]["pid"]

    def end(self):
        self.sviod.terminate()
        self.assertEqual(self.sviod.wait(WAIT_S), 0)
        self.parent.cleanup()

    def add(self, first, count):
        for number in range(first, first + count):
            self.control.ask(cmd="vif-add", name=f"v{number}")

    def open(self, first, count):
        """Guests that do nothing. Those that are open for the first time make room for later ones."""
        self.add(first, count)
        guests = subprocess.Popen([GUESTS, pathlib.Path(self.parent.name) / "run", str(first),
                                   str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(guests.communicate)
        self.assertEqual(guests.stdout.readline(), b"open\n")

    def measure_since(self, before, count):
        """KiB a VIF, and by what they are of."""
        after = read_memory(self.sviod.pid, self.firmware)
        each = {name: (after[name] - before[name]) / count for name in after}
        print(f"KiB a VIF: {sum(each.values()):.2f}: " +
              ", ".join(f"{name} {kib:.2f}" for name, kib in each.items()))
        return sum(each.values())

    def test_idle_vifs_take_little_memory_and_no_time(self):
        before = read_memory(self.sviod.pid, self.firmware)
        self.add(0, VIFS)
        self.assertLessEqual(self.measure_since(before, VIFS), LIMIT_KIB)
        self.assert_quiet()

    def test_open_vifs_take_little_memory_and_no_time(self):
        self.open(0, OPEN_VIFS)
        before = read_memory(self.sviod.pid, self.firmware)
        self.open(OPEN_VIFS, OPEN_VIFS)
        self.assertLessEqual(self.measure_since(before, OPEN_VIFS), OPEN_LIMIT_KIB)
        self.assert_quiet()

    def assert_quiet(self):
        """Of a hundred moments one passes without a turn of either process."""
        for _ in range(100):
            before = [read_turns(pid) for pid in (self.sviod.pid, self.firmware)]
            time.sleep(0.2)
            if [read_turns(pid) for pid in (self.sviod.pid, self.firmware)] == before:
                return
        self.fail("an idle device does something all the time")


if __name__ == "__main__":
    unittest.main()
