#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two virtual machines on each of several ways between them, measured in turns.

  vif         VIFs of svio, driver svio.ko
  virtio      virtio-net, TAP and a Linux bridge; the backend is QEMU (or vhost-net where there is one)
  vhost-user  virtio-net, DPDK's vhost-user: testpmd forwards from one guest's socket to the other's
  igb         an Intel NIC that QEMU emulates, TAP and a Linux bridge

svio-bench compare runs this. Needs root; what tests/lab/prepare makes is made where it is missing.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/lab"))
# pylint: disable=wrong-import-position
from lab import Guest, LabError, Net, spawn, stop  # noqa: E402
from lab.backend import SERVER, backend_guests  # noqa: E402
from lab.measure import ping, request_response, round_trip, tcp, udp  # noqa: E402
from lab.process import CpuMeter, Foreign, context_switches, usable_accelerator  # noqa: E402
from lab.vifs import address, vif_guests  # noqa: E402

MODULES = TOP / "build/bench-modules"
# Of the machine, used by others (its host, too): more, and the window is thrown away. A window takes
# seconds, so that on a shared machine some percent are in each; ways take turns, so all have them.
FOREIGN_MAX = 0.10
HELD = r"NETDEV WATCHDOG|TX timeout on queue"  # what a guest says of a device that is held
TRIES = 4           # windows for each that is to count
EXIT_NOISY = 3      # as svio-bench's
ROUNDS_MIN = 3      # fewer are no figure
HOPELESS = 3        # rounds of which no window at all counts: no more are taken
LEAST_SECONDS = 150  # that windows are taken in


class Way:
    """Two guests that are up, and who works for them."""

    def __init__(self, client, server, to, others=(), poller=None, messages=None):
        self.client, self.server, self.to = client, server, to
        self.pids = [client.process.pid, server.process.pid, *others]
        self._poller = poller
        self.messages = messages or (lambda: None)

    def hold(self):
        """Nobody of it polls while others are measured."""
        self._signal(signal.SIGSTOP)

    def go(self):
        """Its turn."""
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        if self._poller:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._poller, number)


@contextlib.contextmanager
def vif(options):
    """The subject."""
    with vif_guests(wire=False, **options) as (_net, device, (a, b)):
        def messages():
            """Register writes that reached sviod on the packet path: the guests' wakes."""
            return sum(v["counters"]["wakes"] for v in device.svio_json("stats")["vifs"])
        yield Way(a, b, address(1), device.pids(), messages=messages)


@contextlib.contextmanager
def virtio(options):
    """Backend-driver I/O as most have it."""
    with backend_guests(**options) as (_net, client, server):
        yield Way(client, server, SERVER)


@contextlib.contextmanager
def igb(options):
    """A real NIC's registers, emulated: each access that they want is an exit."""
    with backend_guests(model="igb", **options) as (_net, client, server):
        yield Way(client, server, SERVER)


