#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Coming and going under traffic: up and down, load and unload, resets, errors, suspend, restarts."""

import os
import signal
import unittest

import driver_case
from driver_case import DriverCase, address, thorough
from lab.vifs import bring_up

# Offsets in the BARs (firmware/abi/svio_regs.h, svio_ring.h).
CONTROL, WAKE = 0x1C, 0x80
TX0_TAIL, RX0_TAIL, ADMIN_TAIL = 0x1000, 0x1800, 0x40
NONSENSE = 0x7FFFFF00


class Lifecycle(DriverCase):
    def poke(self, bar, offset, value):
        """Writes a word of a BAR behind the driver's back."""
        line = self.a.run(f"sed -n {bar + 1}p /sys/bus/pci/devices/{self.a.pci}/resource").output
        self.a.run(f"devmem {int(line.split()[0], 16) + offset:#x} 32 {value:#x}")

    def poke_doorbell(self, offset):
        """Makes the device see a tail that makes no sense, before the driver writes a good one."""
        self.poke(2, offset, NONSENSE)
        self.poke(0, WAKE, 1)

    def poke_until(self, offset, text):
        """The same again and again: a packet of the driver's own may put the tail right first.

        The device looks at a receive queue's when it has a packet for it, as the answers to ARP are
        for queue 0.
        """
        folder = f"/sys/bus/pci/devices/{self.a.pci}/resource"
        bars = [int(self.a.run(f"sed -n {bar + 1}p {folder}").output.split()[0], 16)
                for bar in (0, 2)]
        self.a.run(f"until dmesg | grep -q '{text}'; do devmem {bars[1] + offset:#x} 32 "
                   f"{NONSENSE:#x}; devmem {bars[0] + WAKE:#x} 32 1; "
                   f"arping -q -c 1 -w 1 -I eth0 {address(1)}; sleep 1; done", 60)

    def configure(self):
        """Addresses after the interface was made anew or set down."""
        self.a.run(f"ip link set eth0 up && ip addr replace {address(0)}/24 dev eth0")
        self.wait_carrier(self.a)

    def resets(self):
        """How often the driver has recovered."""
        return int(self.a.run("dmesg | grep -c 'reset: running again'", check=False).output)

    def wait_recovery(self, before):
        """Waits until it has done so once more, and traffic flows."""
        self.wait_until(self.a, f"[ $(dmesg | grep -c 'reset: running again') -gt {before} ]", 60)
        self.wait_carrier(self.a)
        self.ping()

    def test_down_and_up_under_traffic(self):
        with self.traffic():
            for _ in range(15):
                self.a.run("ip link set eth0 down && ip link set eth0 up")
        self.configure()
        self.ping()

    @thorough
    def test_unload_and_load_under_traffic(self):
        flood = self.b.start(f"ping -q -f -s 3000 {address(0)}")
        for _ in range(10):
            self.a.run("rmmod svio && insmod /svio.ko && "
                       "ip link set eth0 up mtu 9000 && "
                       f"ip addr add {address(0)}/24 dev eth0")
            self.wait_carrier(self.a)
            client = self.a.start(f"ping -q -f {address(1)}")
            self.wait_until(self.a, "[ $(cat /sys/class/net/eth0/statistics/rx_packets) -gt 50 ]")
            client.kill()
            client.wait(check=False)
        flood.kill()
        flood.wait(check=False)
        self.a.run("ip link set eth0 mtu 1500")
        self.tcp()

    def test_unload_while_down_and_never_up(self):
        self.a.run("ip link set eth0 down && rmmod svio && insmod /svio.ko && rmmod svio && "
                   "insmod /svio.ko")
        self.configure()
        self.ping()

    def test_unbind_and_bind(self):
        for _ in range(3):
            self.a.run(f"echo {self.a.pci} > /sys/bus/pci/drivers/svio/unbind && "
                       f"echo {self.a.pci} > /sys/bus/pci/drivers/svio/bind")
        self.configure()
        self.ping()

    @thorough
    def test_unload_leaks_no_memory(self):
        cycle = ("for i in $(seq 10); do rmmod svio && insmod /svio.ko && ip link set eth0 up && "
                 "ip link set eth0 down; done; echo 3 > /proc/sys/vm/drop_caches; "
                 "awk '/MemAvailable/ { print $2 }' /proc/meminfo")
        self.a.run(cycle, 120)
        before = int(self.a.run(cycle, 120).output.split()[-1])
        after = int(self.a.run(cycle, 120).output.split()[-1])
        # A leaked ring with its buffers would be 4 MB each time.
        self.assertLess(before - after, 8 * 1024, "KiB that did not come back")
        self.configure()
        self.ping()

    def test_function_level_reset_under_traffic(self):
        with self.traffic() as stream:
            for _ in range(5):
                self.a.run(f"echo 1 > /sys/bus/pci/devices/{self.a.pci}/reset", 60)
                self.wait_carrier(self.a)
                self.ping_beside_traffic()
            self.assertTrue(stream.running(), "TCP did not survive")
        self.tcp()

    def test_broken_queue_is_reported_and_recovers(self):
        for offset, what in ((TX0_TAIL, "transmit queue 0"), (RX0_TAIL, "receive queue 0")):
            before = self.resets()
            self.poke_until(offset, f"{what} stopped: doorbell index outside of the ring")
            self.wait_recovery(before)
        self.tcp()

    def test_broken_admin_queue_recovers(self):
        before = self.resets()
        self.poke_doorbell(ADMIN_TAIL)
        # The device says so in STATUS only; the next command finds out.
        self.a.run("ethtool -S eth0 > /dev/null", 60, check=False)
        self.wait_recovery(before)

    def test_wrong_control_is_reported_and_recovers(self):
        before = self.resets()
        self.poke(0, CONTROL, 3)
        self.a.run("ethtool -S eth0 > /dev/null", 60, check=False)
        self.wait_recovery(before)
        self.assertIn("register written in a state that does not allow it",
                      self.a.run("dmesg").output)

    def test_settings_survive_reset(self):
        self.a.run("ip link set eth0 mtu 4000; ethtool -K eth0 rxvlan off; "
                   "ethtool -C eth0 rx-usecs 77; ip maddr add 01:00:5e:01:02:03 dev eth0; "
                   "modprobe 8021q; ip link add link eth0 name v5 type vlan id 5; "
                   "ip addr add 10.79.0.2/24 dev v5; ip link set v5 up")
        self.b.run("ip link set eth0 mtu 4000; "
                   "modprobe 8021q; ip link add link eth0 name v5 type vlan id 5; "
                   "ip addr add 10.79.0.3/24 dev v5; ip link set v5 up")
        before = self.resets()
        self.poke(0, CONTROL, 3)
        self.a.run("ethtool -S eth0 > /dev/null", 60, check=False)
        self.wait_recovery(before)
        self.ping(options="-s 3972 -M do")
        self.ping("10.79.0.3")
        self.assertRegex(self.a.run("ethtool -c eth0").output, r"rx-usecs:\s+77")
        self.assertRegex(self.a.run("ethtool -k eth0").output, "rx-vlan-offload: off")
        for guest in (self.a, self.b):
            guest.run("ip link del v5; ip link set eth0 mtu 1500")
        self.a.run("ethtool -K eth0 rxvlan on; ethtool -C eth0 rx-usecs 0")

    def test_new_mac_and_mtu_of_administrator_after_reset(self):
        self.a.run("ip link set eth0 mtu 9000")
        self.device.svio("vif", "set", "a", "--mac", "02:00:00:00:00:77", "--mtu", 3000)
        self.a.run(f"echo 1 > /sys/bus/pci/devices/{self.a.pci}/reset", 60)
        self.wait_carrier(self.a)
        output = self.a.run("ip link show eth0").output
        self.assertIn("02:00:00:00:00:77", output)
        self.assertIn("mtu 3000", output)
        self.b.run("ip neigh flush all; ip link set eth0 mtu 3000")
        self.ping(options="-s 2972 -M do")
        self.b.run("ip link set eth0 mtu 1500")
        self.device.svio("vif", "set", "a", "--mtu", 9000)
        self.a.run(f"echo 1 > /sys/bus/pci/devices/{self.a.pci}/reset; "
                   "ip link set eth0 mtu 1500", 60)
        self.wait_carrier(self.a)
        self.ping()

    @thorough
    def test_suspend_and_resume(self):
        if self.a.run("test -e /sys/power/pm_test", check=False).status:
            self.skipTest("the guest's kernel has no pm_test")
        self.a.run("echo devices > /sys/power/pm_test && echo N > /sys/module/printk/parameters/"
                   "console_suspend; echo mem > /sys/power/state; echo none > /sys/power/pm_test",
                   60)
        self.wait_carrier(self.a)
        self.ping()
        self.tcp()

    def test_firmware_killed_driver_notices_nothing(self):
        lines = len(self.a.run("dmesg").output.splitlines())
        with self.traffic() as stream:
            for _ in range(3):
                old = self.device.kill_firmware()
                self.device.wait_new_firmware(old)
                self.ping_beside_traffic()
                self.a.run("ethtool -S eth0 > /dev/null")
            self.assertTrue(stream.running(), "TCP did not survive")
        news = self.a.run("dmesg").output.splitlines()[lines:]
        self.assertFalse([line for line in news if "svio" in line])

    def test_rate_changes_lose_no_ping(self):
        for rate in ("1M", "10G", "off"):
            self.device.svio("vif", "set", "a", "--max", rate)
            self.ping()


