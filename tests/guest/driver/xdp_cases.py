# SPDX-License-Identifier: BSD-3-Clause
"""XDP programs in guest b, which judge what guest a sends: a part of test_driver_traffic.py.

xdp_load makes programs with one verdict on UDP to one port; everything else passes them.
"""

import os
import pathlib

from driver_case import TOP, address, thorough

BUILD = pathlib.Path(os.environ.get("SVIO_BUILD_DIR", TOP / "build/release"))
LOADER = {"/bin/xdp_load": BUILD / "tests/bin/xdp_load"}

PORT = 7007
PROGRAM = "/sys/fs/bpf/program"
INVALID = 99

# What one buffer of the driver's holds while there is a program, less Ethernet and a tag.
SINGLE_MTU = 3520 - 18


class XdpTools:
    """What tests of XDP do. Wants guests with LOADER."""

    def attach(self, verdict, frags=False, check=True):
        """Puts a program on b's interface, in the place of the one that is there."""
        return self.b.run(
            "mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf; "
            f"rm -f {PROGRAM}; xdp_load {PROGRAM} {verdict} {PORT} {'frags' if frags else ''} && "
            f"ip -force link set dev eth0 xdpdrv pinned {PROGRAM}", check=check)

    def detach(self):
        self.b.run("ip link set dev eth0 xdpdrv off")

    def sums(self, guest, *names):
        """Counters over all queues: {"rx_xdp_drop": 3} for rx0_xdp_drop, rx1_xdp_drop, ..."""
        stats = self.statistics(guest)
        return {name: sum(stats[f"{name[:2]}{queue}{name[2:]}"]
                          for queue in range(32) if f"{name[:2]}{queue}{name[2:]}" in stats)
                for name in names}

    def udp(self, guest, *names):
        """Counters of the guest's own UDP."""
        lines = [line.split() for line in guest.run("grep ^Udp: /proc/net/snmp").output.splitlines()]
        values = dict(zip(lines[0], lines[1]))
        return sum(int(values[name]) for name in names)

    def send(self, seconds=0.1):
        """Sends datagrams to the programs' port; returns how many. b has received them."""
        before = self.udp(self.a, "OutDatagrams")
        packets = self.sums(self.b, "rx_packets")["rx_packets"]
        self.a.run(f"netprobe send {address(1)} -p {PORT} -t {seconds} -r 2000")
        sent = self.udp(self.a, "OutDatagrams") - before
        for _ in range(100):
            if self.sums(self.b, "rx_packets")["rx_packets"] - packets >= sent:
                return sent
        self.fail(f"{sent} datagrams were sent, not all arrive")
        return 0

    def counted(self, names, action):
        """What an action does to counters of b; returns (its result, {name: difference})."""
        before = self.sums(self.b, *names)
        result = action()
        after = self.sums(self.b, *names)
        return result, {name: after[name] - before[name] for name in names}

    def echo(self, *names, options=""):
        """Round trips through b's program; returns how many packets, and what b counted."""
        sent = self.udp(self.a, "OutDatagrams")
        report, counts = self.counted(names, lambda: self.a.run(
            f"netprobe ping {address(1)} -p {PORT} -c 50 {options}").json())
        self.assertEqual((report["received"], report["corrupt"]), (50, 0), report)
        return self.udp(self.a, "OutDatagrams") - sent, counts


