# SPDX-License-Identifier: BSD-3-Clause
"""Guests of every prepared kernel do what the tests rely on."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import Guest, GuestComplaint, LabError, paths  # noqa: E402
from lab.backend import HOST, SERVER, backend_guests  # noqa: E402
from lab.measure import round_trip, tcp, udp  # noqa: E402


class GuestTests(unittest.TestCase):
    """Guest"""

    def test_guest_every_kernel_runs_commands_and_stays_silent(self):
        """Boot, release, clean end: the console check runs when the block is left."""
        for kernel in paths.kernels():
            with self.subTest(kernel=kernel), Guest(kernel=kernel) as guest:
                release = (paths.kernel(kernel) / "release").read_text().strip()
                self.assertEqual(guest.run("uname -r").output.strip(), release)

    def test_guest_commands_status_output_and_order(self):
        """One guest for many small facts about commands."""
        with Guest(files={"/x/tool": b"#!/bin/sh\necho from-host $1\n"}) as guest:
            self.assertEqual(guest.run("/x/tool 7").output, "from-host 7\n")
            self.assertEqual(guest.run("exit 3", check=False).status, 3)
            with self.assertRaises(LabError):
                guest.run("false")
            big = guest.run("seq 20000").output
            self.assertEqual(big.split(), [str(i) for i in range(1, 20001)])
            text = "x" * 9000
            self.assertEqual(guest.run(f"echo {text}").output.strip(), text)
            slow = guest.start("sleep 1000")
            self.assertEqual(guest.run("echo beside").output, "beside\n")
            self.assertTrue(slow.running())
            slow.kill()
            self.assertEqual(slow.wait(check=False).status, 137)
            many = [guest.start(f"seq {i} {i + 500}") for i in range(10)]
            for i, command in enumerate(many):
                self.assertEqual(len(command.wait().output.split()), 501, i)
            with self.assertRaisesRegex(LabError, "nothing after"):
                guest.run("sleep 5", timeout_s=1)
            self.assertEqual(guest.qmp.command("query-status")["status"], "running")

    def test_guest_complaint_is_raised_unless_allowed(self):
        """A line as a bad driver would cause it."""
        with self.assertRaisesRegex(GuestComplaint, "made up"):
            with Guest() as guest:
                guest.run("echo '<4>WARNING: CPU: 0 made up' > /dev/kmsg")
        with Guest(allow="made up") as guest:
            guest.run("echo '<4>WARNING: CPU: 0 made up' > /dev/kmsg")

    def test_guest_panic_ends_waiting_with_last_words(self):
        """A dead guest is told from a slow one."""
        with self.assertRaisesRegex(LabError, "QEMU is gone(.|\n)*sysrq"):
            with Guest() as guest:
                guest.run("echo c > /proc/sysrq-trigger")

    def test_guest_reset_boots_again(self):
        """system_reset through QMP."""
        with Guest(reboots=True) as guest:
            guest.qmp.command("system_reset")
            guest.wait_ready(boots=2)
            self.assertEqual(guest.run("echo again").output, "again\n")

    def test_guest_hot_plug_appears(self):
        """A root port takes a card at run time and gives it back."""
        with Guest(ports=1) as guest:
            guest.run("modprobe virtio_net")
            guest.qmp.command("device_add", driver="virtio-net-pci", id="hot", bus="rp0")
            guest.run("until [ -e /sys/class/net/eth0 ]; do usleep 50000; done")
            guest.qmp.command("device_del", id="hot")
            guest.qmp.wait_event("DEVICE_DELETED")
            self.assertEqual(guest.run("ls /sys/class/net").output.split(), ["lo"])

    def test_guest_bad_device_says_why(self):
        """QEMU's own words reach the exception."""
        with self.assertRaisesRegex(LabError, "no-such-device"):
            with Guest(devices=["no-such-device"]):
                pass

    def test_guest_debug_checks_are_on(self):
        """The kernels know the checks that debug=True asks for."""
        for kernel in paths.kernels():
            with self.subTest(kernel=kernel), Guest(kernel=kernel, debug=True) as guest:
                flags = guest.run("cat /sys/kernel/slab/kmalloc-64/red_zone").output
                self.assertEqual(flags.strip(), "1")
                if kernel != "6.1":  # Debian 12's kernel has no KFENCE
                    path = "/sys/module/kfence/parameters/sample_interval"
                    self.assertEqual(guest.run(f"cat {path}").output.strip(), "10")


class BackendTests(unittest.TestCase):
    """Two guests on virtio-net, and the measuring functions on them."""

    def test_backend_traffic_flows_and_is_counted(self):
        """Ping, round trips, TCP and UDP, also with 9000-byte frames."""
        with backend_guests(mtu=9000) as (net, client, server):
            client.run(f"ping -c 3 -M do -s 8972 {SERVER}")
            client.run(f"ping -c 3 {HOST}")
            self.assertIn(" 0% packet loss", net.run(f"ping -c 3 -i 0.2 {SERVER}"))
            rtt = round_trip(client, server, SERVER, 200)
            self.assertEqual((rtt["received"], rtt["corrupt"]), (200, 0))
            self.assertLessEqual(rtt["p50_us"], rtt["p99_us"])
            stream = tcp(client, server, SERVER, 2, [client.process.pid, server.process.pid])
            self.assertGreater(stream["gigabytes"], 0)
            self.assertGreater(stream["cpu_s"], 0)
            datagrams = udp(client, server, SERVER, 2, rate_pps=500)
            self.assertTrue(datagrams["end_seen"])
            self.assertEqual(datagrams["sent"], datagrams["packets"] + datagrams["lost"])


if __name__ == "__main__":
    unittest.main()
