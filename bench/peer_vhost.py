#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The peer: DPDK vhost-user and virtio-user under testpmd's `io` forwarding.

One testpmd is the switch (two vhost ports, one core), another is the guests (two virtio-user
ports, the other core). Packets circle between them; the rate is packets through the switch.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time


class Testpmd:
    """An interactive testpmd whose main thread and one worker are pinned to one CPU."""

    def __init__(self, cpu, prefix, vdevs, options=()):
        command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", "--no-huge", "-m", "512",
                   "--no-shconf", "--no-pci", "--no-telemetry", "--file-prefix", prefix]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += ["--", "-i", "--nb-cores=1", "--total-num-mbufs=16384", "--forward-mode=io",
                    "--txd=1024", "--rxd=1024", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self._text, self._news = "", threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self._wait(0, "testpmd> ", 1)

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self._news:
                self._text += data.decode(errors="replace")
                self._news.notify_all()

    def _wait(self, start, pattern, count, timeout_s=20):
        """Waits until a pattern stands count times behind start; returns what it matched."""
        with self._news:
            if not self._news.wait_for(
                    lambda: len(re.findall(pattern, self._text[start:])) >= count, timeout_s):
                raise RuntimeError("testpmd says:\n" + self._text[-2000:])
            return re.findall(pattern, self._text[start:])

    def say(self, line):
        """Gives a command."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def received(self):
        """Packets received on both ports so far."""
        start = len(self._text)
        self.say("show port stats all")
        return sum(map(int, self._wait(start, r"RX-packets: (\d+) ", 2)))

    def close(self):
        """Ends it."""
        try:
            self.process.stdin.write(b"quit\n")
            self.process.stdin.flush()
            self.process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def kept_off_ns(process):
    """How long the process's threads have waited for their CPU (schedstat's second figure)."""
    total = 0
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[1])
    return total


def measure(size, seconds=1.0, windows=5, cpus=(0, 1)):
    """Mpps through the switch for frames of size bytes (FCS not counted): a list of windows.

    A window in which a process was kept off its core for over 2 % is taken again.
    """
    folder = tempfile.mkdtemp(prefix="svio-vhost-")
    sockets = [f"{folder}/{i}.sock" for i in range(2)]
    started = []
    try:
        started.append(Testpmd(cpus[0], f"svio-switch-{os.getpid()}",
                               [f"net_vhost{i},iface={s}" for i, s in enumerate(sockets)]))
        switch = started[0]
        started.append(Testpmd(cpus[1], f"svio-guests-{os.getpid()}",
                               [f"net_virtio_user{i},path={s},queue_size=1024"
                                for i, s in enumerate(sockets)], [f"--txpkts={size}"]))
        guests = started[1]
        switch.say("start")
        guests.say("start tx_first 16")
        time.sleep(0.5)
        return list(take_windows(switch, guests, seconds, windows))
    finally:
        for testpmd in reversed(started):
            testpmd.close()
        shutil.rmtree(folder, ignore_errors=True)


def take_windows(switch, guests, seconds, windows, tries=40):
    """Yields Mpps of undisturbed windows; gives up on undisturbed ones after some tries."""
    taken = 0
    for attempt in range(tries):
        off = kept_off_ns(switch.process) + kept_off_ns(guests.process)
        start, before = time.monotonic(), switch.received()
        time.sleep(seconds)
        after, end = switch.received(), time.monotonic()
        off = kept_off_ns(switch.process) + kept_off_ns(guests.process) - off
        if off > 0.02e9 * (end - start) and attempt < tries - windows:
            continue
        yield (after - before) / (end - start) / 1e6
        taken += 1
        if taken == windows:
            return


def main():
    """Prints the median, or all windows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("dpdk-testpmd"):
        sys.exit("peer_vhost: no dpdk-testpmd: apt-get install dpdk-dev")
    rates = measure(arguments.size, arguments.seconds, arguments.windows)
    if arguments.json:
        print(json.dumps({"bytes": arguments.size, "mpps": rates}))
    else:
        print(f"{arguments.size} B: {statistics.median(rates):.2f} Mpps "
              f"({min(rates):.2f} to {max(rates):.2f})")


if __name__ == "__main__":
    main()