def start_testpmd(folder, paths):
    """Forwards between two vhost-user sockets, unsegmented packets and checksums as they are."""
    everywhere = f"({','.join(map(str, sorted(os.sched_getaffinity(0))))})"
    command = ["dpdk-testpmd", "--lcores", f"0@{everywhere},1@{everywhere}", "--no-huge", "-m", "512",
               "--single-file-segments", "--no-pci", "--file-prefix", f"svio{os.getpid()}g"]
    for number, path in enumerate(paths):
        command += ["--vdev", f"net_vhost{number},iface={path},tso=1,legacy-ol-flags=1"]
    command += ["--", "-i", "--nb-cores=1", "--forward-mode=io", "--txd=1024", "--rxd=1024",
                "--total-num-mbufs=65536", "--no-lsc-interrupt", "--no-rmv-interrupt"]
    log = (folder / "testpmd.log").open("wb")
    process = spawn(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError("testpmd did not start:\n"
                           + (folder / "testpmd.log").read_text(errors="replace")[-2000:])
        time.sleep(0.05)
    return process


@contextlib.contextmanager
def vhost_user(options):
    """Shared memory between QEMU and a polling process of DPDK."""
    if not shutil.which("dpdk-testpmd"):
        raise LabError("dpdk-testpmd is missing: tests/lab/install-deps test")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="svio-vhost-")))
        paths = [folder / f"{number}.sock" for number in range(2)]
        testpmd = start_testpmd(folder, paths)
        stack.callback(stop, testpmd, signal.SIGKILL)
        guests = []
        for number, path in enumerate(paths):
            arguments = ["-chardev", f"socket,id=vhost,path={path}", "-netdev",
                         "vhost-user,id=net0,chardev=vhost", "-device",
                         f"virtio-net-pci,netdev=net0,mac=52:54:00:79:00:0{number},romfile="]
            guests.append(Guest(f"vhost{number}", arguments=arguments, allow=HELD, **options))
        for number, guest in enumerate(guests):
            stack.enter_context(guest)
            guest.run("modprobe virtio_net && ip link set eth0 up && "
                      f"ip addr add 10.79.0.{number + 2}/24 dev eth0")
        testpmd.stdin.write(b"start\n")
        testpmd.stdin.flush()
        yield Way(*guests, "10.79.0.3", [testpmd.pid], poller=testpmd.pid)


WAYS = {
    "vif": ("VIF (svio)", vif),
    "virtio": ("virtio-net + TAP + bridge", virtio),
    "vhost-user": ("virtio-net, DPDK vhost-user", vhost_user),
    "igb": ("emulated igb + TAP + bridge", igb),
}


class Window:
    """What the time within it cost one way: its processes' CPU time and turns, and its bus messages."""

    def __init__(self, way, everybody):
        self._way, self._everybody = way, everybody

    def __enter__(self):
        self._foreign = Foreign(self._everybody)
        self._messages = self._way.messages()
        self._switches = context_switches(self._way.pids)
        self._meter = CpuMeter(self._way.pids)
        return self

    def __exit__(self, *_):
        self.cpu_s = self._meter.seconds()
        self.switches = context_switches(self._way.pids) - self._switches
        self.foreign = self._foreign.share()  # of the machine, used by others
        self.messages = self._way.messages()
        if self.messages is not None:
            self.messages -= self._messages

    def costs(self, name, units):
        """For each unit (packet, transaction, megabyte)."""
        return {f"{name}_cpu_us": self.cpu_s * 1e6 / units, f"{name}_switches": self.switches / units,
                f"{name}_messages": None if self.messages is None else self.messages / units}


def measure_tcp(way, seconds, window):
    """One stream; costs for each megabyte."""
    stream = tcp(way.client, way.server, way.to, seconds, around=window)
    return {"tcp_gbps": stream["gbps"], **window.costs("tcp", stream["gigabytes"] * 1e3)}


def measure_rr(way, seconds, window):
    """A few bytes there and back on one connection; costs for each transaction."""
    found = request_response(way.client, way.server, way.to, seconds, around=window)
    return {"rr_per_s": found["received"] / found["seconds"], "rr_us_p50": found["p50_us"],
            "rr_us_p99": found["p99_us"], **window.costs("rr", found["received"])}


def measure_udp(way, seconds, window):
    """Frames of 64 bytes, as many as there go; costs for each that arrived."""
    found = udp(way.client, way.server, way.to, seconds, around=window)
    return {"udp_kpps": found["kpps"], "udp_lost": found["lost"] / max(found["sent"], 1),
            **window.costs("udp", found["packets"])}


def measure_ping(way, seconds, window):
    """ICMP, a pause between; and UDP, the next as soon as the last is back."""
    with window:
        times = ping(way.client, way.to, max(20, int(seconds * 100)))
        probe = round_trip(way.client, way.server, way.to, int(seconds * 1000))
    return {"ping_us_p50": statistics.median(times),
            "ping_us_p99": statistics.quantiles(times, n=100)[98],
            "udp_rtt_us_p50": probe["p50_us"], "udp_rtt_us_p99": probe["p99_us"]}


