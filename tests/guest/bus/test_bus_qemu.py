#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Stock QEMU on the bus, the VIF behind it being a recorder (bus_server): no driver, no firmware.

usage: test_bus_qemu.py [unittest arguments]; SVIO_BUILD_DIR is the build tree.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tests/lab"))
from lab import Guest, LabError  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", TOP / "build/release"))
DEVICE = "/sys/bus/pci/devices/0000:01:00.0"


class BusServer:
    """bus_server on a socket in a folder of its own; what the VIF was told is in records."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="bus-qemu-")
        self.path = pathlib.Path(self._folder.name) / "vif.sock"
        self.records = []
        self._news = threading.Condition()
        self.process = subprocess.Popen([BUILD / "tests/bin/bus_server", self.path], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("ready")

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.records.append(line.strip())
                self._news.notify_all()

    def wait(self, record, timeout_s=30):
        """Waits until record was seen."""
        with self._news:
            if not self._news.wait_for(lambda: record in self.records, timeout_s):
                raise AssertionError(f"no '{record}' in {self.records}")

    def forget(self):
        """Empties the records."""
        with self._news:
            self.records.clear()

    def device(self, **more):
        """The -device of this VIF."""
        return {"driver": "vfio-user-pci", "socket": {"type": "unix", "path": str(self.path)},
                **more}

    def end(self):
        """Ends the server in good order; its exit status."""
        if self.process.stdin:
            self.process.stdin.close()
            self.process.stdin = None
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        status = self.end()
        self._reader.join()
        self.process.stdout.close()
        self._folder.cleanup()
        if status:
            raise AssertionError(f"bus_server ended with status {status}")


class BusQemu(unittest.TestCase):
    """Each case boots guests of its own."""

    def see_device(self, guest):
        """PCI core and capabilities, as the guest's kernel sees them."""
        read = guest.run(f"cd {DEVICE} && cat vendor device class reset_method").output.split()
        self.assertEqual(read[:3], ["0x1234", "0x5610", "0x020000"])
        self.assertIn("flr", read[3:])
        bars = [line.split() for line in guest.run(f"cat {DEVICE}/resource").output.splitlines()]
        sizes = [int(bar[1], 16) - int(bar[0], 16) + 1 if int(bar[1], 16) else 0 for bar in bars]
        self.assertEqual(sizes[:6], [0x1000, 0, 0x2000, 0, 0x2000, 0])
        return [int(bar[0], 16) for bar in bars[:6]]

    def use_device(self, guest, server, bars):
        """Registers by message, doorbells by memory, a function-level reset."""
        guest.run(f"echo 1 > {DEVICE}/enable")
        value = guest.run(f"busybox devmem {bars[0] + 4:#x} 32").output.strip()
        self.assertEqual(value, "0x07060504")
        server.forget()
        guest.run(f"busybox devmem {bars[0] + 0x90:#x} 32 0x55")
        server.wait("reg_write 0x9000000055")
        guest.run(f"busybox devmem {bars[2] + 0x1000:#x} 32 0xabcd")
        value = guest.run(f"busybox devmem {bars[2] + 0x1000:#x} 32").output.strip()
        self.assertEqual(value, "0x0000ABCD")
        self.assertEqual([r for r in server.records if not r.startswith("dma_")],
                         ["reg_write 0x9000000055"])
        server.forget()
        guest.run(f"echo 1 > {DEVICE}/reset")
        self.assertEqual([r for r in server.records if r.startswith("reset")], ["reset 0x0"])
        self.see_device(guest)

    def test_guest_sees_uses_and_resets_device(self):
        """Boot, accesses, FLR, remove and rescan, reboot; then QEMU is killed."""
        with BusServer() as server:
            with Guest("a", devices=[server.device(bus="rp0")], ports=1, reboots=True) as guest:
                self.use_device(guest, server, self.see_device(guest))
                guest.run(f"echo 1 > {DEVICE}/remove; echo 1 > /sys/bus/pci/rescan")
                self.see_device(guest)
                guest.qmp.command("system_reset")
                guest.wait_ready(boots=2)
                self.use_device(guest, server, self.see_device(guest))
                server.forget()
                guest.process.kill()
                server.wait("disconnected 0x0")

    def test_second_guest_is_refused_at_once(self):
        """device_add on a VIF in use fails by our answer, not by QEMU's timeout."""
        with BusServer() as server:
            with Guest("a", kernel="6.1", devices=[server.device(bus="rp0")], ports=1) as first:
                with Guest("b", ports=1) as second:
                    with self.assertRaisesRegex(LabError, "(?i)busy"):
                        second.qmp.raw("device_add", server.device(bus="rp0", id="late"))
                    second.run("true")
                self.assertNotIn("disconnected 0x0", server.records)
                self.use_device(first, server, self.see_device(first))

    def test_hot_plug_works(self):
        """device_add of a VIF into a running guest."""
        with BusServer() as server, Guest("a", ports=1) as guest:
            guest.qmp.raw("device_add", server.device(bus="rp0", id="late"))
            guest.run(f"until [ -e {DEVICE}/vendor ]; do usleep 20000; done", 30)
            self.use_device(guest, server, self.see_device(guest))

    def test_qemu_survives_servers_end(self):
        """The server ends in good order while the guest writes registers: all ones, no abort."""
        with BusServer() as server:
            with Guest("a", devices=[server.device(bus="rp0")], ports=1) as guest:
                bars = self.see_device(guest)
                guest.run(f"echo 1 > {DEVICE}/enable")
                server.forget()
                writer = guest.start(f"while :; do busybox devmem {bars[0] + 0x90:#x} 32 7; done")
                server.wait("reg_write 0x9000000007")
                self.assertEqual(server.end(), 0)
                guest.run("true")
                writer.kill()
                value = guest.run(f"busybox devmem {bars[0]:#x} 32").output.strip()
                self.assertEqual(value, "0xFFFFFFFF")
                self.assertIsNone(guest.process.poll())


if __name__ == "__main__":
    unittest.main()
