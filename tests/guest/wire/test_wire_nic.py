#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio inside a virtual machine, whose NIC (igb) stands behind an IOMMU and is its wire: frames
leave from guests' memory without a copy, and memory that was taken back cannot be read.

WireNic: through VFIO's type 1. WireNicIommufd: all of it through iommufd, which no Debian kernel has:
with the modules of tests/lab/prepare iommufd."""

import glob
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tests/lab"))

from lab import Guest, Net, paths  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", TOP / "build/release"))
IGB, ETHERTYPE, HEAD = "0x10c9", b"\x88\xb5", 128
DRIVERS = "librte_net_e1000", "librte_bus_pci", "librte_bus_vdev", "librte_mempool_ring"
ROOT = "/host"


def pattern(number, index):
    """As wire_guest.c fills its frames."""
    return (number * 7 + index * 13) & 0xFF


def libraries(program):
    """What the loader would load, by name."""
    output = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return {name for name in re.findall(r"(/\S+\.so\S*) ", output)}


def host_files():
    """Programs, libraries and DPDK's drivers, under ROOT as they are here."""
    programs = [BUILD / "bin" / name for name in ("sviod", "svio-fw", "svio")]
    programs += [BUILD / "tests/bin" / name for name in ("wire_guest", "wire_fault")]
    files = {f"{ROOT}/bin/{path.name}": path for path in programs}
    needed = set().union(*map(libraries, programs))
    for name in DRIVERS:
        # EAL takes what ends in its own version.
        driver = glob.glob(f"/usr/lib/*/dpdk/pmds-*/{name}.so.*.0")[0]
        needed |= {driver} | libraries(driver)
    files.update({ROOT + name: os.path.realpath(name) for name in needed})
    return files


def ones_sum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def l4_holds(frame, kind):
    """Are the checksums of a TCP or UDP frame right, and its lengths?"""
    protocol = 6 if kind.startswith("tcp") else 17
    if kind.endswith("4"):
        ip, addresses, size = frame[14:34], frame[26:34], struct.unpack_from(">H", frame, 16)[0] - 20
        if ones_sum(ip) != 0xFFFF:
            return False
    else:
        addresses, size = frame[22:54], struct.unpack_from(">H", frame, 18)[0]
    l4 = frame[34 if kind.endswith("4") else 54:]
    return size == len(l4) and \
        ones_sum(addresses + struct.pack(">HH", protocol, len(l4)) + l4) == 0xFFFF


def frames(path):
    """Frames of a pcap file."""
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


