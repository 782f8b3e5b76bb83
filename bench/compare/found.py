# SPDX-License-Identifier: BSD-3-Clause
"""What is in the data of svio-bench compare, and what it says."""

from plots import number

# What others found on other machines: beside ours, not in one scale with them.
HISTORY = {
    "source": "H. Raj, K. Schwan: High performance and scalable I/O virtualization via self-virtualized "
              "devices, HPDC 2007",
    "throughput_gain": 0.77, "latency_gain": -0.53, "sidecore_gain": -0.41,
}


def kind(name):
    """What a way is: svio, bound, shared (memory, polled by somebody), or backend (driver)."""
    if name in ("svio", "vif"):
        return "svio"
    if name == "bound":
        return "bound"
    return "shared" if name.startswith(("vhost", "memif")) else "backend"


# For plots, which have little room; others by their titles.
LABELS = {
    "svio": "VIF (svio)", "vif": "VIF (svio)", "bound": "one copy, nothing else", "memif": "memif", "memif-zero-copy": "memif, zero copy",
    "memif-zero-copy-loop": "memif, one port, no wall", "split": "split drivers (as Xen)",
    "split-polling": "split drivers, polling", "tap": "TAP + bridge", "tap-polling": "TAP + bridge, polling",
    "virtio": "virtio-net, TAP, bridge", "vhost-user": "virtio-net, vhost-user",
    "igb": "emulated igb, TAP, bridge",
}


def label(way):
    """A short name."""
    if way["name"].startswith("vhost-") and way["name"] != "vhost-user":
        return "vhost-user, " + way["name"][6:].replace("-", " ")
    return LABELS.get(way["name"], way["title"])


def ways_of(part):
    """Those that were measured."""
    return [way for way in part["ways"] if "missing" not in way] if part else []


def by_name(part, name):
    """One of them, or None."""
    return next((way for way in ways_of(part) if way["name"] == name), None)


def sizes_of(part):
    """All frame lengths, the least first."""
    return sorted({rate["bytes"] for way in ways_of(part) for rate in way["rates"]})


def rate_of(way, size):
    """All about a frame length, {} where it was not measured."""
    return next((rate for rate in way["rates"] if rate["bytes"] == size), {})


def mpps(way, size):
    """Median rate, or None."""
    return rate_of(way, size).get("mpps", {}).get("median") if way else None


def latency(way, share="p50"):
    """ns, or None."""
    return way["latency"].get(f"{share}_ns") if way and way.get("latency") else None


def median(way, key):
    """Of a figure of virtual machines, or None."""
    found = way["figures"].get(key) if way else None
    return found["median"] if found else None


def with_spread(figure):
    """Median (least - greatest)."""
    if not figure or figure["median"] is None:
        return "-"
    return f"{number(figure['median'])} ({number(figure['low'])}-{number(figure['high'])})"


def best(ways, value):
    """The way with the greatest value, or None."""
    return max((way for way in ways if value(way)), key=value, default=None)


def shown(part):
    """Ways where there is little room: of vhost-user the best variant only."""
    sizes = sizes_of(part)
    chosen = best([way for way in ways_of(part) if way["name"].startswith("vhost")],
                  lambda way: mpps(way, sizes[0]))
    return [way for way in ways_of(part) if not way["name"].startswith("vhost") or way is chosen]


def ratio(ours, theirs):
    """None where one is missing."""
    return ours / theirs if ours and theirs else None


def percent(value):
    """A ratio as a gain or loss."""
    return f"{(value - 1) * 100:+.0f} %" if value else "not measured"


def is_forced(data):
    """Whether the machine was too noisy, and measured nevertheless."""
    noise = data.get("noise") or {}
    return bool(noise.get("forced"))


def heading(data):
    """Of the ratios."""
    return "A VIF of svio has" + (", in windows that others disturbed" if is_forced(data) else "")


def refusals(data):
    """Why nothing was compared, a sentence for each part."""
    noise, processes, guests = (data.get(key) or {} for key in ("noise", "processes", "guests"))
    lines = []
    if noise and not noise["forced"] and noise["taken"] > noise["limit"]:
        lines.append(f"the machine is too noisy: others take {noise['taken']:.1%} of a processor (limit "
                     f"{noise['limit']:.0%})")
    lines += [f"{name}: {part['refused']}" for name, part in (("processes", processes), ("virtual machines", guests))
              if part.get("refused")]
    return lines


