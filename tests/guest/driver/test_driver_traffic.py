#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Packets of all kinds between two guests, and with the host on the wire."""

import subprocess

import driver_case
from driver_case import PORT, SECONDS, DriverCase, address, thorough
from lab import spawn, stop
from lab.vifs import HOST
from rate_cases import RateCases
from xdp_cases import LOADER, XdpCases

OFFLOADS = ("rx", "tx", "sg", "tso", "gso", "gro", "rx-gro-hw", "rxvlan", "txvlan", "rxhash",
            "tx-udp-segmentation")


class Traffic(RateCases, XdpCases, DriverCase):
    wire = True
    options = {"files": LOADER}

    def tearDown(self):
        self.detach()
        super().tearDown()
        for guest in (self.a, self.b):
            guest.run("for f in %s; do ethtool -K eth0 $f on; done 2> /dev/null; "
                      "ip link set eth0 mtu 1500" % " ".join(OFFLOADS))

    def test_ping_both_ways_and_host_all_answered(self):
        self.ping()
        self.ping(address(0), source=self.b)
        self.ping(HOST)
        self.ping(HOST, source=self.b)

    @thorough
    def test_ping_any_size_all_answered(self):
        for size in (0, 1, 18, 214, 215, 1472, 1473, 4000, 20000, 60000):
            self.ping(options=f"-s {size}")

    def test_ipv6_ping_and_tcp(self):
        for index, guest in enumerate((self.a, self.b)):
            guest.run(f"ip addr add fd00::{index + 2}/64 dev eth0 nodad")
        self.ping("fd00::3", options="-6")
        self.ping("fd00::3", options="-6 -s 9000")
        before = self.statistics(self.a)["tx0_gso_packets"]
        self.tcp("fd00::3", "-6")
        stats = self.statistics(self.a)
        sent = sum(stats[f"tx{q}_gso_packets"] for q in range(4))
        self.assertGreater(sent, before, "TCP over IPv6 was not left unsegmented")

    @thorough
    def test_tcp_default_offloads_passes_unsegmented(self):
        before = self.statistics(self.b)["vif_rx_tso_packets"]
        self.tcp()
        self.assertGreater(self.statistics(self.b)["vif_rx_tso_packets"], before)
        self.tcp(address(0), source=self.b, server=self.a)
        self.tcp(options="--bidir -P 3")

    @thorough
    def test_tcp_each_offload_off_still_correct(self):
        for feature in OFFLOADS:
            with self.subTest(feature=feature):
                for guest in (self.a, self.b):
                    guest.run(f"ethtool -K eth0 {feature} off", check=False)
                self.tcp()
                self.ping(options="-s 3000")
                for guest in (self.a, self.b):
                    guest.run(f"ethtool -K eth0 {feature} on", check=False)

    def test_tcp_receiver_without_offloads_gets_segments(self):
        self.b.run("ethtool -K eth0 rx-gro-hw off")
        before = self.statistics(self.b)["vif_rx_tso_packets"]
        self.tcp()
        self.assertEqual(self.statistics(self.b)["vif_rx_tso_packets"], before)
        self.b.run("ethtool -K eth0 rx off")
        self.tcp()

    @thorough
    def test_udp_stream_arrives_undamaged(self):
        for size in (18, 1400, 2000):
            receiver = self.b.start("netprobe recv -p 7007 -t 20")
            self.b.wait_port(7007, "udp")
            self.a.run(f"netprobe send {address(1)} -p 7007 -s {size} -t 2 -r 2000")
            report = receiver.wait(40).json()
            self.assertEqual(report["corrupt"], 0)
            self.assertGreater(report["sent"] - report["lost"], 1000)

    def test_mtu_9000_uses_whole_frames(self):
        for guest in (self.a, self.b):
            guest.run("ip link set eth0 mtu 9000")
        self.ping(options="-s 8972 -M do")
        self.tcp()
        for guest in (self.a, self.b):
            guest.run("ethtool -K eth0 tso off gso off gro off rx-gro-hw off")
        self.tcp()

    @thorough
    def test_mtu_change_under_traffic(self):
        with self.traffic():
            for mtu in (9000, 1500, 576, 4000, 1280, 9000, 1500):
                self.a.run(f"ip link set eth0 mtu {mtu}")
                self.wait_carrier(self.a)
                self.ping_beside_traffic()
        self.ping()
        self.a.run("ip link set eth0 mtu 67", check=False)
        self.assertIn("mtu 1500", self.a.run("ip link show eth0").output)

    def test_vlan_tag_in_metadata_and_in_frame(self):
        for index, guest in enumerate((self.a, self.b)):
            guest.run("modprobe 8021q && ip link add link eth0 name v5 type vlan id 5 && "
                      f"ip addr add 10.79.0.{index + 2}/24 dev v5 && ip link set v5 up")
        try:
            self.ping("10.79.0.3")
            self.tcp("10.79.0.3")
            for guest in (self.a, self.b):
                guest.run("ethtool -K eth0 txvlan off rxvlan off")
            self.ping("10.79.0.3", "-s 5000")
            self.tcp("10.79.0.3")
        finally:
            for guest in (self.a, self.b):
                guest.run("ip link del v5")

    def test_wire_tcp_both_ways(self):
        listener = spawn([*self.net.prefix, "iperf3", "-s", "-p", str(PORT)],
                         stdout=subprocess.DEVNULL)
        try:
            for options in ("", "-R"):
                report = self.a.run(f"until iperf3 -c {HOST} -p {PORT} -t {SECONDS} {options} "
                                    "--json > /tmp/r; do usleep 100000; done; cat /tmp/r", 60)
                self.assertGreater(report.json()["end"]["sum_received"]["bytes"], 1 << 20)
        finally:
            stop(listener)

    def test_counters_agree_between_driver_and_device(self):
        # From here on: the device's begin anew with each queue, the driver's do not.
        before = [self.statistics(guest) for guest in (self.a, self.b)]
        self.tcp()
        for guest, early in zip((self.a, self.b), before):
            stats = self.statistics(guest)
            for name in (f"{kind}{q}" for q in range(4) for kind in ("tx", "rx")):
                by_driver, by_device = (stats[f"{name}_{which}"] - early[f"{name}_{which}"]
                                        for which in ("packets", "device_packets"))
                self.assertEqual(by_driver, by_device, name)

    def test_rss_flows_use_all_queues(self):
        self.tcp(options="-P 8")
        stats = self.statistics(self.b)
        self.assertGreater(stats["rx0_packets"], 0)
        self.assertGreater(stats["rx1_packets"], 0, "one of two queues stayed empty")


if __name__ == "__main__":
    driver_case.main()