class XdpCases(XdpTools):
    """All of XDP."""

    def test_xdp_verdicts_counted_exactly(self):
        trace = "/sys/kernel/debug/tracing"
        names = ("rx_xdp_drop", "rx_xdp_aborted", "rx_xdp_tx", "rx_xdp_redirect", "rx_dropped")
        aborted = 0
        self.b.run(f"echo > {trace}/trace; echo 1 > {trace}/events/xdp/xdp_exception/enable")
        for verdict, counter in (("drop", "rx_xdp_drop"), ("aborted", "rx_xdp_aborted"),
                                 (INVALID, "rx_xdp_aborted"), ("pass", None)):
            with self.subTest(verdict=verdict):
                self.attach(verdict)
                stack = self.udp(self.b, "InDatagrams", "NoPorts")
                sent, counts = self.counted(names, self.send)
                expected = dict.fromkeys(names, 0)
                if counter:
                    expected[counter] = sent
                self.assertEqual(counts, expected)
                self.assertGreater(sent, 20)
                self.assertEqual(self.udp(self.b, "InDatagrams", "NoPorts") - stack,
                                 0 if counter else sent)
                aborted += counts["rx_xdp_aborted"]
        traced = self.b.run(f"grep -c xdp_exception: {trace}/trace; "
                            f"echo 0 > {trace}/events/xdp/xdp_exception/enable").output
        self.assertEqual(int(traced), aborted)
        self.ping()

    def test_xdp_tx_and_redirect_send_every_packet_back(self):
        names = ("rx_xdp_tx", "rx_xdp_redirect", "rx_xdp_aborted", "tx_xdp_packets",
                 "tx_xdp_dropped")
        for verdict in ("tx", "redirect"):
            with self.subTest(verdict=verdict):
                self.attach(verdict)
                sent, counts = self.echo(*names)
                self.assertEqual(counts, {**dict.fromkeys(names, 0), f"rx_xdp_{verdict}": sent,
                                          "tx_xdp_packets": sent})
                self.ping()

    def test_xdp_frags_in_several_buffers(self):
        for guest in (self.a, self.b):
            guest.run("ip link set eth0 mtu 9000")
        names = ("rx_xdp_tx", "rx_xdp_redirect", "tx_xdp_packets")
        # Linux 6.1 redirects no packet in several pieces.
        redirect = "tx" if self.kernel == "6.1" else "redirect"
        for verdict, size in (("tx", 3500), (redirect, 8900)):
            with self.subTest(verdict=verdict, size=size):
                self.attach(verdict, frags=True)
                sent, counts = self.echo(*names, options=f"-s {size}")
                self.assertEqual(counts, {**dict.fromkeys(names, 0), f"rx_xdp_{verdict}": sent,
                                          "tx_xdp_packets": sent})
        self.attach("drop", frags=True)
        _, counts = self.counted(("rx_xdp_drop",), lambda: self.a.run(
            f"netprobe ping {address(1)} -p {PORT} -s 8900 -c 1 -w 0", check=False))
        self.assertEqual(counts, {"rx_xdp_drop": 1})
        self.ping(options="-s 8900")

    @thorough
    def test_xdp_program_without_frags_limits_mtu(self):
        self.b.run("ip link set eth0 mtu 9000")
        result = self.attach("pass", check=False)
        self.assertNotEqual(result.status, 0)
        self.assertIn("MTU is too large for a program that takes no fragments", result.output)
        self.b.run(f"ip link set eth0 mtu {SINGLE_MTU}")
        self.attach("pass")
        self.assertNotEqual(
            self.b.run(f"ip link set eth0 mtu {SINGLE_MTU + 1}", check=False).status, 0)
        self.attach("pass", frags=True)
        self.b.run("ip link set eth0 mtu 9000")

    @thorough
    def test_xdp_attached_under_traffic_without_link_flap(self):
        changes = "cat /sys/class/net/eth0/carrier_changes"
        before = self.b.run(changes).output
        with self.traffic() as stream:
            for _ in range(3):
                self.attach("drop")
                self.attach("pass")
                self.detach()
            self.assertTrue(stream.running(), "TCP did not survive")
        self.assertEqual(self.b.run(changes).output, before)
        self.tcp()

    @thorough
    def test_xdp_turns_off_what_programs_cannot_judge(self):
        self.attach("pass")
        features = self.b.run("ethtool -k eth0").output
        self.assertIn("rx-gro-hw: off [requested on]", features)
        self.assertIn("rx-vlan-offload: off [requested on]", features)
        names = ("rx_gso_packets", "rx_csum_partial")
        _, counts = self.counted(names, self.tcp)
        self.assertEqual(counts, dict.fromkeys(names, 0))
        self.detach()
        self.assertIn("rx-gro-hw: on", self.b.run("ethtool -k eth0").output)
        _, counts = self.counted(names, self.tcp)
        self.assertGreater(counts["rx_gso_packets"], 0)

    @thorough
    def test_xdp_program_outlives_everything_but_the_module(self):
        self.attach("drop")
        for command in (f"echo 1 > /sys/bus/pci/devices/{self.b.pci}/reset",
                        "ethtool -L eth0 combined 1 && ethtool -L eth0 combined 2"):
            with self.subTest(command=command):
                self.b.run(command, 60)
                self.wait_carrier(self.b)
                sent, counts = self.counted(("rx_xdp_drop",), self.send)
                self.assertEqual(counts, {"rx_xdp_drop": sent})
        self.b.run("rmmod svio && insmod /svio.ko && ip link set eth0 up && "
                   f"ip addr add {address(1)}/24 dev eth0")
        self.wait_carrier(self.b)
        self.ping()
