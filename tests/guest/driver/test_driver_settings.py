#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What ethtool and ip can ask of the driver, and that packets still flow afterwards."""

import re

import driver_case
from driver_case import DriverCase, address, thorough


class Settings(DriverCase):

    def ethtool(self, options, check=True):
        """ethtool's output in guest a."""
        return self.a.run(f"ethtool {options}", check=check).output

    def current(self, output, name):
        """A value below ethtool's heading 'Current hardware settings'."""
        return re.search(rf"^{name}:\s*(\S+)", output.split("Current")[1], re.M).group(1)

    def test_drvinfo_names_driver_and_bus(self):
        output = self.ethtool("-i eth0")
        self.assertIn("driver: svio", output)
        self.assertIn(f"bus-info: {self.a.pci}", output)

    def test_register_dump_has_magic_and_ready(self):
        output = self.ethtool("-d eth0 raw off")
        words = re.search(r"0x0000:\s+((?:[0-9a-f]{2} ?){16})", output).group(1).split()
        self.assertEqual("".join(words[:4]), "5356494f")  # "SVIO"
        status = re.search(r"0x0010:\s+((?:[0-9a-f]{2} ?){16})", output).group(1).split()
        self.assertEqual(status[8], "02")  # STATUS at 0x18: READY

    def test_self_test_passes_online_and_offline(self):
        self.assertIn("PASS", self.ethtool("-t eth0 online"))
        self.assertIn("PASS", self.ethtool("-t eth0 offline"))
        self.wait_carrier(self.a)
        self.ping()

    @thorough
    def test_rings_resized_and_rounded_up(self):
        for tx, rx, tx_got, rx_got in ((4096, 4096, 4096, 4096), (1000, 100, 1024, 128),
                                       (1, 1, 128, 64), (512, 1024, 512, 1024)):
            self.ethtool(f"-G eth0 tx {tx} rx {rx}")
            output = self.ethtool("-g eth0")
            self.assertEqual(self.current(output, "TX"), str(tx_got))
            self.assertEqual(self.current(output, "RX"), str(rx_got))
            self.wait_carrier(self.a)
            self.ping(options="-s 20000")
            self.tcp()
        self.ethtool("-G eth0 rx 8192", check=False)
        self.assertEqual(self.current(self.ethtool("-g eth0"), "RX"), "1024")

    @thorough
    def test_channels_changed_under_traffic(self):
        with self.traffic():
            for count in (1, 4, 3, 2):
                self.ethtool(f"-L eth0 combined {count}")
                self.assertEqual(self.current(self.ethtool("-l eth0"), "Combined"), str(count))
                self.wait_carrier(self.a)
                self.ping_beside_traffic()
        self.assertNotEqual(self.a.run("ethtool -L eth0 combined 5", check=False).status, 0)
        self.assertNotEqual(self.a.run("ethtool -L eth0 combined 0", check=False).status, 0)

    @thorough
    def test_coalescing_holds_interrupts_back(self):
        self.ethtool("-C eth0 rx-usecs 500 rx-frames 64 tx-usecs 1000 tx-frames 64")
        output = self.ethtool("-c eth0")
        self.assertRegex(output, r"rx-usecs:\s+500")
        self.assertRegex(output, r"tx-frames:\s+64")
        self.ping()
        before = self.statistics(self.a)["vif_irqs_suppressed"]
        self.tcp()
        self.assertGreater(self.statistics(self.a)["vif_irqs_suppressed"], before)
        self.assertNotEqual(self.a.run("ethtool -C eth0 rx-usecs 10001", check=False).status, 0)
        self.ethtool("-C eth0 rx-usecs 0 rx-frames 1 tx-usecs 32 tx-frames 32")

    def test_rss_table_and_key(self):
        if self.kernel == "6.1":
            self.skipTest("today's ethtool sets a field that this kernel wants to be zero")
        self.ethtool("-X eth0 weight 0 1")
        self.assertRegex(self.ethtool("-x eth0"), r"0:\s+1\s+1\s+1\s+1")
        before = self.statistics(self.a)
        self.tcp(address(0), "-P 4", source=self.b, server=self.a)
        after = self.statistics(self.a)
        # ARP and such, which no hash applies to, go by entry 0 and so to queue 1, too.
        self.assertEqual(after["rx0_packets"], before["rx0_packets"])
        self.assertGreater(after["rx1_packets"], before["rx1_packets"])
        key = ":".join(f"{byte:02x}" for byte in range(40))
        self.ethtool(f"-X eth0 hkey {key}")
        self.assertIn(key, self.ethtool("-x eth0"))
        self.ethtool("-X eth0 default")
        self.assertRegex(self.ethtool("-x eth0"), r"0:\s+0\s+1\s+0\s+1")
        self.ping()

    def test_rss_hash_fields_reported(self):
        output = self.ethtool("-n eth0 rx-flow-hash tcp4")
        self.assertIn("IP SA", output)
        self.assertIn("L4 bytes 2 & 3", output)

    def test_link_follows_administrator(self):
        self.assertIn("Link detected: yes", self.ethtool("eth0"))
        self.device.svio("vif", "set", "a", "--link", "down")
        self.wait_carrier(self.a, 0)
        self.device.svio("vif", "set", "a", "--link", "up")
        self.wait_carrier(self.a, 1)
        self.ping()

    def test_timestamping_info_has_software(self):
        self.assertIn("software-transmit", self.ethtool("-T eth0"))

    def test_multicast_only_when_joined(self):
        group, send = "01:00:5e:01:02:03", "ping -q -c 3 -i 0.05 -W 0.2 -I eth0 -t 1 225.1.2.3; true"
        before = self.statistics(self.a)["vif_rx_multicast"]
        self.b.run(send)
        self.assertEqual(self.statistics(self.a)["vif_rx_multicast"], before)
        self.a.run(f"ip maddr add {group} dev eth0")
        # A work item sets the filter, the command does not wait for it: send until one arrives.
        for _ in range(50):
            self.b.run(send)
            if self.statistics(self.a)["vif_rx_multicast"] > before:
                break
        else:
            self.fail("a group that was joined is not received")
        self.a.run(f"ip maddr del {group} dev eth0")

    @thorough
    def test_many_multicast_groups_overflow_into_allmulti(self):
        for verb in ("add", "del"):
            lines = "".join(f"maddr {verb} 01:00:5e:00:00:{i:02x} dev eth0\n" for i in range(200))
            self.a.run(f"ip -batch - <<'EOF'\n{lines}EOF")
            self.ping()

    def test_promiscuous_refused_by_policy_is_said_once(self):
        self.a.run("ip link set eth0 promisc on; ip link set eth0 promisc off; "
                   "ip link set eth0 promisc on")
        self.kernel_says(self.a, "may not be promiscuous")
        self.a.run("ip link set eth0 promisc off")
        self.assertEqual(self.a.run("dmesg | grep -c 'may not be promiscuous'").output.strip(), "1")
        self.ping()

    def test_vlan_filters_added_and_removed(self):
        before = self.statistics(self.a)["vif_admin_errors"]
        self.a.run("modprobe 8021q; for i in 1 5 4094; do ip link add link eth0 name v$i "
                   "type vlan id $i; done; for i in 1 5 4094; do ip link del v$i; done")
        self.assertEqual(self.statistics(self.a)["vif_admin_errors"], before)
        self.ping()

    def test_mac_change_refused_or_works(self):
        old = self.a.run("cat /sys/class/net/eth0/address").output.strip()
        result = self.a.run("ip link set eth0 address 02:00:00:00:00:99", check=False)
        now = self.a.run("cat /sys/class/net/eth0/address").output.strip()
        self.assertEqual(now, old if result.status else "02:00:00:00:00:99")
        if not result.status:
            self.b.run("ip neigh flush all")
            self.ping()
            self.a.run(f"ip link set eth0 address {old}")
        self.b.run("ip neigh flush all")
        self.ping()


if __name__ == "__main__":
    driver_case.main()