MEASURES = (measure_tcp, measure_rr, measure_udp, measure_ping)


def note(line):
    """Progress, for people."""
    print(f"guests: {line}", file=sys.stderr, flush=True)


def run_turn(name, way, measure, seconds, everybody, kept, disturbed):
    """One window of one way; into kept, or disturbed when others used the machine meanwhile."""
    what, window = f"{name}, {measure.__name__[8:]}", Window(way, everybody)
    way.go()
    try:
        figures = measure(way, seconds, window)
    except LabError as error:
        note(f"{what}: {in_a_line(error)}")
        return
    finally:
        way.hold()
    figures[f"{measure.__name__[8:]}_foreign"] = window.foreign
    if window.foreign > FOREIGN_MAX:
        note(f"{what}: others used {window.foreign:.0%} of the machine: thrown away")
    (kept if window.foreign <= FOREIGN_MAX else disturbed).append(figures)


def measure_all(ways, options):
    """{way: {measure: ([figures of windows that count], [of the others])}}"""
    everybody = [os.getpid(), *(pid for way in ways.values() for pid in way.pids)]
    found = {name: {measure: ([], []) for measure in MEASURES} for name in ways}
    for way in ways.values():
        way.hold()
    for name, way in ways.items():
        note(f"warming up {name}")
        for measure in MEASURES:
            run_turn(name, way, measure, 1, everybody, [], [])
    for turn in range(options.rounds * TRIES):
        missing = [(name, measure) for measure in MEASURES for name in ways
                   if len(found[name][measure][0]) < options.rounds]
        if not missing or time.monotonic() > options.deadline:
            break
        if turn >= options.rounds and options.force:
            break  # it is what it is
        for name, measure in missing:
            if time.monotonic() < options.deadline:
                run_turn(name, ways[name], measure, options.seconds, everybody, *found[name][measure])
        kept = [len(found[name][measure][0]) for name in ways for measure in MEASURES]
        note(f"round {turn + 1}; {min(kept)} of {options.rounds} of each count")
        if turn + 1 >= HOPELESS and not any(kept):
            break
    return found


def figure(values, discarded):
    """Median and spread of values of which some may be None."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "low": min(values), "high": max(values),
            "windows": len(values), "discarded": discarded}


def summarize(found, force):
    """One way's figures, and why others are missing; disturbed windows count only where they are forced to."""
    figures, missing = {}, {}
    for measure, (kept, disturbed) in found.items():
        windows = kept + disturbed if force and len(kept) < ROUNDS_MIN else kept
        if len(windows) < ROUNDS_MIN:
            missing[measure.__name__[8:]] = (f"{len(kept)} undisturbed windows of {ROUNDS_MIN} that are needed, "
                                             f"{len(disturbed)} disturbed")
            continue
        for key in windows[0]:
            figures[key] = figure([w[key] for w in windows], len(disturbed))
    return figures, missing


def refusal(ways, names):
    """Why nothing can be compared, or None: VIFs lack a figure, or most figures are missing."""
    figures = len(names) * len(MEASURES)
    missing = sum(len(way["missing_figures"]) for way in ways if way["name"] in names)
    vif_lacks = any(way["name"] == "vif" and way.get("missing_figures") for way in ways)
    if not vif_lacks and 2 * missing <= figures:
        return None
    own = "VIFs' own among them, " if vif_lacks else ""
    return (f"the machine is too noisy: {missing} of {figures} figures, {own}have fewer than "
            f"{ROUNDS_MIN} windows in which others used less than {FOREIGN_MAX:.0%} of it. End other "
            "work; --force counts disturbed windows, too")


