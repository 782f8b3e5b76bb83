# SPDX-License-Identifier: BSD-3-Clause
"""What packets cost besides themselves: a part of test_driver_traffic.py. Counts, no times."""

import time

from driver_case import address, thorough


class RateCases:
    """Wants two guests, and XdpTools."""

    def device_counters(self, guest):
        """The VIF's counters as the host has them: asking costs the guest nothing."""
        vifs = self.device.svio_json("stats")["vifs"]
        return next(vif["counters"] for vif in vifs if vif["name"] == guest.name)

    def test_segmentation_passes_unsegmented(self):
        before = [self.device_counters(guest) for guest in (self.a, self.b)]
        self.tcp()
        after = [self.device_counters(guest) for guest in (self.a, self.b)]
        a, b = ({name: late[name] - early[name] for name in late}
                for early, late in zip(before, after))
        self.assertEqual(a["tx_tso_packets"], b["rx_tso_packets"])
        self.assertEqual(b["rx_drop_no_buffer"], 0)
        # In segments it would be 1448 bytes a packet.
        self.assertGreater(b["rx_bytes"] / b["rx_packets"], 8 * 1448)

    def test_copybreak_is_tunable(self):
        def copied():
            return sum(self.statistics(self.b)[f"rx{queue}_copied"] for queue in range(2))

        before = copied()
        self.ping()
        self.assertGreater(copied(), before)
        self.b.run("ethtool --set-tunable eth0 rx-copybreak 0")
        before = copied()
        self.ping()
        self.assertEqual(copied(), before)
        self.assertNotEqual(
            self.b.run("ethtool --set-tunable eth0 rx-copybreak 4096", check=False).status, 0)
        self.b.run("ethtool --set-tunable eth0 rx-copybreak 256")

    def send_slowly(self):
        """A stream that only the device counts: returns b's counters before and after."""
        before = self.device_counters(self.b)
        self.a.run(f"netprobe send {address(1)} -p 7008 -t 1 -r 400")
        return before, self.device_counters(self.b)

    def test_receiver_does_not_wake_the_device(self):
        # It posts buffers a while after the device has fallen asleep.
        self.b.run("ethtool -C eth0 rx-usecs 1000 rx-frames 0")
        names = ("rx_packets", "rx_doorbells")
        (before, after), counts = self.counted(names, self.send_slowly)
        self.b.run("ethtool -C eth0 rx-usecs 0 rx-frames 1")
        self.assertGreater(counts["rx_packets"], 100)
        self.assertGreater(counts["rx_doorbells"], 3)
        # Each is for a batch of buffers.
        self.assertLess(counts["rx_doorbells"], counts["rx_packets"] / 8)
        # What b sent itself may have woken it, and admin commands, twice each.
        may = after["tx_packets"] - before["tx_packets"]
        may += 2 * (after["admin_commands"] - before["admin_commands"])
        self.assertLessEqual(after["wakes"] - before["wakes"], may)

    @thorough
    def test_adaptive_moderation_follows_traffic(self):
        self.b.run("ethtool -C eth0 adaptive-rx on adaptive-tx on")
        self.assertRegex(self.b.run("ethtool -c eth0").output, "Adaptive RX: on +TX: on")
        before = self.device_counters(self.b)["admin_commands"]
        with self.traffic():
            deadline = time.monotonic() + 60
            while self.device_counters(self.b)["admin_commands"] == before:
                self.assertLess(time.monotonic(), deadline, "nothing was adapted")
        self.b.run("ethtool -C eth0 adaptive-rx off adaptive-tx off")
        before = self.device_counters(self.b)["admin_commands"]
        self.tcp()
        self.assertEqual(self.device_counters(self.b)["admin_commands"], before)
