#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demo's story: guests on VIFs, what they and an administrator can do, and the old way beside."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import LabError  # noqa: E402
from lab.backend import SERVER, backend_guests  # noqa: E402
from lab.device import programs  # noqa: E402
from lab.measure import IPERF_PORT, PROBE_PORT, measure, medians, warm_up  # noqa: E402
from lab.vifs import HOST, address, vif_guests  # noqa: E402

STARTED = time.monotonic()
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def chapter(title):
    """A heading with the time since the start."""
    seconds = int(time.monotonic() - STARTED)
    print(f"\n{DIM}[{seconds // 60}:{seconds % 60:02d}]{PLAIN} {BOLD}{title}{PLAIN}", flush=True)


def say(line):
    """One line of the story."""
    print(f"       {line}", flush=True)


def ping(guest, to, what, options=""):
    """Five pings that must all come back."""
    output = guest.run(f"ping -c 5 -i 0.05 -w 10 {options} {to}").output
    if "5 received" not in output:
        raise LabError(f"{what}: pings were lost:\n{output}")
    times = output.strip().splitlines()[-1].split("=")[-1].split("/")
    say(f"{what:<34} 5 of 5 back, fastest {float(times[0]) * 1000:.0f} us")


def show_pings(guests):
    """Both ways, to the host over the wire, and with jumbo frames."""
    chapter("Ping: guest to guest, both ways, and to the host over the TAP wire")
    a, b = guests
    ping(a, address(1), "a -> b")
    ping(b, address(0), "b -> a")
    ping(a, HOST, "a -> host, over the wire")
    ping(b, HOST, "b -> host, over the wire")
    for guest in guests:
        guest.run("ip link set eth0 mtu 9000")
    ping(a, address(1), "a -> b, MTU 9000, 8972 bytes, DF", "-s 8972 -M do")
    for guest in guests:
        guest.run("ip link set eth0 mtu 1500")


def show_bandwidth(device, guests):
    """max from nothing to 50M and back while TCP runs."""
    chapter("The administrator changes a's bandwidth while TCP runs: svio vif set a --max 50M")
    a, b = guests
    listener = b.start(f"iperf3 -s -1 -p {IPERF_PORT} --json")
    b.wait_port(IPERF_PORT)
    client = a.start(f"iperf3 -c {address(1)} -p {IPERF_PORT} -t 12 -i 0.5 --json")
    time.sleep(4)
    device.svio("vif", "set", "a", "--max", "50M")
    time.sleep(4)
    device.svio("vif", "set", "a", "--max", "off")
    client.wait(60)
    intervals = listener.wait(60).json()["intervals"]
    mbps = [(i["sum"]["end"], i["sum"]["bits_per_second"] / 1e6) for i in intervals]
    parts = {"before": (1, 3.5), "at 50M": (5, 7.5), "after": (9.5, 12)}
    medians = {}
    for name, (start, end) in parts.items():
        medians[name] = statistics.median([rate for at, rate in mbps if start <= at <= end])
        say(f"{name:<34} {medians[name]:8.1f} Mbit/s")
    # How fast "before" and "after" are is the machine's affair; the ceiling is svio's.
    if not 0 < medians["at 50M"] <= 51:
        raise LabError(f"max did not hold: {medians}")


def show_restart(device, guests):
    """kill -9 of the firmware under TCP and under a datagram stream. Returns the pause in ms."""
    chapter("The firmware is killed under traffic: kill -9 svio-fw")
    a, b = guests
    lines = [len(g.run("dmesg").output.splitlines()) for g in guests]
    listener = b.start(f"iperf3 -s -1 -p {IPERF_PORT} --json")
    receiver = b.start(f"netprobe recv -p {PROBE_PORT} -t 15")
    b.wait_port(IPERF_PORT)
    b.wait_port(PROBE_PORT, "udp")
    client = a.start(f"iperf3 -c {address(1)} -p {IPERF_PORT} -t 6 -b 20M --json")
    sender = a.start(f"netprobe send {address(1)} -p {PROBE_PORT} -r 1000 -s 64 -t 5")
    time.sleep(2.5)
    old = device.kill_firmware()
    new = device.wait_new_firmware(old)
    client.wait(60)
    sender.wait(60)
    report = listener.wait(60).json()
    stream = receiver.wait(60).json()
    last = report["intervals"][-1]["sum"]["bytes"]
    if not last:
        raise LabError("TCP did not go on after the kill")
    for guest, before in zip(guests, lines):
        news = guest.run("dmesg").output.splitlines()[before:]
        if any("svio" in line for line in news):
            raise LabError("the driver noticed:\n" + "\n".join(news))
    say(f"svio-fw {old} -> {new}; the TCP connection goes on, the drivers said nothing")
    say(f"longest gap in a stream of 1000/s  {stream['gap_ms_max']:8.1f} ms"
        f"   ({stream['lost']} of {stream['sent']} datagrams lost)")
    return stream["gap_ms_max"]