class Reboot(DriverCase):
    options = {"reboots": True}

    @thorough
    def test_reboot_under_traffic_hands_over_a_quiet_device(self):
        flood = self.b.start(f"ping -q -f -s 1000 {address(0)}")
        self.a.start("reboot -f")
        self.a.wait_ready(boots=2)
        bring_up(self.a, address(0))
        flood.kill()
        flood.wait(check=False)
        self.ping()


class Stuck(DriverCase):
    options = {"allow": "NETDEV WATCHDOG|timed out"}

    @unittest.skipUnless(os.environ.get("SVIO_LONG_TESTS"), "takes a minute: SVIO_LONG_TESTS=1")
    def test_device_that_stands_still_is_reset(self):
        flood = self.a.start(f"ping -q -f -s 1000 {address(1)}")
        self.wait_until(self.a, "[ $(cat /sys/class/net/eth0/statistics/rx_packets) -gt 50 ]")
        os.kill(self.device.firmware_pid(), signal.SIGSTOP)
        # The watchdog, a command without an answer, a reset; sviod replaces the firmware meanwhile.
        self.wait_until(self.a, "dmesg | grep -q 'reset: running again'", 120)
        flood.kill()
        flood.wait(check=False)
        self.wait_carrier(self.a)
        self.ping()


if __name__ == "__main__":
    driver_case.main()
