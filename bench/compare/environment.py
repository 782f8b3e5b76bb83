#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a measurement ran on, as JSON: machine, kernel, versions, load. usage: environment.py [FILE]"""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


def read(path):
    """A small file's text, "" where there is none."""
    try:
        return pathlib.Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def run(*words):
    """What a program says, "" where it cannot."""
    try:
        result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def cpuinfo(key):
    """A field of the first processor."""
    found = re.search(rf"^{key}\s*: (.*)$", read("/proc/cpuinfo"), re.M)
    return found.group(1) if found else ""


def caches():
    """Of the first processor, such as "L2 2048K"."""
    found = []
    for folder in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if read(folder / "type") != "Instruction":
            found.append(f"L{read(folder / 'level')} {read(folder / 'size')}")
    return ", ".join(found)


def mitigations():
    """Those that cost something here."""
    found = []
    for path in sorted(pathlib.Path("/sys/devices/system/cpu/vulnerabilities").glob("*")):
        text = read(path)
        if text.startswith("Mitigation: "):
            found.append(f"{path.name}: {text[12:]}")
    return found


def commit():
    """Of the sources; "+" where they were changed since."""
    text = run("git", "-C", str(TOP), "rev-parse", "--short=12", "HEAD")
    if text and run("git", "-C", str(TOP), "status", "--porcelain", "--untracked-files=no"):
        text += "+"
    return text


def qemu():
    """The version of the QEMU that the guests run on."""
    found = re.search(r"version (\S+)", run(str(TOP / "tests/lab/qemu"), "--version"))
    return found.group(1) if found else ""


def memory_gib():
    found = re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))
    return round(int(found.group(1)) / 2**20, 1) if found else None


def environment():
    """All of it."""
    hypervisor = "hypervisor" in cpuinfo("flags").split()
    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpuinfo("model name"),
        "cpu_mhz": cpuinfo("cpu MHz"),
        "microcode": cpuinfo("microcode"),
        "caches": caches(),
        "processors": len(os.sched_getaffinity(0)),
        "virtual_machine": hypervisor,
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "memory_gib": memory_gib(),
        "hugepages": read("/proc/sys/vm/nr_hugepages"),
        "transparent_hugepages": read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "kernel": os.uname().release,
        "mitigations": mitigations(),
        "dpdk": run("pkg-config", "--modversion", "libdpdk"),
        "qemu": qemu(),
        "compiler": run("cc", "--version").split("\n", 1)[0],
        "load": list(os.getloadavg()),
    }


def main():
    text = json.dumps(environment(), indent=1) + "\n"
    if len(sys.argv) > 1:
        pathlib.Path(sys.argv[1]).write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
