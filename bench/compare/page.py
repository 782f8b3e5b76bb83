# SPDX-License-Identifier: BSD-3-Clause
"""The page of svio-bench compare: report.html filled in. It needs nothing but itself."""

import json
import pathlib
import string
from xml.sax.saxutils import escape

import plots
from found import (HISTORY, heading, history_lines, keys, kind, label, latency, missing_lines, mpps,
                   notices, rate_of, shown, sizes_of, ways_of)
from plots import number

PROCESS_METHOD = """<p><b>Guests that are processes.</b> Two guests, each in user space, send frames one
way; what counts is what arrives. What is between them (svio's firmware, a vhost or memif device, a driver
domain) has one processor, both guests another. <i>One copy, nothing else</i> is the bound of two
processors: a process that copies each frame from one guest's memory to the other's. Guests touch 24 bytes of each frame, in bursts of 32, with at
most 512 under way. <i>TAP + bridge</i>: the sender has one processor, where the kernel's bridge then works,
too, and the receiver the other; one system call a frame and way. <i>Split drivers</i>: frontends, shared
rings of 256 entries with event thresholds, grants given and taken back for each frame and checked for each
use, event channels (eventfds); the driver domain is a process of its own with netback's copies (128 bytes of
what is sent, the rest of the page lent; all of what is received) and a learning bridge. A hypercall a
batch of grant operations is a system call here; page tables and their flushes, locks, the kernel's network stack and
virtual interrupts are not modelled, nor are offloads: with plain frames a real driver domain is slower.
<i>Polling</i> is the same without sleeping. Latency is half of the round trip of one frame of 64
bytes.</p>"""

GUEST_METHOD = """<p><b>Guests that are virtual machines.</b> Two of them on each way, with one processor and
the same kernel, under the same QEMU: TCP by iperf3, one stream; TCP request/response of 9 bytes on one
connection; UDP with frames of 64 bytes as fast as the sender can, of which those that arrive count; ICMP echo. CPU
time is that of both QEMUs and of all that works for them, the kernel's threads included. Bus messages are
register writes of the guests that reached sviod. Nothing is pinned.</p>"""

COMMON_METHOD = """<p>Ways take turns in windows, so that what changes on the machine meets all alike. A window in
which somebody else had the processors is thrown away and taken again, and the machine is looked at before anything is
measured. Figures are medians, with least and
greatest of the windows that counted; a way with too few of them has none (-, and why below the table); between brackets, or as a line across the end of a bar.</p>"""

LIMITS = """<ul>
<li>Figures of one page belong together; those of two pages or machines do not.</li>
<li>svio has switching, anti-spoofing, scheduling, address translation by I/O page tables and counters on;
vhost-user and memif forward blindly from one port to the other, and memif with zero copy and one port has no wall between its guests.</li>
<li>Guests that are processes have no operating system: what a guest's own network stack costs is in the
second part only.</li>
<li>The split drivers are a model; <code>bench/split_backend.h</code> says what of the original it has.</li>
<li>History's figures come from machines of their time and from real hardware on one side; they are beside ours
as the claim that ours are to be held against, not as a measurement.</li>
</ul>"""


def figure(number_of, svg, caption):
    return f"<figure>{svg}<figcaption><b>Figure {number_of}.</b> {caption}</figcaption></figure>"


def rate_panels(part):
    """Bars of each frame length."""
    panels = []
    for size in sizes_of(part):
        rows = []
        for way in shown(part):
            rate = rate_of(way, size).get("mpps")
            if rate and rate["median"]:
                rows.append((label(way), kind(way["name"]), [(rate["median"], "")], rate["low"],
                             rate["high"], number(rate["median"])))
        panels.append((f"Frames of {size} bytes", "million frames a second", rows))
    return panels


def latency_panel(part):
    """Bars of the median, and the 99th percentile as the spread's end."""
    rows = []
    for way in shown(part):
        p50, p99 = latency(way), latency(way, "p99")
        if p50:
            rows.append((label(way), kind(way["name"]), [(p50 / 1e3, "")], None, None,
                         f"{number(p50 / 1e3)}, p99 {number(p99 / 1e3)}"))
    return ("Latency of one frame, 64 bytes (less is better)", "\N{MICRO SIGN}s", rows)