def show_attack(device, guests):
    """A hostile guest beside a datagram stream. Returns the neighbours' share of loss."""
    chapter("A hostile guest on VIF 'evil': bad addresses, lying lengths, ring index nonsense")
    a, b = guests
    for name in ("evil", "accomplice"):
        device.vif_add(name)
    receiver = b.start(f"netprobe recv -p {PROBE_PORT} -t 30")
    b.wait_port(PROBE_PORT, "udp")
    sender = a.start(f"netprobe send {address(1)} -p {PROBE_PORT} -r 1000 -s 64 -t 6")
    time.sleep(0.5)
    attack = subprocess.run([programs() / "svio-hostile", device.run_dir / "evil.sock",
                             "--peer", device.run_dir / "accomplice.sock"], text=True, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    *attacks, summary = attack.stdout.strip().splitlines()
    shown = attacks if attack.returncode else attacks[::6]
    for line in shown:
        say(line)
    say(f"... {summary}; all of them: svio-hostile DIR/evil.sock")
    if attack.returncode:
        raise LabError(f"an attack was not stopped with a reason (status {attack.returncode})")
    say("svio faults:")
    for line in device.svio("faults").strip().splitlines()[:5]:
        say(f"{DIM}{line}{PLAIN}")
    sender.wait(60)
    stream = receiver.wait(60).json()
    say(f"the neighbours meanwhile             {stream['lost']} of {stream['sent']} datagrams lost")
    for name in ("evil", "accomplice"):
        device.svio("vif", "del", name)
    return stream["lost"] / stream["sent"]


def compare(device, guests, seconds, rounds):
    """VIFs and the old way, in turns. Returns the figures of both."""
    chapter("The same guests on virtio-net + TAP + Linux bridge, in turns with the VIFs")
    with backend_guests() as (_net, client, server):
        pids = [g.process.pid for g in guests] + device.pids()
        sides = {"vif": (*guests, address(1), pids), "backend": (client, server, SERVER)}
        say("warming up both")
        for side in sides.values():
            warm_up(*side[:3])
        results = {name: [] for name in sides}
        for number in range(rounds):
            for name, side in sides.items():
                result = measure(*side, seconds=seconds)
                results[name].append(result)
                say(f"round {number + 1}, {name:<8} RTT {result['rtt_us_p50']:5.0f} us, TCP "
                    f"{result['tcp_gbps']:5.2f} Gbit/s, UDP {result['udp_kpps']:5.1f} kpps")
    return results


def tell(seconds, rounds):
    """The whole story. Returns the figures."""
    chapter("Two guests under stock QEMU, each on a VIF of its own; the wire is a TAP on the host")
    with vif_guests() as (_net, device, guests):
        for line in device.svio("vif", "list").rstrip().splitlines():
            say(line)
        show_pings(guests)
        show_bandwidth(device, guests)
        figures = {"firmware_restart_pause_ms": show_restart(device, guests)}
        figures["neighbour_loss_during_attack"] = show_attack(device, guests)
        chapter("What the device counted: svio stats")
        for line in device.svio("stats").rstrip().splitlines():
            say(line)
        results = compare(device, guests, seconds, rounds)
    figures.update({name: medians(result) for name, result in results.items()})
    return figures, results


ROWS = [("round trip, median", "rtt_us_p50", "us", False), ("round trip, p99", "rtt_us_p99", "us", False),
        ("TCP, one stream", "tcp_gbps", "Gbit/s", True), ("UDP, 64 B frames", "udp_kpps", "kpps", True),
        ("host CPU time", "cpu_s_per_gb", "s/GB", False)]


def spread(results, name, key):
    """Lowest and highest of the rounds."""
    values = [r[key] for r in results[name]]
    return f"{min(values):.2f}-{max(values):.2f}"


def print_table(figures, results):
    """Side by side."""
    rounds = len(results["vif"])
    chapter(f"Side by side: medians of {rounds} rounds in turns (QEMU's TCG: the guests bound both)")
    say(f"{'':<20}{'VIF':>8} {'':<17}{'virtio+tap+bridge':>17} {'':<26}{'VIF : other':>12}")
    for title, key, unit, more in ROWS:
        vif, backend = figures["vif"][key], figures["backend"][key]
        ratio = f"{vif / backend:.2f}" if backend else "-"
        say(f"{title:<20}{vif:>8.2f} {spread(results, 'vif', key):<17}{backend:>17.2f} "
            f"{spread(results, 'backend', key):<17}{unit:<9}{ratio:>6}   "
            f"{'more' if more else 'less'} is better")
    say(f"{'pause at kill -9':<20}{figures['firmware_restart_pause_ms']:>8.1f} ms")
    say(f"{'neighbours lost':<20}{figures['neighbour_loss_during_attack'] * 100:>8.2f} % during the attack")


def main():
    """Tells it all; --json keeps the figures."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--seconds", type=int, default=3, help="length of each stream (default 3)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of both sides (default 5)")
    arguments = parser.parse_args()
    figures, results = tell(max(1, arguments.seconds), max(1, arguments.rounds))
    print_table(figures, results)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(note, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ndemo: stopped; everything it started is gone", file=sys.stderr)
        sys.exit(130)
