#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The driver with a map queue: it grants every page to the device and revokes it again, without
a vIOMMU. Each forgotten or early revocation becomes an access that the device refuses."""

import re
import sys

import driver_case
from driver_case import DriverCase, address, thorough
from lab.vifs import module
from xdp_cases import LOADER, XdpTools


class MapQueue(XdpTools, DriverCase):
    options = {"vif_options": ("--map-queue",), "files": LOADER}

    @classmethod
    def setUpClass(cls):
        if cls.kernel != "6.1":
            cls.options = {**cls.options,
                           "files": {**LOADER, "/stale.ko":
                                     module(cls.kernel).parent / "stale/svio.ko"}}
        super().setUpClass()
        for index, guest in enumerate((cls.a, cls.b)):
            guest.run("rmmod svio")
            cls.load(guest, index)

    @classmethod
    def load(cls, guest, index, path="/svio.ko"):
        """The driver with its map queue, and its interface up."""
        guest.run(f"insmod {path} map_queue=1 && ip link set eth0 up && "
                  f"ip addr add {address(index)}/24 dev eth0", 60)
        guest.run('until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do usleep 20000; done', 20)

    def setUp(self):
        super().setUp()
        self.faults = self.device.svio_json("faults")["recorded"]

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.device.svio_json("faults")["recorded"], self.faults,
                         self.device.svio_json("faults"))
        self.assertEqual(self.statistics(self.b)["vif_queue_errors"], 0)

    def granted(self, guest):
        """Pages that the device has of a guest now, and those it ever had."""
        stats = self.statistics(guest)
        return stats["vif_map_granted"] - stats["vif_map_revoked"], stats["vif_map_granted"]

    def test_rings_and_buffers_are_granted_and_no_more(self):
        # From new: what page pools have kept of earlier traffic is granted, too.
        self.a.run("ip link set eth0 down && ip link set eth0 up")
        self.wait_carrier(self.a)
        now, _ = self.granted(self.a)
        # 2 pairs: 1024 receive pages each, and at most a pool's cache of 128; rings, some packets.
        self.assertGreaterEqual(now, 2 * 1024)
        self.assertLess(now, 2 * (1024 + 128) + 64)

    def test_ping_any_size(self):
        for size in (18, 1472, 20000):
            self.ping(options=f"-s {size}")

    def test_tcp_both_ways_by_grants(self):
        _, before = self.granted(self.a)
        self.tcp()
        self.tcp(address(0), source=self.b, server=self.a)
        _, after = self.granted(self.a)
        self.assertGreater(after - before, 1000)
        print(f"{after - before} pages granted ", end="", file=sys.stderr)

    def test_xdp_sends_back_from_pages_that_stay_granted(self):
        self.attach("tx")
        self.echo()
        _, before = self.granted(self.b)
        sent, counts = self.echo("rx_xdp_tx", "tx_xdp_packets")
        _, after = self.granted(self.b)
        self.assertEqual(counts, {"rx_xdp_tx": sent, "tx_xdp_packets": sent})
        self.assertLess(after - before, sent)
        self.attach("redirect")
        sent, counts = self.echo("rx_xdp_redirect", "tx_xdp_packets")
        self.assertEqual(counts, {"rx_xdp_redirect": sent, "tx_xdp_packets": sent})
        self.detach()
        self.ping()

    def test_down_revokes_everything(self):
        self.ping()
        self.a.run("ip link set eth0 down")
        self.assertEqual(self.granted(self.a)[0], 0)
        self.a.run("ip link set eth0 up")
        self.wait_carrier(self.a)
        self.ping()

    def test_reload_resize_and_reset_under_traffic(self):
        with self.traffic():
            for _ in range(3):
                self.a.run("ip link set eth0 down && ip link set eth0 up")
                self.a.run("ethtool -G eth0 rx 128; ethtool -G eth0 rx 1024")
                self.a.run(f"echo 1 > /sys/bus/pci/devices/{self.a.pci}/reset", 60)
            self.a.run("rmmod svio", 120)
            self.load(self.a, 0)
        self.ping()
        self.a.run("! dmesg | grep -q 'never unmapped'")

    @thorough
    def test_firmware_is_killed_under_traffic(self):
        with self.traffic():
            for _ in range(3):
                self.device.kill_firmware()
                self.ping_beside_traffic()
        self.ping()
        self.a.run("! dmesg | grep -q 'map queue'")

    @thorough
    def test_page_used_after_its_revocation_is_caught_and_named(self):
        self.a.run("rmmod svio")
        self.load(self.a, 0, "/stale.ko")
        for parameter, access in (("stale_read", "read"), ("stale_write", "write")):
            news = f"dmesg | tail -n +{len(self.a.run('dmesg').output.splitlines()) + 1}"
            self.faults += 1
            if access == "write":
                self.a.run("ethtool -G eth0 rx 128")
                self.wait_carrier(self.a)
            flood = self.b.start(f"ping -q -f -s 1000 {address(0)}")
            self.a.run(f"echo 1 > /sys/module/svio/parameters/{parameter}")
            self.wait_until(self.a, f"{news} | grep -q 'reset: running again'")
            flood.kill()
            flood.wait(check=False)
            said = re.search(r"queue (\d+) is given (0x[0-9a-f]+)", self.a.run(news).output)
            fault = self.device.svio_json("faults")["faults"][-1]
            self.assertEqual(
                (fault["vif"], fault["queue"].split()[1], fault["address"], fault["access"],
                 fault["reason"]),
                ("a", said[1], int(said[2], 16), access, "not granted by the guest"))
            self.wait_carrier(self.a)
        self.ping()
        self.a.run("rmmod svio")
        self.load(self.a, 0)
        self.ping()


if __name__ == "__main__":
    driver_case.main()