def cost_plot(part):
    """CPU time a packet, of device and guests."""
    size = sizes_of(part)[0]
    rows = []
    for way in shown(part):
        rate = rate_of(way, size)
        if rate.get("guest_ns"):
            device, guests = rate["device_ns"] or 0, rate["guest_ns"]
            rows.append((label(way), kind(way["name"]), [(device, ""), (guests, "second")], None, None,
                         f"{number(device)} + {number(guests)}"))
    return plots.bars("CPU time a packet", [(f"Frames of {size} bytes", "ns of CPU time a packet", rows)])


def latency_plot(part):
    lines = [(label(way), kind(way["name"]),
              [(share, ns / 1e3) for share, ns in way["latency"]["quantiles"]])
             for way in shown(part) if way.get("latency", {}).get("quantiles")]
    return plots.cumulative("Latency, cumulative", lines, "\N{MICRO SIGN}s one way, logarithmic") if lines else None


def guest_panels(part):
    """Bars of what virtual machines get."""
    panels = []
    for key, title, unit in (("tcp_gbps", "TCP, one stream", "Gbit/s"),
                             ("rr_per_s", "TCP request/response", "transactions a second"),
                             ("udp_kpps", "UDP, frames of 64 bytes", "thousand a second"),
                             ("ping_us_p50", "ping, median (less is better)", "\N{MICRO SIGN}s")):
        rows = []
        for way in ways_of(part):
            found = way["figures"].get(key)
            if found:
                rows.append((label(way), kind(way["name"]), [(found["median"], "")], found["low"],
                             found["high"], number(found["median"])))
        panels.append((title, unit, rows))
    return panels


def plot(data):
    """The figures of a front page, as one file: processes at the left, virtual machines at the right."""
    processes, guests = data.get("processes"), data.get("guests")
    left = rate_panels(processes) if ways_of(processes) else []
    right = [latency_panel(processes)] if ways_of(processes) else []
    for title, unit, rows in guest_panels(guests) if ways_of(guests) else ():
        right.append((f"VMs ({guests['accelerator'].upper()}): {title}", unit, rows))
    return plots.columns("svio-bench compare", [panels for panels in (left, right) if panels])


def table_row(kind_of, cells, width):
    """The last cell of a short row takes what is left."""
    *most, last = cells
    span = f' colspan="{width - len(most)}"' if len(cells) < width else ""
    return (f'<tr class="{kind_of}">' + "".join(f"<td>{cell}</td>" for cell in most)
            + f"<td{span}>{last}</td></tr>")


