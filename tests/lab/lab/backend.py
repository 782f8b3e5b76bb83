# SPDX-License-Identifier: BSD-3-Clause
"""Backend-driver I/O to compare with: virtio-net, TAP and a Linux bridge; no vhost."""

import contextlib

from .guest import Guest
from .net import Net

HOST, CLIENT, SERVER = "10.77.0.1", "10.77.0.2", "10.77.0.3"


@contextlib.contextmanager
def backend_guests(kernel="newest", mtu=1500, **options):
    """Two guests on a bridge, with addresses CLIENT and SERVER: yields (net, client, server)."""
    with contextlib.ExitStack() as stack:
        net = stack.enter_context(Net())
        net.bridge("br0", f"{HOST}/24", mtu)
        guests = []
        for index, name in enumerate(("client", "server")):
            tap = net.tap(f"tap{index}", "br0", mtu=mtu)
            mac = f"52:54:00:77:00:{index + 2:02x}"
            guests.append(Guest(name, kernel=kernel, prefix=net.prefix,
                                arguments=net.virtio_arguments(tap, mac), **options))
        for guest, address in zip(guests, (CLIENT, SERVER)):
            stack.enter_context(guest)
            guest.run(f"modprobe virtio_net && ip link set eth0 up mtu {mtu} && "
                      f"ip addr add {address}/24 dev eth0")
        yield (net, *guests)
