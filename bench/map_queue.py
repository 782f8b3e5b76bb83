#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a guest pays to map and unmap a page for its VIF: by the map queue, and by a strict vIOMMU
(intel-iommu, caching mode), in turns in one guest. Needs tests/lab/prepare and KVM.

usage: map_queue.py [--json FILE] [--rounds N]

map_queue_vs_viommu_time_ratio is the map queue's time over the vIOMMU's at a batch of 8 pages; keys
with _batch_N have the other batches. A time is the tenth percentile of its rounds: on a machine with
other work the rest tell of its scheduler, to which a spinning guest loses most; medians are beside them.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/lab"))

BATCHES = (1, 8, 32)
HEADLINE = 8
MODULES = TOP / "build/modules/bench"
APPEND = "intel_iommu=on iommu.strict=1 iommu.passthrough=0 no_timer_check"


def build():
    """svio.ko with its benchmark, for the newest kernel."""
    subprocess.run([TOP / "tests/lab/build-module", "newest", TOP / "host-driver/linux",
                    MODULES / "newest", "SVIO_MAP_BENCH=1"], check=True,
                   stderr=subprocess.DEVNULL)
    os.environ["SVIO_MODULES"] = str(MODULES)


def measure(rounds):
    """{batch: [(vIOMMU ns, map queue ns), ...]}"""
    # pylint: disable=import-outside-toplevel
    from lab.vifs import vif_guests
    options = {"arguments": ["-device", "intel-iommu,caching-mode=on,intremap=off"],
               "append": APPEND, "cpus": 1, "vif_options": ("--map-queue",), "wire": False}
    with vif_guests(names=("a",), **options) as (_, _, (guest,)):
        guest.run("dmesg | grep -q 'invalidation policy: strict'")
        guest.run(f"ip link set eth0 down && echo {rounds} > /sys/module/svio/parameters/map_bench",
                  600)
        text = guest.run("dmesg").output
    found = {batch: [] for batch in BATCHES}
    for batch, viommu, map_queue in re.findall(r"BENCH: batch (\d+) dma (\d+) map (\d+)", text):
        found[int(batch)].append((int(viommu), int(map_queue)))
    return found


def summarize(found):
    """The keys of the report."""
    report = {}
    for batch, pairs in found.items():
        for index, name in enumerate(("viommu", "map_queue")):
            times = [pair[index] for pair in pairs]
            key = f"{name}_map_unmap_ns_batch_{batch}"
            report[key] = statistics.quantiles(times, n=10)[0]
            report[key + "_median"] = statistics.median(times)
        report[f"map_queue_vs_viommu_time_ratio_batch_{batch}"] = round(
            report[f"map_queue_map_unmap_ns_batch_{batch}"]
            / report[f"viommu_map_unmap_ns_batch_{batch}"], 4)
    report["map_queue_vs_viommu_time_ratio"] = report[
        f"map_queue_vs_viommu_time_ratio_batch_{HEADLINE}"]
    report["rounds"] = min(len(pairs) for pairs in found.values())
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--rounds", type=int, default=41)
    arguments = parser.parse_args()
    build()
    report = summarize(measure(arguments.rounds))
    print("pages a batch   vIOMMU strict   map queue   ratio")
    for batch in BATCHES:
        print("%13u %12.0f ns %8.0f ns  %6.3f" % (
            batch, report[f"viommu_map_unmap_ns_batch_{batch}"],
            report[f"map_queue_map_unmap_ns_batch_{batch}"],
            report[f"map_queue_vs_viommu_time_ratio_batch_{batch}"]))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n",
                                                encoding="utf-8")


if __name__ == "__main__":
    main()
