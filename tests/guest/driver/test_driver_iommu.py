#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The driver behind a vIOMMU that maps and unmaps every packet: each forgotten or early unmap
becomes an access that the device's IOMMU refuses."""

import driver_case
from driver_case import DriverCase, address


class Iommu(DriverCase):
    options = {"arguments": ["-device", "intel-iommu,caching-mode=on,intremap=off"],
               "append": "intel_iommu=on iommu.strict=1 no_timer_check"}

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.device.svio_json("faults")["faults"], [])
        for guest in (self.a, self.b):
            stats = self.statistics(guest)
            self.assertEqual(stats["vif_dma_faults"], 0)
            self.assertEqual(stats["vif_queue_errors"], 0)

    def test_strict_mapping_is_on(self):
        self.a.run("dmesg | grep -q 'invalidation policy: strict'")
        self.assertEqual(self.a.run("cat /sys/bus/pci/devices/%s/iommu_group/type"
                                    % self.a.pci).output.strip(), "DMA")

    def test_ping_any_size(self):
        for size in (18, 1472, 20000):
            self.ping(options=f"-s {size}")

    def test_tcp_both_ways(self):
        self.tcp()
        self.tcp(address(0), source=self.b, server=self.a)

    def test_reload_and_resize_under_traffic(self):
        with self.traffic():
            for _ in range(3):
                self.a.run("ip link set eth0 down && ip link set eth0 up")
                self.a.run("ethtool -G eth0 rx 128; ethtool -G eth0 rx 1024")
            self.a.run("rmmod svio && insmod /svio.ko && ip link set eth0 up && "
                       f"ip addr add {address(0)}/24 dev eth0", 120)
        self.wait_carrier(self.a)
        self.ping()


if __name__ == "__main__":
    driver_case.main()