class WireNic(unittest.TestCase):
    interface = "VFIO type 1"  # what svio-fw has to use
    kernel = "newest"
    files = {}
    modprobe = "modprobe vfio-pci && modprobe vfio_iommu_type1"

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="svio-wire-")
        cls.addClassCleanup(folder.cleanup)
        cls.pcap = pathlib.Path(folder.name) / "wire.pcap"
        # Huge pages: behind an IOMMU QEMU's NICs lose a frame that crosses into a page which is not
        # the next one in memory. Functions of one slot without ACS share a group.
        net = cls.enterClassContext(Net())
        cls.host = Guest("host", kernel=cls.kernel, memory_mb=768, cpus=2, prefix=net.prefix,
                         files={**host_files(), **cls.files},
                         append="intel_iommu=on hugepages=160", arguments=[
                             "-device", "intel-iommu,intremap=on",
                             # The emulated NIC itself completes checksums and cuts segments.
                             "-netdev", f"tap,id=wire,ifname={net.tap('wire0')},script=no,"
                             "downscript=no,vhost=off,vnet_hdr=off",
                             "-object", f"filter-dump,id=dump,netdev=wire,file={cls.pcap}",
                             "-device", "pcie-root-port,id=slot0,chassis=9,slot=9",
                             "-device", "igb,netdev=wire,bus=slot0",
                             "-device", "e1000,addr=5.0,multifunction=on",
                             "-device", "e1000,addr=5.1"])
        cls.enterClassContext(cls.host)
        cls.host.run(cls.modprobe)
        cls.nic = cls.find(IGB)[0]
        cls.shared = cls.find("0x100e")
        for address in (cls.nic, cls.shared[0]):
            cls.host.run(f"cd /sys/bus/pci; echo vfio-pci > devices/{address}/driver_override; "
                         f"echo {address} > drivers_probe")
        cls.host.run(f"cd {ROOT} && mkdir -p dev sys proc run tmp var && ln -s ../run var/run && "
                     "mount --rbind /dev dev && mount --rbind /sys sys && mount -t proc none proc")
        # One file under two names, as it is installed: the loader would take two for two libraries.
        cls.host.run(f"cd {ROOT} && for driver in usr/lib/*/dpdk/pmds-*/*; do name=${{driver##*/}}; "
                     "for library in lib/*/${name%.0}; do [ -e $library ] && "
                     "ln -sf /$driver $library; done; done; true")

    @classmethod
    def find(cls, device):
        """Addresses of the PCI devices of an ID."""
        return cls.host.run(f"cd /sys/bus/pci/devices; grep -l {device} */device | cut -d/ -f1"
                            ).output.split()

    def inside(self, command, **options):
        """Runs a command in the folder with svio."""
        return self.host.run(f"chroot {ROOT} {command}", **options)

    def counters(self):
        """The device's own."""
        return self.inside("svio --run-dir /run/svio stats --json").json()["device"]

    def sent(self):
        """Frames of wire_guest that have left the NIC."""
        return [frame for frame in frames(self.pcap) if frame[12:14] == ETHERTYPE]

    def start_sviod(self, wire):
        """Starts it and waits until it is ready or has ended."""
        self.host.run("rm -f /tmp/sviod.log")
        sviod = self.host.start(f"chroot {ROOT} sviod --run-dir /run/svio --wire {wire} "
                                "> /tmp/sviod.log 2>&1")
        self.host.run("until grep -qsE 'is ready|error|bound to' /tmp/sviod.log; do usleep 50000; done", 90)
        return sviod

    def stop_sviod(self, sviod):
        """Ends it as a service manager does."""
        self.host.run("kill $(cat /host/run/svio/lock)")
        sviod.wait()

    def start_device(self, wire):
        """sviod with a VIF on a wire whose link is up."""
        self.addCleanup(self.stop_sviod, self.start_sviod(wire))
        self.inside("svio --run-dir /run/svio vif add a")
        self.host.run(f"until chroot {ROOT} svio --run-dir /run/svio status | "
                      "grep -q 'link up'; do usleep 100000; done", 30)

    def send(self, count, size):
        """Sends frames from a guest; checks that each left, whole and in order."""
        before = len(self.sent())
        self.inside(f"wire_guest /run/svio/a.sock {count} {size}", timeout_s=90)
        news = self.sent()[before:]
        self.assertEqual(len(news), count)
        for number, frame in enumerate(news):
            self.assertEqual(struct.unpack_from(">I", frame, 14)[0], number)
            self.assertEqual(frame[18:size], bytes(pattern(number, i) for i in range(18, size)))

    def send_offloaded(self, count, size, kind):
        """Sends TCP or UDP whose checksums, and segments, are left to the device; checks what
        left the NIC; how many frames that were."""
        ethertype = b"\x08\x00" if kind.endswith("4") else b"\x86\xdd"
        header = {"tcp4": 54, "tcp6": 74, "udp4": 42, "udp6": 62}[kind]
        segment = 1400 if size > 1514 else size - header

        def now():
            return [frame for frame in frames(self.pcap)
                    if frame[12:14] == ethertype and frame[:6] == b"\xff" * 6]
        before = len(now())
        self.inside(f"wire_guest /run/svio/a.sock {count} {size} {kind}", timeout_s=90)
        news = now()[before:]
        each = -(-(size - header) // segment)
        self.assertEqual(len(news), count * each, self.counters())
        for number in range(count):
            packet = news[number * each:(number + 1) * each]
            payload = b"".join(frame[header:] for frame in packet)
            self.assertEqual(payload[:4], struct.pack(">I", number))
            self.assertEqual(payload[4:], bytes(pattern(number, i) for i in range(header + 4, size)))
            for frame in packet:
                self.assertTrue(l4_holds(frame, kind), frame[:header].hex())
        return len(news)

    def check_offloads(self):
        """The NIC works on TCP and UDP: a segmented packet was given to it as one."""
        for kind in "tcp4", "tcp6", "udp4", "udp6":
            for size in 100, 1513:
                before = self.counters()["wire_tx_packets"]
                self.assertEqual(self.send_offloaded(20, size, kind), 20)
                self.assertEqual(self.counters()["wire_tx_packets"] - before, 20)
        for kind in "tcp4", "tcp6":
            before = self.counters()
            self.assertGreater(self.send_offloaded(20, 50001, kind), 20 * 35)
            after = self.counters()
            self.assertEqual(after["wire_tx_packets"] - before["wire_tx_packets"], 20)
            self.assertEqual(after["wire_tx_bytes"] - before["wire_tx_bytes"], 20 * 50001)
        # igb does not segment UDP: the firmware does.
        before = self.counters()["wire_tx_packets"]
        news = self.send_offloaded(5, 30001, "udp4")
        self.assertEqual(self.counters()["wire_tx_packets"] - before, news)

    def test_nic_completes_checksums_and_segments(self):
        self.start_device(self.nic)
        self.check_offloads()

    def test_nic_segments_guests_memory(self):
        self.start_device(f"{self.nic},zero-copy")
        before = self.counters()["wire_tx_lent_bytes"]
        self.check_offloads()
        self.assertGreater(self.counters()["wire_tx_lent_bytes"] - before, 40 * 49000)
        self.assertEqual(self.faults(), [])

    def faults(self):
        """What the VM's IOMMU has refused: addresses."""
        return re.findall(r"DMAR: \[DMA Read.*fault addr (0x[0-9a-f]+)",
                          self.host.run("dmesg").output)

    def test_frames_leave_from_guests_memory(self):
        self.start_device(f"{self.nic},zero-copy")
        self.host.run(f"grep -q 'is lent through {self.interface}' /tmp/sviod.log")
        self.send(400, 1514)
        counters = self.counters()
        self.assertEqual(counters["wire_tx_lent_bytes"], 400 * (1514 - HEAD))
        # Pages were lent once and used again; the guest's end took all of them back.
        self.assertGreater(counters["wire_lends"], 0)
        self.assertLess(counters["wire_lends"], 1100)
        self.assertGreater(counters["wire_revokes"], 0)
        self.send(50, 60)
        self.assertEqual(self.counters()["wire_tx_lent_bytes"], 400 * (1514 - HEAD))
        # Another guest's memory, lent anew.
        self.send(100, 1000)
        after = self.counters()
        self.assertEqual(after["wire_tx_lent_bytes"],
                         400 * (1514 - HEAD) + 100 * (1000 - HEAD))
        self.assertGreater(after["wire_revokes"], counters["wire_revokes"])
        self.assertEqual(self.faults(), [])

    def test_copies_without_being_asked_to_lend(self):
        self.start_device(self.nic)
        self.send(100, 1514)
        self.assertEqual(self.counters()["wire_tx_lent_bytes"], 0)

    def test_page_taken_back_is_a_fault(self):
        before = self.faults()
        output = self.inside(f"wire_fault {self.nic}", timeout_s=90).output
        page = re.search(f"{self.interface} (0x[0-9a-f]+)", output)[1]
        self.host.run("until dmesg | grep -q 'DMAR: .DMA Read'; do usleep 50000; done", 10)
        self.assertEqual(self.faults()[len(before):], [page])
        contents = [set(frame) for frame in frames(self.pcap) if len(frame) >= 1000]
        self.assertIn({ord("L")}, contents)
        self.assertNotIn({ord("R")}, contents)

    def test_shared_group_is_refused_with_its_members_and_a_remedy(self):
        sviod = self.start_sviod(self.shared[0])
        log = self.host.run("cat /tmp/sviod.log").output
        self.assertEqual(sviod.wait(check=False).status, 1)
        self.assertIn(f"{self.shared[0]}: shares IOMMU group", log)
        self.assertIn(self.shared[1], log)
        self.assertIn("ACS", log)

    def test_other_drivers_device_is_told_how_to_bind(self):
        sviod = self.start_sviod(self.shared[1])
        sviod.wait(check=False)
        log = self.host.run("cat /tmp/sviod.log").output
        self.assertIn(f"{self.shared[1]}: bound to no driver: bind it to vfio-pci", log)


MODULES = paths.kernel("6.12") / "iommufd"


@unittest.skipUnless((MODULES / "vfio-pci.ko").exists(), "needs tests/lab/prepare iommufd")
class WireNicIommufd(WireNic):
    """/dev/vfio/vfio is iommufd's."""

    interface = "iommufd"
    kernel = "6.12"
    files = {f"/iommufd/{module.name}": module for module in MODULES.glob("*.ko")}
    modprobe = "modprobe irqbypass && cd /iommufd && for module in iommufd vfio vfio-pci-core " \
        "vfio-pci; do insmod $module.ko || exit 1; done"


if __name__ == "__main__":
    unittest.main(verbosity=2)
