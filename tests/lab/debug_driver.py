#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""svio.ko in a guest on the debug kernel: KASAN, lockdep, DMA-API checks and kmemleak watch while
traffic, settings, a function-level reset and unloading go by. Its peer runs the newest kernel.

Wants tests/lab/prepare newest debug, the release build, and svio.ko built for both kernels.
"""

import argparse
import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import Net  # noqa: E402
from lab.device import Device  # noqa: E402
from lab.measure import print_note, round_trip, tcp, udp  # noqa: E402
from lab.vifs import address, bring_up, vif_guest  # noqa: E402

SETTINGS = (
    "ip link set eth0 mtu 9000",
    "ethtool -S eth0 > /dev/null && ethtool -d eth0 > /dev/null && ethtool -i eth0",
    "ethtool -G eth0 rx 256 tx 256",
    "ethtool -C eth0 rx-usecs 20",
    "ethtool -L eth0 combined 4 && ethtool -L eth0 combined 1",
    "ip link set eth0 down && ip link set eth0 up",
    "ip link add link eth0 name v5 type vlan id 5 && ip link set v5 up && ip link del v5",
    "ip link set eth0 promisc on && ip link set eth0 promisc off",
    "echo 1 > $(readlink -f /sys/class/net/eth0/device)/reset",
)


def exercise(guest, peer):
    """Everything that an interface lives through; the kernel is asked after each step."""
    def step(name, action):
        print_note(name)
        action()
        guest.check()

    step("ping", lambda: guest.run(f"ping -c 3 -W 10 {address(1)}", 120))
    step("round trips", lambda: round_trip(guest, peer, address(1), 200))
    step("TCP out", lambda: tcp(guest, peer, address(1)))
    step("TCP in", lambda: tcp(peer, guest, address(0)))
    step("UDP in", lambda: udp(peer, guest, address(0), 3, rate_pps=1000))
    peer.run("ip link set eth0 mtu 9000")
    for command in SETTINGS:
        step(command, lambda command=command: guest.run(command, 120))
    step("ping with 9000 bytes", lambda: guest.run(
        f"until ping -M do -s 8900 -c 1 -W 2 {address(1)}; do sleep 1; done", 120))
    step("TCP after all that", lambda: tcp(guest, peer, address(1)))
    step("unload, load, unload", lambda: guest.run(
        "rmmod svio && insmod /svio.ko && rmmod svio", 120))
    step("leaks", guest.check_leaks)


def main():
    """Raises GuestComplaint or LabError when something is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(Net())
        device = stack.enter_context(Device(wire="null", prefix=net.prefix))
        for name in ("watched", "peer"):
            device.vif_add(name)
        guest = vif_guest(device, "watched", "debug")
        peer = vif_guest(device, "peer", "newest")
        for index, each in enumerate((guest, peer)):
            stack.enter_context(each)
            bring_up(each, address(index))
        exercise(guest, peer)
    print("no complaint")


if __name__ == "__main__":
    main()
