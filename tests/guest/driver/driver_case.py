# SPDX-License-Identifier: BSD-3-Clause
"""Two guests with svio.ko on VIFs of one device, for the driver's tests."""

import argparse
import contextlib
import os
import pathlib
import sys
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tests/lab"))
if "SVIO_BUILD_DIR" in os.environ and "SVIO_BIN" not in os.environ:
    os.environ["SVIO_BIN"] = str(pathlib.Path(os.environ["SVIO_BUILD_DIR"]) / "bin")

from lab.vifs import address, vif_guests  # noqa: E402

PORT = 5201
SECONDS = 1


def thorough(test):
    """Marks what --quick leaves out."""
    test.thorough = True
    return test


class DriverCase(unittest.TestCase):
    """The guests of a class live as long as its tests: a after setUpClass is on address(0)."""

    kernel = "newest"
    quick = False
    wire = False
    options = {}

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.net, cls.device, (cls.a, cls.b) = stack.enter_context(
            vif_guests(kernel=cls.kernel, wire=cls.wire,
                       **{"cpus": 2, "append": "iomem=relaxed", **cls.options}))
        for guest in (cls.a, cls.b):
            guest.pci = guest.run("basename $(ls -d /sys/bus/pci/drivers/svio/*:*)").output.strip()

    def setUp(self):
        if self.quick and hasattr(getattr(self, self._testMethodName), "thorough"):
            self.skipTest("--quick")
        started = time.monotonic()
        self.addCleanup(lambda: print(f"{time.monotonic() - started:.1f} s ", end="",
                                      file=sys.stderr, flush=True))

    def tearDown(self):
        self.a.check()
        self.b.check()

    # What both guests can do.

    def ping(self, to=None, options="", source=None):
        """Ten pings that all come back."""
        guest = source or self.a
        output = guest.run(f"ping -q -c 10 -i 0.02 -W 5 {options} {to or address(1)}",
                           check=False).output
        self.assertIn(" 0% packet loss", output, output)

    def ping_beside_traffic(self):
        """A ping that comes back; beside a flood some find no buffer."""
        self.a.run(f"ping -q -c 20 -i 0.02 -W 1 {address(1)} > /tmp/out; "
                   "! grep -q ' 0 received' /tmp/out")

    def tcp(self, to=None, options="", source=None, server=None):
        """A short TCP stream; returns iperf3's report."""
        source, server = source or self.a, server or self.b
        listener = server.start(f"iperf3 -s -1 -p {PORT} --json")
        try:
            server.wait_port(PORT)
            report = source.run(f"iperf3 -c {to or address(1)} -p {PORT} -t {SECONDS} {options} "
                                "--json", 60).json()
        finally:
            listener.kill()
            listener.wait(check=False)
        self.assertNotIn("error", report)
        self.assertGreater(report["end"]["sum_received"]["bytes"], 1 << 20)
        return report["end"]

    @contextlib.contextmanager
    def traffic(self, seconds=60):
        """TCP both ways between the guests for as long as the block takes; it may break."""
        listener = self.b.start(f"iperf3 -s -p {PORT + 1}")
        self.b.wait_port(PORT + 1)
        client = self.a.start(f"iperf3 -c {address(1)} -p {PORT + 1} -t {seconds} --bidir")
        try:
            yield client
        finally:
            for command in (client, listener):
                command.kill()
                command.wait(check=False)

    def statistics(self, guest):
        """ethtool -S as a dictionary."""
        lines = guest.run("ethtool -S eth0").output.splitlines()[1:]
        return {name.strip(): int(value) for name, value in (line.split(":") for line in lines)}

    def wait_until(self, guest, condition, timeout_s=20):
        """Waits for a shell condition in a guest."""
        guest.run(f"until {condition}; do usleep 20000; done", timeout_s)

    def wait_carrier(self, guest, value=1):
        """Waits for the link to be up or down."""
        self.wait_until(guest, f'[ "$(cat /sys/class/net/eth0/carrier)" = {value} ]')

    def kernel_says(self, guest, text):
        """Waits for a line in the kernel's log."""
        self.wait_until(guest, f"dmesg | grep -q '{text}'")


def main():
    """Takes --kernel and --quick, and then what unittest takes."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--kernel", default="newest", help="6.1, 6.12 or newest")
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    arguments, rest = parser.parse_known_args()
    DriverCase.kernel = arguments.kernel
    DriverCase.quick = arguments.quick
    unittest.main(argv=[sys.argv[0], "-v", *rest])
