#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures two guests on virtio-net, TAP and a Linux bridge: what VIFs are compared with."""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab.backend import SERVER, backend_guests  # noqa: E402
from lab.measure import measure, print_note  # noqa: E402


def main():
    """Prints the figures; --json also writes them to a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example: backend_baseline.py --json backend.json")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--kernel", default="newest", help="6.1, 6.12 or newest (default)")
    parser.add_argument("--seconds", type=int, default=5, help="length of each stream (default 5)")
    arguments = parser.parse_args()
    with backend_guests(arguments.kernel) as (_net, client, server):
        figures = measure(client, server, SERVER, seconds=arguments.seconds, note=print_note)
    for name, value in figures.items():
        print(f"{name:14} {value}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
