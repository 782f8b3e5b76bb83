#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""VIF to VIF beside DPDK's vhost-user with virtio-user, and memif, in one run, taking turns.

On both sides two guests share one processor and the device has another, packets go to and fro, and
what counts is packets through the device a second:

  svio    svio-bench vif --pattern bounce
  vhost   testpmd with two vhost ports in io mode is the device; testpmd with two virtio-user ports
          in io mode is the guests (it touches nothing of a packet; svio's guests touch 24 bytes)
  memif   the same with two memif ports on each side; the device is their server. With zero copy
          the guests lend their own buffers, and the device still copies from one to the other

Rounds alternate; each figure is the median of the rounds' medians. Windows in which a polling
thread waited for its processor for more than 2 % are thrown away.
"""
import argparse
import atexit
import glob
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

WINDOW_S = 0.05
WAIT_MAX = 0.02
RING = 1024
BOUNCE_PACKETS = 512  # under way, as in svio-bench
# Virtio features that decide which of DPDK's receive and transmit routines run.
VIRTIO = {
    "vhost split": "in_order=0,mrg_rxbuf=1",
    "vhost split, in order": "in_order=1,mrg_rxbuf=0",
    "vhost split, vectorized": "in_order=1,mrg_rxbuf=0,vectorized=1",
    "vhost packed": "packed_vq=1,in_order=0,mrg_rxbuf=1",
    "vhost packed, in order": "packed_vq=1,in_order=1,mrg_rxbuf=0",
}
MEMIF = {
    "memif": "",
    "memif, zero copy": ",zero-copy=yes",
}
VARIANTS = list(VIRTIO) + list(MEMIF)


def fail(message):
    sys.exit(f"peers: {message}")


def ports(variant, paths):
    """Of the device, and of the guests."""
    if variant in VIRTIO:
        return ([f"net_vhost{i},iface={path}" for i, path in enumerate(paths)],
                [f"net_virtio_user{i},path={path},queue_size={RING},{VIRTIO[variant]}"
                 for i, path in enumerate(paths)])
    common = [f"net_memif{i},id={i},socket={path},socket-abstract=no,rsize={RING.bit_length() - 1}"
              for i, path in enumerate(paths)]
    return ([f"{port},role=server" for port in common],
            [f"{port},role=client{MEMIF[variant]}" for port in common])


class Testpmd:
    """One testpmd in io mode, started and pinned."""

    def __init__(self, name, cpu, vdevs, arguments, log_dir):
        self.prefix = f"svio{os.getpid()}{name}"
        self.log = os.path.join(log_dir, name + ".log")
        command = ["dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", "--no-huge", "-m", "256",
                   "--single-file-segments", "--no-pci", "--file-prefix", self.prefix]
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += ["--", "--nb-cores=1", "--forward-mode=io", f"--txd={RING}", f"--rxd={RING}",
                    "--total-num-mbufs=8192", "--no-lsc-interrupt", "--no-rmv-interrupt",
                    "--no-flush-rx", "-i"] + arguments
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log,
                                            stderr=subprocess.STDOUT, text=True)
        self.telemetry = self.connect()

    def connect(self):
        path = f"/var/run/dpdk/{self.prefix}/dpdk_telemetry.v2"
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                connection.connect(path)
                connection.recv(4096)
                return connection
            except OSError:
                connection.close()
                time.sleep(0.05)
        fail(f"testpmd did not start: see {self.log}")
        return None

    def worker(self):
        for comm in glob.glob(f"/proc/{self.process.pid}/task/*/comm"):
            with open(comm, encoding="utf-8") as file:
                if "worker" in file.read():
                    return int(comm.split("/")[4])
        return None

    def set_first(self):
        """All its threads at the highest ordinary priority."""
        for task in glob.glob(f"/proc/{self.process.pid}/task/*"):
            os.setpriority(os.PRIO_PROCESS, int(os.path.basename(task)), -20)

    def ask(self, what, port):
        self.telemetry.send(f"/ethdev/{what},{port}".encode())
        # Before the port is started there is nothing.
        return json.loads(self.telemetry.recv(65536))[f"/ethdev/{what}"] or {}

    def received(self):
        return sum(self.ask("stats", port).get("ipackets", 0) for port in range(2))

    def await_links(self):
        """What is sent before is lost, and nothing else would ever be sent."""
        end = time.monotonic() + 20
        while any(self.ask("link_status", port).get("status") != "UP" for port in range(2)):
            if time.monotonic() > end:
                fail(f"the ports do not come up: see {self.log}")
            time.sleep(0.05)

    def waited_ns(self):
        with open(f"/proc/{self.process.pid}/task/{self.worker()}/schedstat",
                  encoding="utf-8") as file:
            return int(file.read().split()[1])

    def command(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        self.telemetry.close()
        self.command("stop")
        self.command("quit")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)


def measure_windows(guest, device, seconds):
    rates, discarded = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        waited = guest.waited_ns() + device.waited_ns()
        start, packets = time.monotonic(), guest.received()
        time.sleep(WINDOW_S)
        packets, elapsed = guest.received() - packets, time.monotonic() - start
        if guest.waited_ns() + device.waited_ns() - waited > WAIT_MAX * elapsed * 1e9:
            discarded += 1
        else:
            rates.append(packets / elapsed / 1e6)
    return rates, discarded


def await_packets(guest):
    """testpmd answers telemetry long before it forwards."""
    end = time.monotonic() + 20
    while guest.received() < 100000:
        if time.monotonic() > end:
            fail(f"no packets between the testpmds: see {guest.log}")
        time.sleep(0.1)


def run_peer(options, size, variant):
    """Median Mpps through the device, or None where no window counted."""
    with tempfile.TemporaryDirectory(prefix="svio-peer-") as directory:
        paths = [os.path.join(directory, f"v{i}.sock") for i in range(2)]
        device_ports, guest_ports = ports(variant, paths)
        device = Testpmd("device", options.device_cpu, device_ports, [], directory)
        guest = Testpmd("guest", options.guest_cpu, guest_ports,
                        [f"--txpkts={size}", "--burst=32"], directory)
        try:
            if options.first:
                device.set_first()
                guest.set_first()
            guest.await_links()
            device.command("start")
            guest.command(f"start tx_first {BOUNCE_PACKETS // 2 // 32}")
            await_packets(guest)
            rates, discarded = measure_windows(guest, device, options.seconds)
        finally:
            guest.stop()
            device.stop()
    return (statistics.median(rates) if rates else None), discarded


def run_svio(options, size):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [options.svio_bench, "vif", "--pattern", "bounce", "--sizes", str(size),
                   "--seconds", str(options.seconds), "--device-cpu", str(options.device_cpu),
                   "--guest-cpu", str(options.guest_cpu), "--json", file.name]
        if options.first:
            command.append("--first")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        figures = json.load(file)["vif"][f"bounce_{size}"]
    return (figures["mpps"] if figures["windows"] else None), figures["discarded"]


def come_first(nice):
    """Where the kernel shares processors among sessions first, the session needs priority, too."""
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(nice))
    except OSError:
        pass


def parse_arguments():
    cpus = sorted(os.sched_getaffinity(0))
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: bench/peers.py --rounds 5 --sizes 64,1500 --json peer.json")
    parser.add_argument("--sizes", default="64,1500", help="frame lengths (default: 64,1500)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument("--seconds", type=float, default=3, help="of each turn (default: 3)")
    parser.add_argument("--variants", default="vhost-split-vectorized,vhost-packed-in-order,memif",
                        help="which peers, or 'all': " + ", ".join(map(name_of, VARIANTS)))
    parser.add_argument("--device-cpu", type=int, default=cpus[0])
    parser.add_argument("--guest-cpu", type=int, default=cpus[min(1, len(cpus) - 1)])
    parser.add_argument("--first", action="store_true",
                        help="run at the highest ordinary priority, for a machine with other work")
    parser.add_argument("--json", help="write the figures to this file, too")
    parser.add_argument("--svio-bench",
                        default=os.path.join(here, "..", "build", "release", "bin", "svio-bench"))
    options = parser.parse_args()
    options.sizes = [int(size) for size in options.sizes.split(",")]
    names = {name_of(variant): variant for variant in VARIANTS}
    wanted = list(names) if options.variants == "all" else options.variants.split(",")
    for name in wanted:
        if name not in names:
            fail(f"no variant '{name}': {', '.join(names)}")
    options.variants = [names[name] for name in wanted]
    return options


def name_of(variant):
    return variant.replace(", ", "-").replace(" ", "-")


def main():
    options = parse_arguments()
    if not shutil.which("dpdk-testpmd"):
        fail("dpdk-testpmd is missing: apt-get install dpdk-dev")
    if not os.access(options.svio_bench, os.X_OK):
        fail(f"{options.svio_bench} is missing: build the release preset, or --svio-bench PATH")
    if options.first:
        atexit.register(come_first, 0)
    results = {}
    for size in options.sizes:
        turns = {"svio": []} | {name_of(variant): [] for variant in options.variants}
        for _ in range(options.rounds):
            turns["svio"].append(run_svio(options, size))
            for variant in options.variants:
                if options.first:
                    come_first(-20)
                turns[name_of(variant)].append(run_peer(options, size, variant))
        for name, values in turns.items():
            rates = [rate for rate, _ in values if rate is not None]
            discarded = sum(count for _, count in values)
            median = statistics.median(rates) if rates else None
            results[f"{name}_{size}"] = {"mpps": median, "rounds": rates, "discarded": discarded}
            print(f"{size:5} B  {name:20} " +
                  (f"{median:7.3f} Mpps  ({min(rates):.3f} - {max(rates):.3f}, " if rates else
                   "    nan Mpps  (") + f"{len(rates)} rounds, {discarded} windows thrown away)",
                  flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"peers": results}, file, indent=2)


if __name__ == "__main__":
    main()
