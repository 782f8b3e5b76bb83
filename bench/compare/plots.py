# SPDX-License-Identifier: BSD-3-Clause
"""Plots as SVG. Colours are classes (STYLE), so that they follow light, dark and print."""

import math
import re
from xml.sax.saxutils import escape

WIDTH = 760          # of a figure, in its own units
LABEL_WIDTH = 205    # names of bars
VALUE_WIDTH = 84     # figures behind them
COLUMN_WIDTH = 540   # where panels are beside each other, and figures have more words
COLUMN_VALUES = 110
ROW = 22
GAP = 40             # between columns of panels
MARGIN = 20          # of a plot that is a file

# Colours of light and dark paper, and who has which.
LIGHT = """
  --paper: #ffffff; --ink: #1b1b1b; --faint: #5f6368; --rule: #d5d8dc; --wash: #f3f5f7;
  --svio: #0072b2; --svio-2: #7fbfe3; --shared: #00875a; --shared-2: #83cdb0;
  --backend: #b45309; --backend-2: #e5ac70; --bound: #80868b; --bound-2: #c4c8cc; --alarm: #9f1239; --alarm-wash: #fdecef;
"""
DARK = """
  --paper: #14171a; --ink: #e6e8ea; --faint: #a0a7ae; --rule: #3a4046; --wash: #1e2327;
  --svio: #56b4e9; --svio-2: #2b6286; --shared: #34c796; --shared-2: #1e6b52;
  --backend: #f0a34a; --backend-2: #82561f; --bound: #9aa0a6; --bound-2: #5a6066; --alarm: #fda4af; --alarm-wash: #3a1820;
"""
RULES = """
svg text { font-family: system-ui, "Helvetica Neue", Arial, sans-serif; font-size: 12.5px; fill: var(--ink); }
svg text.panel { font-weight: 600; } svg text.axis { font-size: 11.5px; fill: var(--faint); }
svg text.svio-name { fill: var(--svio); font-weight: 700; }
svg .grid { stroke: var(--rule); stroke-width: .7; }
svg .spread { stroke: var(--ink); stroke-width: 1.3; fill: none; }
svg .line { fill: none; stroke-width: 2.2; }
svg rect.svio { fill: var(--svio); } svg rect.shared { fill: var(--shared); } svg rect.backend { fill: var(--backend); } svg rect.bound { fill: var(--bound); }
svg rect.svio.second { fill: var(--svio-2); } svg rect.shared.second { fill: var(--shared-2); } svg rect.backend.second { fill: var(--backend-2); } svg rect.bound.second { fill: var(--bound-2); }
svg .svio-line { stroke: var(--svio); } svg .shared-line { stroke: var(--shared); } svg .backend-line { stroke: var(--backend); } svg .bound-line { stroke: var(--bound); }
svg rect.paper { fill: var(--paper); }
"""

# A page has colours as variables, for its text, too.
STYLE = f":root {{{LIGHT}}}\n@media (prefers-color-scheme: dark) {{\n:root {{{DARK}}}\n}}{RULES}"


def resolved(colours):
    """The rules with the colours themselves: what shows a file need not know variables."""
    values = dict(re.findall(r"(--[\w-]+): (#\w+);", colours))
    return re.sub(r"var\((--[\w-]+)\)", lambda found: values[found.group(1)], RULES)


def number(value, digits=3):
    """For people: three digits that count."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 4)}f}"


def text(x, y, words, kind="", anchor="start"):
    """One line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def svg(height, title, parts, width=WIDTH):
    """The whole figure; title is what is read aloud."""
    return (f'<svg viewBox="0 0 {width} {height:.0f}" role="img" '
            f'aria-label="{escape(title, {chr(34): "&quot;"})}">' + "".join(parts) + "</svg>")