def html_table(caption, header, rows):
    """rows: (class, cells); a cell may hold markup."""
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join(table_row(kind_of, cells, len(header)) for kind_of, cells in rows)
    return (f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def spread_cell(found):
    if not found or found["median"] is None:
        return "-"
    return f"{number(found['median'])}<br/><small>{number(found['low'])}\N{EN DASH}{number(found['high'])}</small>"


def missing_row(way):
    """A way that this machine cannot go."""
    return ("missing", [escape(label(way)), f"not here: {escape(way['missing'])}"])


def processes_table(part):
    sizes = sizes_of(part)
    header = ["", *(f"{size} B<br/>Mpps" for size in sizes), "p50<br/>\N{MICRO SIGN}s", "p99<br/>\N{MICRO SIGN}s",
              "between<br/>ns", "guests<br/>ns", "context<br/>switches", "notices"]
    rows = []
    for way in part["ways"]:
        if "missing" in way:
            rows.append(missing_row(way))
            continue
        small = rate_of(way, sizes[0])
        times = [latency(way, share) for share in ("p50", "p99")]
        rows.append((kind(way["name"]), [
            escape(label(way)), *(spread_cell(rate_of(way, size).get("mpps")) for size in sizes),
            *(number(time / 1e3 if time else None) for time in times),
            *(number(small.get(key)) for key in ("device_ns", "guest_ns", "turns", "notices"))]))
    return html_table(f"<b>Table 1.</b> Guests that are processes: median and spread; CPU time, context switches "
                      f"and notices (one side tells the other through the kernel) a packet of {sizes[0]} bytes.",
                      header, rows)


SPREAD = ("tcp_gbps", "rr_per_s", "udp_kpps", "ping_us_p50")  # figures whose spread is shown


def guests_table(part):
    columns = [("tcp_gbps", "TCP<br/>Gbit/s"), ("tcp_cpu_us", "CPU<br/>\N{MICRO SIGN}s/MB"),
               ("rr_per_s", "TCP RR<br/>/s"), ("rr_us_p99", "RR p99<br/>\N{MICRO SIGN}s"),
               ("udp_kpps", "UDP<br/>kpps"), ("udp_cpu_us", "CPU<br/>\N{MICRO SIGN}s/packet"),
               ("udp_switches", "switches<br/>/packet"), ("udp_messages", "bus msg.<br/>/packet"),
               ("ping_us_p50", "ping p50<br/>\N{MICRO SIGN}s"), ("ping_us_p99", "p99<br/>\N{MICRO SIGN}s")]
    rows = [missing_row(way) if "missing" in way else
            (kind(way["name"]), [escape(label(way)), *(spread_cell(way["figures"].get(key)) if key in SPREAD else
                                 number((way["figures"].get(key) or {}).get("median")) for key, _ in columns)])
            for way in part["ways"]]
    return html_table("<b>Table 2.</b> Guests that are virtual machines: medians, and the spread of rates and round trips.",
                      ["", *(title for _, title in columns)], rows)


def missing_list(part):
    """The foot of a table: why figures are missing."""
    lines = missing_lines(part)
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def processes_section(part):
    if not ways_of(part):
        return ""
    times = latency_plot(part)
    return "\n".join([
        "<h2>Guests that are processes</h2>",
        figure(1, plots.bars("Rate by frame length", rate_panels(part)), "Frames that arrive, one way. Of vhost-user the best variant; all are in table 1."),
        figure(2, times, "Share of frames whose way took at most so long; one frame of 64 bytes at a time.")
        if times else "",
        figure(3, cost_plot(part), "What a packet costs: CPU time between the guests (dark) and of both guests "
                                   "(light). Who polls also pays for the time in which nothing comes."),
        processes_table(part), missing_list(part)])


def guests_section(part):
    if not ways_of(part):
        return ""
    return "\n".join(["<h2>Guests that are virtual machines</h2>",
                      figure(4, plots.bars("Virtual machines", guest_panels(part)), f"Two virtual machines, {escape(part['accelerator'].upper())}, "
                                                  f"Linux {escape(part['kernel'])}."),
                      guests_table(part), missing_list(part)])


def environment_table(data):
    facts = dict(data.get("environment") or {})
    facts["load"] = ", ".join(f"{value:.2f}" for value in facts.get("load", [])) + " before the measurement"
    facts["mitigations"] = "; ".join(facts.get("mitigations", [])) or "none that cost anything"
    noise = data.get("noise")
    if noise:
        facts["noise"] = f"{noise['taken']:.2%} of a processor's time taken by others before the measurement"
    rows = "".join(f"<tr><td>{escape(str(key).replace('_', ' '))}</td><td>{escape(str(value))}</td></tr>"
                   for key, value in facts.items() if value not in ("", None))
    return f'<table class="facts"><tbody>{rows}</tbody></table>'


def html(data):
    """The page."""
    facts = data.get("environment") or {}
    template = string.Template((pathlib.Path(__file__).parent / "report.html").read_text(encoding="utf-8"))
    method = [text for part, text in (("processes", PROCESS_METHOD), ("guests", GUEST_METHOD)) if ways_of(data.get(part))]
    # Within an element nothing may look like markup.
    embedded = json.dumps(data).replace("<", "\\u003c").replace("&", "\\u0026").replace(">", "\\u003e")
    return template.substitute(
        title="Direct VIFs, shared-memory NICs and backend drivers, side by side",
        subtitle=escape(f"svio-bench compare, svio {facts.get('commit') or 'of an unknown commit'}, "
                        f"{facts.get('cpu', '')}, {facts.get('time', '')}"),
        heading=heading(data), notices="\n".join(f'<p class="notice">{escape(line)}</p>' for line in notices(data)),
        keys='<ul class="keys">' + "".join(f"<li><b>{number(value)} \N{MULTIPLICATION SIGN}</b>{escape(words)}</li>"
                                           for value, words in keys(data)) + "</ul>" if keys(data) else "",
        style=plots.STYLE, processes=processes_section(data.get("processes")), guests=guests_section(data.get("guests")),
        history="<h2>Beside history</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in history_lines(data))
                + f"</ul><p>{escape(HISTORY['source'])}.</p>",
        method="\n".join([*method, COMMON_METHOD]), limits=LIMITS, environment=environment_table(data),
        data=embedded)