def notices(data):
    """What the reader must know before any figure."""
    lines = [f"Not to be cited: {line}" for line in refusals(data)]
    guests = data.get("guests") or {}
    if is_forced(data):
        lines.append("Windows count in which somebody else had the processors, too (--force); others took "
                     f"{data['noise']['taken']:.1%} of a processor before. Do not cite these figures.")
    if guests.get("accelerator") == "tcg":
        lines.append("The virtual machines' processors were emulated (no KVM here): what the guests' own "
                     "instructions cost hides most of what the ways between them do.")
    return lines


GUEST_MEASURES = {"tcp": "TCP", "rr": "TCP request/response", "udp": "UDP", "ping": "round trips"}


def missing_lines(part):
    """For the foot of a part's table: why figures are missing, and what guests complained of."""
    lines = []
    for way in ways_of(part):
        found = [(f"{rate['bytes']} B", rate["missing"]) for rate in way.get("rates", ()) if "missing" in rate]
        if "missing" in way.get("latency", {}):
            found.append(("latency", way["latency"]["missing"]))
        found += [(GUEST_MEASURES[key], why) for key, why in way.get("missing_figures", {}).items()]
        lines += [f"{label(way)}, {what}: {why}" for what, why in found]
        if way.get("complaint"):
            lines.append(f"{label(way)}, a guest's kernel complained: {way['complaint'][:120]}")
    return lines


def process_keys(part):
    """[(ratio, what)] of svio to others."""
    svio, found = by_name(part, "svio"), []
    if not svio:
        return found
    small, large = sizes_of(part)[0], sizes_of(part)[-1]

    def add_rate(other, name, size):
        found.append((ratio(mpps(svio, size), mpps(other, size)), f"the rate of {name}, {size} B"))

    for prefix, name in (("vhost", "the best vhost-user"), ("memif", "memif with its copy")):
        others = [way for way in ways_of(part) if way["name"].startswith(prefix) and "zero" not in way["name"]]
        for size in dict.fromkeys((small, large)):
            add_rate(best(others, lambda way, size=size: mpps(way, size)), name, size)
    add_rate(by_name(part, "bound"), "the bound (one copy and nothing else)", small)
    fastest = best([way for way in ways_of(part) if kind(way["name"]) == "shared"],
                   lambda way: 1 / latency(way) if latency(way) else 0)
    found.append((ratio(latency(svio), latency(fastest)), "the latency of the best shared-memory NIC"))
    add_rate(by_name(part, "split"), "split drivers", large)
    found.append((ratio(latency(svio), latency(by_name(part, "split"))), "the latency of split drivers"))
    add_rate(by_name(part, "tap"), "TAP + bridge", large)
    return found


def guest_keys(part):
    """[(ratio, what)] of a VIF to virtio-net."""
    vif, virtio = by_name(part, "vif"), by_name(part, "virtio")
    return [(ratio(median(vif, key), median(virtio, key)), f"the {what} of virtio-net + TAP + bridge, VMs")
            for key, what in (("tcp_gbps", "TCP throughput"), ("tcp_cpu_us", "CPU time for TCP"),
                              ("udp_kpps", "rate of small UDP"), ("ping_us_p50", "ping round trip"))]


def keys(data):
    """The figures to take home."""
    found = process_keys(data.get("processes")) + guest_keys(data.get("guests"))
    return [(value, words) for value, words in found if value]


def history_lines(data):
    """What was claimed then, and what is found here."""
    part, lines = data.get("processes"), []
    lines.append("self-virtualizing NIC against driver domain, 2007: throughput +77 %, latency -53 %")
    svio, split = by_name(part, "svio"), by_name(part, "split")
    if svio and split:
        size = sizes_of(part)[-1]
        lines.append(f"here, processes, VIF against split drivers: throughput ({size} B) "
                     f"{percent(ratio(mpps(svio, size), mpps(split, size)))}, latency "
                     f"{percent(ratio(latency(svio), latency(split)))}")
    vif, virtio = by_name(data.get("guests"), "vif"), by_name(data.get("guests"), "virtio")
    if vif and virtio:
        lines.append("here, virtual machines, VIF against virtio-net + TAP + bridge: throughput (TCP) "
                     f"{percent(ratio(median(vif, 'tcp_gbps'), median(virtio, 'tcp_gbps')))}, latency (ping) "
                     f"{percent(ratio(median(vif, 'ping_us_p50'), median(virtio, 'ping_us_p50')))}")
    lines.append("page-table work moved to a sidecore, the same line of work: cost -41 % at most")
    return lines


def key_lines(data):
    """Keys and history, for the terminal."""
    lines = [f"  {number(value):>7} x {words}" for value, words in keys(data)]
    return [f"{heading(data)}:", *lines, "History and here:", *(f"  {line}" for line in history_lines(data))]
