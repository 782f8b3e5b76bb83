# SPDX-License-Identifier: BSD-3-Clause
"""Backend-driver I/O to compare with: virtio-net (or an emulated NIC), TAP and a Linux bridge; no vhost."""

import contextlib

from .guest import Guest
from .net import Net

HOST, CLIENT, SERVER = "10.77.0.1", "10.77.0.2", "10.77.0.3"


@contextlib.contextmanager
def backend_guests(kernel="newest", mtu=1500, model="virtio", **options):
    """Two guests on a bridge, with addresses CLIENT and SERVER: yields (net, client, server).

    model: virtio, or igb, which QEMU emulates.
    """
    module = {"virtio": "virtio_net", "igb": "igb"}[model]
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(Net())
        net.bridge("br0", f"{HOST}/24", mtu)
        guests = []
        for index, name in enumerate(("client", "server")):
            tap = net.tap(f"tap{index}", "br0", mtu=mtu)
            mac = f"52:54:00:77:00:{index + 2:02x}"
            guests.append(Guest(name, kernel=kernel, prefix=net.prefix,
                                arguments=net.nic_arguments(tap, mac, model), **options))
        for guest, address in zip(guests, (CLIENT, SERVER)):
            stack.enter_context(guest)
            guest.run(f"modprobe {module} && ip link set eth0 up mtu {mtu} && "
                      f"ip addr add {address}/24 dev eth0")
            guest.run("until [ \"$(cat /sys/class/net/eth0/carrier)\" = 1 ]; do usleep 20000; done", 20)
        yield (net, *guests)