def prepare():
    """QEMU, a kernel and svio.ko; nothing to do where they are there."""
    note("QEMU, a guest kernel and svio.ko: where they are not there yet, some minutes")
    for command in ([TOP / "tests/lab/prepare", "newest"],
                    [TOP / "tests/lab/build-module", "newest", TOP / "host-driver/linux",
                     MODULES / "newest"]):
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode:
            raise LabError(f"{command[0].name}: {result.stdout.strip()[-2000:]}")
    os.environ["SVIO_MODULES"] = str(MODULES)


def in_a_line(error):
    """What went wrong, as one line."""
    return " ".join(str(error).split())[:300]


@contextlib.contextmanager
def noting_complaints(name, complaints):
    """Of a way: what its guests' kernels complained of (on a busy machine: of lost time) costs no figures."""
    try:
        yield
    except LabError as error:
        complaints[name] = in_a_line(error)
        note(f"{name}: {complaints[name]}")


def boot(stack, names, options, complaints):
    """{name: Way} of those that this machine can do, {name: reason} of the others."""
    ways, missing = {}, {}
    for name in names:
        note(f"booting two guests: {WAYS[name][0]}")
        with contextlib.ExitStack() as attempt:
            attempt.enter_context(noting_complaints(name, missing))
            way = WAYS[name][1](options)
            ways[name] = way.__enter__()
            ways[name].hold()
            stack.enter_context(noting_complaints(name, complaints))
            stack.push(way)
    return ways, missing


def report(options):
    """Boots, measures, and returns what svio-bench compare shows."""
    options.deadline = time.monotonic() + options.minutes * 60
    prepare()
    accelerator = usable_accelerator()
    guest_options = {"accel": accelerator, "memory_mb": 384}
    complaints, found = {}, None
    with contextlib.ExitStack() as stack:
        ways, missing = boot(stack, options.ways, guest_options, complaints)
        if not ways:
            raise LabError("; ".join(missing.values()))
        kernel = next(iter(ways.values())).client.run("uname -r").output.strip()
        # Where preparing took long: figures all the same.
        options.deadline = max(options.deadline, time.monotonic() + LEAST_SECONDS)
        found = measure_all(ways, options)
    if found is None:
        raise LabError("; ".join(complaints.values()))
    result = []
    for name in options.ways:
        entry = {"name": name, "title": WAYS[name][0]}
        if name in missing:
            entry["missing"] = missing[name]
        else:
            entry["figures"], entry["missing_figures"] = summarize(found[name], options.force)
            entry["complaint"] = complaints.get(name)
        result.append(entry)
    return {"accelerator": accelerator, "kernel": kernel, "seconds": options.seconds,
            "rounds": options.rounds, "foreign_limit": FOREIGN_MAX, "forced": options.force,
            "refused": refusal(result, list(ways)), "ways": result}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: bench/guests.py --rounds 5 --json guests.json")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--ways", default=",".join(WAYS), help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="windows of each that count (5)")
    parser.add_argument("--seconds", type=float, default=2, help="of each window (2)")
    parser.add_argument("--bin", metavar="DIR", help="where sviod is (build/release/bin)")
    parser.add_argument("--minutes", type=float, default=9, help="no new window after that (9)")
    parser.add_argument("--force", action="store_true", help="count disturbed windows where too few are not")
    options = parser.parse_args()
    options.ways = options.ways.split(",")
    if options.bin:
        os.environ["SVIO_BIN"] = options.bin
    for name in options.ways:
        if name not in WAYS:
            parser.error(f"no way '{name}': {', '.join(WAYS)}")
    return options


def main():
    options = parse_arguments()
    try:
        found = report(options)
    except LabError as error:
        note(error)
        found = {"ways": [], "refused": in_a_line(error)}
    text = json.dumps(found, indent=1)
    if options.json:
        pathlib.Path(options.json).write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    if found["refused"]:
        note(found["refused"])
        sys.exit(EXIT_NOISY if found["ways"] else 1)


if __name__ == "__main__":
    main()
