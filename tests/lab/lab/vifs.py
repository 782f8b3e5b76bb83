# SPDX-License-Identifier: BSD-3-Clause
"""Guests on VIFs of one device, with the kernel driver loaded and addresses set."""

import contextlib
import os
import pathlib

from . import paths
from .device import Device
from .errors import LabError
from .guest import Guest
from .net import Net

HOST = "10.78.0.1"
WIRE = "svio0"


def address(index):
    """The address of guest number index (0, 1, ...)."""
    return f"10.78.0.{index + 2}"


def module(kernel="newest"):
    """The svio.ko that was built for a kernel (SVIO_MODULES, or build/modules/KERNEL)."""
    folder = pathlib.Path(os.environ.get("SVIO_MODULES", paths.TOP / "build/modules"))
    path = folder / kernel / "svio.ko"
    if not path.exists():
        raise LabError(f"no {path}: tests/lab/build-module {kernel} host-driver/linux {path.parent}")
    return path


def vif_guest(device, name, kernel="newest", **options):
    """A guest, not yet ready, on the VIF of its name."""
    devices = [*options.pop("devices", ()), device.qemu_device(name, bus="rp0")]
    files = {"/svio.ko": module(kernel), **options.pop("files", {})}
    return Guest(name, kernel=kernel, devices=devices, files=files,
                 ports=options.pop("ports", 1), **options)


def bring_up(guest, ip, mtu=1500):
    """Loads the driver and gives its interface (renamed to eth0) an address."""
    guest.run("insmod /svio.ko")
    guest.run("n=$(ls /sys/bus/pci/drivers/svio/*/net | head -n 1); "
              "ip link set $n down; ip link set $n name eth0 2>/dev/null; "
              f"ip link set eth0 up mtu {mtu} && ip addr add {ip}/24 dev eth0")
    guest.run("until [ \"$(cat /sys/class/net/eth0/carrier)\" = 1 ]; do usleep 20000; done", 20)


@contextlib.contextmanager
def vif_guests(names=("a", "b"), kernel="newest", wire=True, vif_options=(), before="",
               **options):
    """Guests on VIFs, the host on the wire: yields (net, device, [guests]).

    before: what each guest runs before it loads the driver.
    """
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(Net())
        device = stack.enter_context(
            Device(wire=f"tap:{WIRE}" if wire else "null", prefix=net.prefix))
        if wire:
            net.run(f"ip link set {WIRE} up mtu 9000 && ip addr add {HOST}/24 dev {WIRE}")
        for name in names:
            device.vif_add(name, *vif_options)
        guests = [vif_guest(device, name, kernel, **options) for name in names]
        for index, guest in enumerate(guests):
            stack.enter_context(guest)
            guest.run(before or "true")
            bring_up(guest, address(index))
        yield net, device, guests
