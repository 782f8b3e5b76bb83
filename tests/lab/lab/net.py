# SPDX-License-Identifier: BSD-3-Clause
"""A network namespace with bridges and TAPs, which vanishes with the test in any case.

The namespace has no name: a child process holds it, and the kernel removes it with all its
interfaces when that child and the programs in it are gone.
"""

import os
import stat
import subprocess

from . import process
from .errors import LabError


def _make_tun_node():
    if not os.path.exists("/dev/net/tun"):
        os.makedirs("/dev/net", exist_ok=True)
        os.mknod("/dev/net/tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))


class Net:
    """usage: with Net() as net: net.bridge("br0", "10.0.0.1/24"); net.tap("tap0", "br0")"""

    def __init__(self):
        _make_tun_node()
        hold = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        self._holder = process.spawn(hold, stdout=subprocess.PIPE)
        if not self._holder.stdout.readline():
            raise LabError("no network namespace: this wants root")
        # Put in front of a command, it runs it in the namespace (and execs it: same pid).
        self.prefix = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]
        self.run("ip link set lo up")

    def run(self, command, check=True):
        """Runs a shell command in the namespace; returns what it printed."""
        result = subprocess.run([*self.prefix, "sh", "-c", command], text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and result.returncode:
            raise LabError(f"'{command}' in the namespace: {result.stdout.strip()}")
        return result.stdout

    def bridge(self, name, address=None, mtu=None):
        """Adds a bridge; address such as '10.0.0.1/24' is the host's on it."""
        self.run(f"ip link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        if mtu:
            self.run(f"ip link set {name} mtu {mtu}")
        self.run(f"ip link set {name} up")
        if address:
            self.run(f"ip addr add {address} dev {name}")

    def tap(self, name, bridge=None, address=None, mtu=None):
        """Adds a TAP, on a bridge or with an address of its own; returns its name."""
        self.run(f"ip tuntap add {name} mode tap vnet_hdr")
        if mtu:
            self.run(f"ip link set {name} mtu {mtu}")
        if bridge:
            self.run(f"ip link set {name} master {bridge}")
        self.run(f"ip link set {name} up")
        if address:
            self.run(f"ip addr add {address} dev {name}")
        return name

    def virtio_arguments(self, tap, mac, *, ident="net0", options=""):
        """QEMU arguments for a virtio-net card on a TAP of this namespace, without vhost."""
        return ["-netdev", f"tap,id={ident},ifname={tap},script=no,downscript=no,vhost=off",
                "-device", f"virtio-net-pci,netdev={ident},mac={mac},romfile=,{options}".rstrip(",")]

    def nic_arguments(self, tap, mac, model="virtio"):
        """The same for another model of NIC: virtio, or igb."""
        if model == "virtio":
            return self.virtio_arguments(tap, mac)
        return ["-netdev", f"tap,id=net0,ifname={tap},script=no,downscript=no,vhost=off",
                "-device", f"{model},netdev=net0,mac={mac},romfile="]

    def close(self):
        """Removes the namespace."""
        process.stop(self._holder)
        self._holder.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
