#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Guests with an IOMMU of their own, which maps and unmaps for every packet: each forgotten or
early unmap of the driver's becomes an access that the device refuses.

Classes are Intel and Virtio, the two IOMMUs that QEMU can give to a guest with a VIF.
SVIO_LONG_TESTS=1: minutes of traffic.
"""

import contextlib
import os
import pathlib
import re
import sys

import driver_case
from dma_messages import DmaMessages
from driver_case import DriverCase, address
from lab.vifs import HOST, module

STREAM_SECONDS = 180 if os.environ.get("SVIO_LONG_TESTS") else 10
PARAMETERS = "/sys/module/svio/parameters"
STRICT = "iommu.strict=1 iommu.passthrough=0 no_timer_check"
TRACING = "/sys/kernel/tracing"
PAGE = 4096


class Viommu:
    """Tests of both; a class of its own because unittest runs whatever is a TestCase."""

    wire = True

    @classmethod
    def setUpClass(cls):
        cls.messages = DmaMessages()
        cls.addClassCleanup(cls.messages.close)
        cls.options = {
            "append": STRICT,
            **cls.options,
            "arguments": [*cls.options["arguments"], *cls.messages.arguments],
            "files": {"/stale.ko": module(cls.kernel).parent / "stale/svio.ko"},
        }
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.faults_expected = self.faults_recorded()

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.faults_recorded(), self.faults_expected,
                         self.device.svio_json("faults"))
        self.assertEqual(self.statistics(self.b)["vif_dma_faults"], 0)
        self.assertEqual(self.statistics(self.b)["vif_queue_errors"], 0)

    def faults_recorded(self):
        """How many faults the device's log has had so far."""
        return self.device.svio_json("faults")["recorded"]

    def maps(self, name="a"):
        """The VIF's domain in sviod: count, bytes, table_pages."""
        return self.device.svio_json("vif", "show", name)["maps"]

    def domain_is_what_qemu_mapped(self, guest, name):
        """Compares the sum of all messages with sviod's tables. Nothing may be under way."""
        mapped = self.messages.mapped(guest)
        maps = self.maps(name)
        self.assertEqual(len(mapped), maps["count"])
        self.assertEqual(sum(size for size, *_ in mapped.values()), maps["bytes"])

    def descriptors(self):
        """Open files of sviod and of svio-fw, memory objects, and svio-fw's mappings of those."""
        pids = (self.device.process.pid, self.device.firmware_pid())
        maps = pathlib.Path(f"/proc/{pids[1]}/maps").read_text()
        return (*(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
                self.device.svio_json("status")["memory_objects"], maps.count("/memfd:ram"))

    def load(self, path="/svio.ko"):
        """A driver with its interface up, after rmmod."""
        self.a.run(f"insmod {path} && ip link set eth0 up && ip addr add {address(0)}/24 dev eth0",
                   60)
        self.wait_carrier(self.a)

    def test_strict_mapping_is_on(self):
        self.a.run("dmesg | grep -q 'invalidation policy: strict'")
        self.assertEqual(self.a.run("cat /sys/bus/pci/devices/%s/iommu_group/type"
                                    % self.a.pci).output.strip(), "DMA")

    def test_ping_any_size(self):
        for size in (18, 1472, 20000):
            self.ping(options=f"-s {size}")

    @contextlib.contextmanager
    def guest_account(self):
        """Has the guest's kernel note what its IOMMU layer maps and unmaps meanwhile; yields a
        function that returns the pages that are mapped: {iova: physical address}."""
        self.a.run(f"mountpoint -q {TRACING} || mount -t tracefs none {TRACING}; cd {TRACING}; "
                   "echo 16384 > buffer_size_kb; echo > trace; "
                   "echo 1 > events/iommu/map/enable; echo 1 > events/iommu/unmap/enable")

        def pages():
            mapped = {}
            text = self.a.run(f"cat {TRACING}/trace").output
            self.assertNotIn("LOST", text)
            for line in text.splitlines():
                if " map: " in line:
                    iova, paddr, size = re.search(
                        r"iova=(?:0x)?(\w+) - \w+ paddr=(?:0x)?(\w+) size=(\d+)", line).groups()
                    for at in range(0, int(size), PAGE):
                        mapped[int(iova, 16) + at] = int(paddr, 16) + at
                elif " unmap: " in line:
                    iova, size = re.search(r"iova=(?:0x)?(\w+) - \w+ size=(\d+)", line).groups()
                    for at in range(0, int(size), PAGE):
                        del mapped[int(iova, 16) + at]
            return mapped

        yield pages
        self.a.run(f"cd {TRACING}; echo 0 > events/iommu/map/enable; "
                   "echo 0 > events/iommu/unmap/enable; echo > trace; echo 8 > buffer_size_kb")

    def test_domain_holds_what_the_guest_mapped(self):
        self.a.run("rmmod svio")
        self.assertEqual(self.maps(), {"count": 0, "bytes": 0, "table_pages": 0,
                                       "table_pages_max": self.maps()["table_pages_max"]})
        with self.guest_account() as account:
            self.load()
            self.ping()
            self.a.run("sleep 1")
            pages = account()
            self.assertGreater(len(pages), 1000)
            self.assertEqual(self.maps()["bytes"], len(pages) * PAGE)
            mapped = {iova + at: offset + at
                      for iova, (size, offset, _) in self.messages.mapped(self.a).items()
                      for at in range(0, size, PAGE)}
            self.assertEqual(mapped, pages)
            shown = self.device.svio_json("iommu", "show", "a")
            listed = {line["iova"] + at: line["offset"] + at for line in shown["map"]
                      for at in range(0, line["bytes"], PAGE)}
            self.assertGreater(len(listed), 100)
            self.assertEqual({iova: pages.get(iova) for iova in listed}, listed)
            if not shown["maps_left_out"]:
                self.assertEqual(listed, pages)
        self.domain_is_what_qemu_mapped(self.a, "a")

    def test_stream_leaks_nothing(self):
        self.a.run("ip link set eth0 down")
        baseline = self.maps()
        self.a.run("ip link set eth0 up")
        self.wait_carrier(self.a)
        self.ping()
        descriptors = self.descriptors()
        before = self.messages.counts(self.a)
        listener = self.b.start(f"iperf3 -s -1 -p {driver_case.PORT} --json")
        self.b.wait_port(driver_case.PORT)
        report = self.a.run(f"iperf3 -c {address(1)} -p {driver_case.PORT} -t {STREAM_SECONDS} "
                            "--bidir --json", STREAM_SECONDS + 60).json()
        listener.wait()
        after = self.messages.counts(self.a)
        self.assertNotIn("error", report)
        # To the end, both ways: on a busy host a second may pass without a byte.
        for direction in ("sum", "sum_bidir_reverse"):
            late = report["intervals"][len(report["intervals"]) // 2:]
            self.assertGreater(sum(interval[direction]["bytes"] for interval in late), 0, direction)
        for kind, old, new in zip(("maps", "unmaps"), before, after):
            self.assertGreater(new - old, 1000, kind)
        self.assertEqual(self.descriptors(), descriptors)
        end = report["end"]
        print("%s s, %.0f + %.0f Mbit/s, %d maps, %d unmaps " % (
            STREAM_SECONDS, end["sum_received"]["bits_per_second"] / 1e6,
            end["sum_received_bidir_reverse"]["bits_per_second"] / 1e6,
            after[0] - before[0], after[1] - before[1]), end="", file=sys.stderr)
        for guest, name in ((self.a, "a"), (self.b, "b")):
            guest.run("ip link set eth0 down")
            self.assertEqual(self.maps(name), baseline)
            self.domain_is_what_qemu_mapped(guest, name)
            guest.run("ip link set eth0 up")
        self.wait_carrier(self.b)
        self.ping()

    def test_unmap_storms_and_resets_under_traffic(self):
        # Each resize, and each way down, unmaps the pages of a whole ring in one go.
        with self.traffic():
            for _ in range(3):
                self.a.run("ip link set eth0 down && ip link set eth0 up")
                self.a.run("ethtool -G eth0 rx 128; ethtool -G eth0 rx 4096", 120)
                self.a.run(f"echo 1 > /sys/bus/pci/devices/{self.a.pci}/reset", 60)
            self.a.run(f"echo {self.a.pci} > /sys/bus/pci/drivers/svio/unbind && "
                       f"echo {self.a.pci} > /sys/bus/pci/drivers/svio/bind", 60)
            self.a.run("rmmod svio", 60)
            self.assertEqual(self.maps()["count"], 0)
            self.load()
        self.ping()
        self.tcp()

    def fault_after(self, parameter):
        """Makes the stale driver misbehave once beside traffic; returns the fault and what the
        driver said that it would do: (queue, address)."""
        news = f"dmesg | tail -n +{len(self.a.run('dmesg').output.splitlines()) + 1}"
        self.faults_expected += 1
        self.a.run(f"echo 1 > {PARAMETERS}/{parameter}")
        self.wait_until(self.a, f"{news} | grep -q 'reset: running again'")
        self.wait_carrier(self.a)
        news = self.a.run(news).output
        said = re.search(r"TEST: (transmit|receive) queue (\d+) is given (0x[0-9a-f]+)", news)
        queue = {"transmit": "tx", "receive": "rx"}[said[1]] + " " + said[2]
        stopped = re.search(r"(transmit|receive) queue (\d+) stopped: (.*) \(reason (\d+), "
                            r"address (0x[0-9a-f]+)\)", news)
        self.assertEqual((stopped[1], stopped[2], stopped[5]), (said[1], said[2], said[3]))
        self.assertIn("not mapped", stopped[3])
        return self.device.svio_json("faults")["faults"][-1], (queue, int(said[3], 16))

    def test_stale_dma_is_caught_and_named(self):
        self.a.run("rmmod svio")
        self.load("/stale.ko")
        self.a.run("ethtool -G eth0 rx 128")
        self.wait_carrier(self.a)
        neighbour = self.b.start(f"ping -q -c 500 -i 0.01 {HOST}")
        flood = self.b.start(f"ping -q -f -s 1000 {address(0)}")
        for parameter, access in (("stale_read", "read"), ("stale_write", "write")):
            for _ in range(2):
                fault, (queue, at) = self.fault_after(parameter)
                self.assertEqual(
                    (fault["vif"], fault["queue"], fault["address"], fault["access"],
                     fault["reason"]), ("a", queue, at, access, "not mapped"))
        flood.kill()
        flood.wait(check=False)
        self.assertIn(" 0% packet loss", neighbour.wait().output)
        self.ping()
        self.a.run("rmmod svio")
        self.load()
        self.ping()


class Intel(Viommu, DriverCase):
    """VT-d; caching mode has QEMU told of each map."""

    options = {"arguments": ["-device", "intel-iommu,caching-mode=on,intremap=off"],
               "append": f"intel_iommu=on {STRICT}"}


class Virtio(Viommu, DriverCase):
    """virtio-iommu, whose driver is a module."""

    options = {"arguments": ["-device", "virtio-iommu-pci"], "before": "modprobe virtio_iommu"}


if __name__ == "__main__":
    driver_case.main()