def nice_step(most, steps=5):
    """1, 2 or 5 times a power of ten, about so many steps to `most`."""
    rough = most / steps
    power = 10 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def bar_panel(top, title, unit, rows, most, width=WIDTH, value_width=VALUE_WIDTH):
    """Bars with their spread. rows: (name, class, [(value, shade)], low, high, words behind)."""
    scale = (width - LABEL_WIDTH - value_width) / most
    bottom = top + 26 + ROW * len(rows)
    parts = [text(0, top + 14, title, "panel"), text(width, top + 14, unit, "axis", "end")]
    step = nice_step(most)
    for i in range(int(most / step) + 1):
        x = LABEL_WIDTH + i * step * scale
        parts.append(f'<line x1="{x:.1f}" y1="{top + 22}" x2="{x:.1f}" y2="{bottom}" class="grid"/>')
        parts.append(text(x, bottom + 14, f"{i * step:g}", "axis", "middle"))
    for i, (name, kind, values, low, high, words) in enumerate(rows):
        y = top + 26 + i * ROW
        parts.append(text(LABEL_WIDTH - 8, y + 14, name, kind + "-name", "end"))
        x = LABEL_WIDTH
        for value, shade in values:
            length = max(value * scale, 0.5)
            parts.append(f'<rect x="{x:.1f}" y="{y + 3}" width="{length:.1f}" height="{ROW - 7}" '
                         f'class="{kind} {shade}"/>')
            x += length
        if low is not None and high is not None:
            a, b, middle = LABEL_WIDTH + low * scale, LABEL_WIDTH + high * scale, y + ROW / 2 - 0.5
            parts.append(f'<path d="M{a:.1f} {middle}H{b:.1f}M{a:.1f} {middle - 3}v6'
                         f'M{b:.1f} {middle - 3}v6" class="spread"/>')
            x = max(x, b)
        parts.append(text(x + 6, y + 14, words, "value"))
    return parts, bottom + 34


def stack(panels, **widths):
    """Panels below each other: (title, unit, rows), each with its own scale; and their height."""
    parts, top = [], 0
    for name, unit, rows in panels:
        most = max((max(sum(v for v, _ in row[2]), row[4] or 0) for row in rows), default=1) or 1
        drawn, top = bar_panel(top, name, unit, rows, most * 1.02, **widths)
        parts += drawn
    return parts, top


def bars(title, panels):
    """A figure of such panels."""
    parts, top = stack(panels)
    return svg(top, title, parts)


def columns(title, lists):
    """A file: columns of panels beside each other, each (title, unit, rows), on paper of its own."""
    parts, height = [], 0
    for number_of, panels in enumerate(lists):
        drawn, top = stack(panels, width=COLUMN_WIDTH, value_width=COLUMN_VALUES)
        x = MARGIN + number_of * (COLUMN_WIDTH + GAP)
        parts.append(f'<g transform="translate({x} {MARGIN})">' + "".join(drawn) + "</g>")
        height = max(height, top + 2 * MARGIN)
    style = resolved(LIGHT) + "@media (prefers-color-scheme: dark) {" + resolved(DARK) + "}"
    width = len(lists) * (COLUMN_WIDTH + GAP) - GAP + 2 * MARGIN
    paper = f'<style>{escape(style)}</style><rect class="paper" width="{width}" height="{height:.0f}"/>'
    return svg(height, title, [paper, *parts], width).replace(
        "<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" ', 1) + "\n"


def cumulative(title, lines, unit):
    """Shares of samples that are at most so large. lines: (name, class, [(share, value)])."""
    left, right, height = 44, WIDTH - 8, 300
    low = min(value for _, _, points in lines for _, value in points if value > 0)
    high = max(value for _, _, points in lines for _, value in points)
    first, last = math.log10(low * 0.9), math.log10(high * 1.1)

    def x_of(value):
        return left + (math.log10(max(value, low * 0.9)) - first) / (last - first) * (right - left)

    def y_of(share):
        return 10 + (1 - share) * height

    parts = []
    for share in (0, 0.25, 0.5, 0.75, 0.99):
        parts.append(f'<line x1="{left}" y1="{y_of(share):.1f}" x2="{right}" y2="{y_of(share):.1f}" '
                     'class="grid"/>')
        parts.append(text(left - 6, y_of(share) + 4, f"{share:.0%}", "axis", "end"))
    for power in range(math.floor(first), math.ceil(last) + 1):
        for factor in (1, 2, 5):
            value = factor * 10.0 ** power
            if low * 0.9 <= value <= high * 1.1:
                parts.append(f'<line x1="{x_of(value):.1f}" y1="10" x2="{x_of(value):.1f}" '
                             f'y2="{10 + height}" class="grid"/>')
                parts.append(text(x_of(value), height + 26, f"{value:g}", "axis", "middle"))
    parts.append(text(right, height + 42, unit, "axis", "end"))
    for i, (name, kind, points) in enumerate(lines):
        path = " ".join(f"{'ML'[k > 0]}{x_of(value):.1f} {y_of(share):.1f}"
                        for k, (share, value) in enumerate(points))
        dash = f' stroke-dasharray="{("none", "7 3", "2 3", "9 3 2 3")[i % 4]}"'
        parts.append(f'<path d="{path}" class="line {kind}-line"{dash}/>')
        x, y = left + (i % 2) * (right - left) / 2, height + 66 + i // 2 * 20
        parts.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 34}" y2="{y - 4}" class="line {kind}-line"{dash}/>')
        parts.append(text(x + 40, y, name, "axis"))
    return svg(height + 66 + (len(lines) + 1) // 2 * 20, title, parts)
