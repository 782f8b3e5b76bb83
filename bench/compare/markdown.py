# SPDX-License-Identifier: BSD-3-Clause
"""Tables of svio-bench compare as Markdown, so that no figure is ever copied by hand."""

import os
import re

from found import is_forced, label, latency, median, missing_lines, rate_of, refusals, shown, sizes_of, ways_of, with_spread
from plots import number

BEGIN = re.compile(r"^<!-- compare( short)? -->\n", re.M)
END = "<!-- /compare -->"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def cell(found, short):
    """A median, with its spread where there is room."""
    return number((found or {}).get("median")) if short else with_spread(found)


def processes_table(part, short):
    """Rates and latency; what the smallest frames cost where there is room."""
    sizes = sizes_of(part)
    header = ["guests are processes", *(f"{size} B, Mpps" for size in sizes), "p50, us", "p99, us"]
    header += [] if short else ["between, ns", "guests, ns", "switches", "notices"]
    rows = []
    for way in shown(part) if short else ways_of(part):
        cells = [cell(rate_of(way, size).get("mpps"), short) for size in sizes]
        cells += [number(time / 1e3 if time else None) for time in (latency(way), latency(way, "p99"))]
        small = rate_of(way, sizes[0])
        cells += [] if short else [number(small.get(key)) for key in ("device_ns", "guest_ns", "turns", "notices")]
        best = ", best of its kinds" if short and way["name"].startswith("vhost") else ""
        rows.append([label(way) + best, *cells])
    return table(header, rows)


GUEST_COLUMNS = (("tcp_gbps", "TCP, Gbit/s"), ("rr_per_s", "TCP RR, /s"), ("udp_kpps", "UDP, kpps"),
                 ("ping_us_p50", "ping p50, us"))
COST_COLUMNS = (("tcp_cpu_us", "CPU us/MB"), ("rr_us_p99", "RR p99, us"), ("udp_cpu_us", "CPU us/packet"),
                ("udp_switches", "switches/packet"), ("udp_messages", "bus messages/packet"))


def guests_table(part, short):
    """What two virtual machines get, and what it costs."""
    rows = []
    for way in ways_of(part):
        cells = [cell(way["figures"].get(key), short) for key, _ in GUEST_COLUMNS]
        cells += [] if short else [number(median(way, key)) for key, _ in COST_COLUMNS]
        rows.append([label(way), *cells])
    columns = GUEST_COLUMNS if short else GUEST_COLUMNS + COST_COLUMNS
    return table([f"guests are VMs ({part['accelerator'].upper()})", *(title for _, title in columns)], rows)


def tables(data, short=False):
    """Both, with what must be known of them."""
    facts = data["environment"]
    blocks = [f"`svio-bench compare --json out.json`, svio {facts['commit'] or 'of an unknown commit'}, {facts['time'][:10]}: "
              f"{facts['processors']} processors ({facts['cpu']}), Linux {facts['kernel']}, DPDK {facts['dpdk']}, "
              f"QEMU {facts['qemu']}."]
    blocks += [f"**Not to be cited**: {line}" for line in refusals(data)]
    blocks += ["**Not to be cited**: disturbed windows count (`--force`)."] if is_forced(data) else []
    for part, make in (("processes", processes_table), ("guests", guests_table)):
        if ways_of(data.get(part)):
            blocks.append(make(data[part], short))
            foot = [f"- {line}" for line in missing_lines(data[part])]
            blocks += ["\n".join(foot)] if foot else []
    return "\n\n".join(blocks) + "\n"


def insert(text, data, name, plot=None):
    """The text with the tables between its marks, and below them the plot, a file, if there is one."""
    begin = BEGIN.search(text)
    end = text.find(END, begin.end()) if begin else -1
    if end < 0:
        raise SystemExit(f"{name}: has no lines <!-- compare --> and {END}")
    image = f"![the same as bars]({os.path.relpath(plot, os.path.dirname(name) or '.')})\n\n" if plot else ""
    return f"{text[:begin.end()]}\n{tables(data, bool(begin.group(1)))}\n{image}{text[end:]}"
