# SPDX-License-Identifier: BSD-3-Clause
"""The five figures by which VIFs and backend-driver I/O are compared.

Both sides are measured by this very function, on whatever interfaces the guests have.
"""

import contextlib
import statistics
import sys

from .errors import LabError
from .process import CpuMeter

IPERF_PORT, PROBE_PORT = 5201, 7007
NOTHING = contextlib.nullcontext()
UDP_PAYLOAD_BYTES = 18  # with Ethernet, IPv4 and UDP headers and FCS: 64 bytes


def round_trip(client, server, address, count=2000):
    """Round trips of small UDP datagrams between two guests: netprobe's JSON."""
    echo = server.start(f"netprobe echo -p {PROBE_PORT}")
    try:
        server.wait_port(PROBE_PORT, "udp")
        return client.run(f"netprobe ping {address} -p {PROBE_PORT} -c {count}", 120).json()
    finally:
        echo.kill()
        echo.wait(check=False)


def request_response(client, server, address, seconds=2, payload_bytes=9, around=NOTHING):
    """Small requests and responses on one TCP connection, one after the other: netprobe's JSON.

    around: a context, here and below, in which there is nothing but the traffic.
    """
    echo = server.start(f"netprobe echo -T -p {PROBE_PORT}")
    try:
        server.wait_port(PROBE_PORT)
        with around:
            result = client.run(f"netprobe ping {address} -T -p {PROBE_PORT} -s {payload_bytes} "
                                f"-t {seconds} -c 1000000", seconds + 60)
        return result.json()
    finally:
        echo.kill()
        echo.wait(check=False)


def ping(client, address, count=200):
    """Round trips of ICMP, us, in the order they came."""
    output = client.run(f"ping -c {count} -i 0.01 -w 60 {address}", 90).output
    times = [float(part.split()[0]) * 1000 for part in output.split("time=")[1:]]
    if len(times) < count / 2:
        raise LabError(f"of {count} pings {len(times)} came back:\n{output[-500:]}")
    return times


def tcp(client, server, address, seconds=5, pids=(), around=NOTHING):
    """One TCP stream. Returns gbps, gigabytes, and CPU seconds of the processes meanwhile."""
    listener = server.start(f"iperf3 -s -1 -p {IPERF_PORT} --json")
    try:
        server.wait_port(IPERF_PORT)
        with around:
            meter = CpuMeter(pids)
            report = client.run(f"iperf3 -c {address} -p {IPERF_PORT} -t {seconds} --json",
                                seconds + 60).json()
            cpu_s = meter.seconds()
    finally:
        listener.kill()
        listener.wait(check=False)
    if "error" in report:
        raise LabError(f"iperf3: {report['error']}")
    received = report["end"]["sum_received"]
    return {"gbps": received["bits_per_second"] / 1e9, "gigabytes": received["bytes"] / 1e9,
            "cpu_s": cpu_s, "retransmits": report["end"]["sum_sent"].get("retransmits", 0)}


def udp(client, server, address, seconds=5, payload_bytes=UDP_PAYLOAD_BYTES, rate_pps=0,
        around=NOTHING):
    """Small datagrams one way, as fast as they go: netprobe's JSON of the receiver."""
    receiver = server.start(f"netprobe recv -p {PROBE_PORT} -t {seconds + 10}")
    try:
        server.wait_port(PROBE_PORT, "udp")
        with around:
            client.run(f"netprobe send {address} -p {PROBE_PORT} -s {payload_bytes} -t {seconds} "
                       f"-r {rate_pps}", seconds + 60)
        result = receiver.wait(60).json()
    finally:
        if receiver.running():
            receiver.kill()
    if result["corrupt"]:
        raise LabError(f"{result['corrupt']} datagrams arrived damaged")
    return result


def measure(client, server, address, pids=None, seconds=5, note=None):
    """The figures for traffic from one guest to the other one's address.

    pids: processes whose CPU time is the price: by default both QEMUs; a device's own
    processes belong in it too. note: called with a line about each step (default: none).
    Returns rtt_us_p50, rtt_us_p99, tcp_gbps, udp_kpps, cpu_s_per_gb.
    """
    note = note or (lambda line: None)
    pids = [client.process.pid, server.process.pid] if pids is None else list(pids)
    note("round trips")
    rtt = round_trip(client, server, address)
    note("TCP")
    stream = tcp(client, server, address, seconds, pids)
    note("UDP")
    datagrams = udp(client, server, address, seconds)
    return {
        "rtt_us_p50": rtt["p50_us"],
        "rtt_us_p99": rtt["p99_us"],
        "tcp_gbps": round(stream["gbps"], 4),
        "udp_kpps": round(datagrams["kpps"], 3),
        "cpu_s_per_gb": round(stream["cpu_s"] / stream["gigabytes"], 3),
    }


def warm_up(client, server, address):
    """Lets TCG translate both guests' packet paths, which the first measurement would pay for."""
    round_trip(client, server, address, 500)
    tcp(client, server, address, 3)
    udp(client, server, address, 2)


def medians(rounds):
    """One set of figures from several: the median of each."""
    return {name: round(statistics.median(r[name] for r in rounds), 4) for name in rounds[0]}


def print_note(line):
    """A note for people, on stderr."""
    print(f"  {line}", file=sys.stderr, flush=True)
