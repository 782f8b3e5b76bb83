#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What svio-bench compare found, for people: tables on the terminal and in Markdown, JSON, a plot, a page.

usage: report.py --environment FILE [--noise FILE] [--processes FILE] [--guests FILE] [--json FILE]
                 [--html FILE] [--plot FILE] [--markdown FILE] [--insert FILE]

FILEs of the first four are JSON, written by environment.py, svio-bench and guests.py. A file that
--json has written shows again with --data FILE. --insert puts the tables between two lines of a file,
<!-- compare --> and <!-- /compare -->; <!-- compare short --> has the fewer columns of a front page.
"""

import argparse
import json
import pathlib
import sys

import markdown
import page
from found import (HISTORY, key_lines, latency, missing_lines, notices, rate_of, refusals, sizes_of, ways_of,
                   with_spread)
from plots import number

EXIT_NOISY = 3  # as svio-bench's


def table(header, rows):
    """Columns as wide as they need to be; the first one's words begin at the left."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def processes_table(part):
    """Rates by size, latency, and what the smallest frames cost."""
    sizes = sizes_of(part)
    header = ["guests are processes", *(f"{size} B Mpps" for size in sizes), "p50 us", "p99 us",
              "device ns", "guests ns", "switches", "notices"]
    rows = []
    for way in part["ways"]:
        if "missing" in way:
            rows.append([way["title"], "missing: " + way["missing"], *[""] * (len(header) - 2)])
            continue
        small = rate_of(way, sizes[0])
        times = [latency(way, share) for share in ("p50", "p99")]
        rows.append([way["title"], *(with_spread(rate_of(way, size).get("mpps")) for size in sizes),
                     *(number(time / 1e3 if time else None) for time in times),
                     *(number(small.get(key)) for key in ("device_ns", "guest_ns", "turns", "notices"))])
    return table(header, rows)


def guests_table(part):
    """What two virtual machines get."""
    header = [f"guests are VMs ({part['accelerator']})", "TCP Gbit/s", "CPU us/MB", "TCP RR /s", "RR p99 us",
              "UDP kpps", "CPU us/pkt", "switches/pkt", "bus msg/pkt", "ping p50 us", "p99"]
    keys = ["tcp_gbps", "tcp_cpu_us", "rr_per_s", "rr_us_p99", "udp_kpps", "udp_cpu_us", "udp_switches",
            "udp_messages", "ping_us_p50", "ping_us_p99"]
    rows = []
    for way in part["ways"]:
        figures = way.get("figures", {})
        cells = [with_spread(figures.get(key)) if key in ("tcp_gbps", "rr_per_s", "udp_kpps")
                 else number((figures.get(key) or {}).get("median")) for key in keys]
        if "missing" in way:
            cells = ["missing: " + way["missing"], *[""] * (len(keys) - 1)]
        rows.append([way["title"], *cells])
    return table(header, rows)


def is_measured(data):
    """Whether there is anything to show."""
    return any(ways_of(data.get(part)) for part in ("processes", "guests"))


def print_missing(part):
    """The foot of a table."""
    for line in missing_lines(part):
        print(f"  - {line}")


def print_report(data):
    """All tables, on the terminal."""
    for line in notices(data):
        print(f"!! {line}\n")
    if ways_of(data.get("processes")):
        print(processes_table(data["processes"]))
        print("\nOne way, medians (least - greatest). Latency one way, 64 B. Times, switches and notices a\n"
              f"packet of {sizes_of(data['processes'])[0]} B: CPU time of what is between the guests, and of "
              "both guests; context switches;\nhow often a side told the other through the kernel.")
        print_missing(data["processes"])
        print()
    if ways_of(data.get("guests")):
        print(guests_table(data["guests"]))
        print("\nUDP: frames of 64 B. CPU time of both QEMUs and of all that works for them.")
        print_missing(data["guests"])
        print()
    if is_measured(data):
        print("\n".join(key_lines(data)))


def load(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8")) if path else None


def collect(options):
    """One document of all parts."""
    if options.data:
        return load(options.data)
    data = {"svio_compare": 1, "environment": load(options.environment), "noise": load(options.noise),
            "processes": load(options.processes), "guests": load(options.guests),
            "history": HISTORY}
    return {**data, "refused": refusals(data)}


def write(path, text):
    """Into a file, and says so."""
    pathlib.Path(path).write_text(text, encoding="utf-8")
    print(f"report: {path} is written", file=sys.stderr)


def write_files(data, options):
    """What is wanted of it. Where nothing was measured only the JSON, which tells why."""
    if options.json:
        write(options.json, json.dumps(data, indent=1) + "\n")
    if not is_measured(data):
        for line in refusals(data) or ["nothing was measured"]:
            print(f"report: {line}", file=sys.stderr)
        for path in filter(None, (options.html, options.plot, options.markdown, options.insert)):
            print(f"report: {path} is not written", file=sys.stderr)
        sys.exit(EXIT_NOISY)
    if options.html:
        write(options.html, page.html(data))
    if options.plot:
        write(options.plot, page.plot(data))
    if options.markdown == "-":
        print(markdown.tables(data))
    elif options.markdown:
        write(options.markdown, markdown.tables(data))
    if options.insert:
        old = pathlib.Path(options.insert).read_text(encoding="utf-8")
        write(options.insert, markdown.insert(old, data, options.insert, options.plot))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "environment", "noise", "processes", "guests", "json", "html", "plot", "markdown", "insert"):
        parser.add_argument(f"--{name}", metavar="FILE")
    options = parser.parse_args()
    data = collect(options)
    if options.markdown != "-":
        print_report(data)
    write_files(data, options)


if __name__ == "__main__":
    main()
