# SPDX-License-Identifier: BSD-3-Clause
"""The device under test: sviod with its firmware, driven by the administrator's command."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from . import paths, process
from .errors import LabError


def programs(build=None):
    """The folder with sviod, svio-fw and svio: SVIO_BIN, or the release build's."""
    folder = pathlib.Path(build or os.environ.get("SVIO_BIN", paths.TOP / "build/release/bin"))
    if not (folder / "sviod").exists():
        raise LabError(f"no {folder}/sviod: cmake --preset release && cmake --build --preset release")
    return folder


class Device:
    """usage: with Device(wire="tap:svio0", prefix=net.prefix) as device: device.vif_add("a")

    Leaving the block ends sviod by SIGTERM and raises LabError if it did not end well.
    """

    def __init__(self, wire="null", prefix=(), build=None):
        self._bin = programs(build)
        self.run_dir = pathlib.Path(tempfile.mkdtemp(prefix="svio-run-"))
        self._log_path = self.run_dir.with_suffix(".log")
        self._log = self._log_path.open("wb")
        self.process = process.spawn(
            [*prefix, self._bin / "sviod", "--run-dir", self.run_dir, "--wire", wire],
            stdout=self._log, stderr=self._log)
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    def _wait_ready(self, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while True:
            if self.process.poll() is not None:
                raise LabError(f"sviod ended with {self.process.returncode}:\n{self.log()}")
            if (self.run_dir / "control.sock").exists() and ") is ready:" in self.log():
                return
            if time.monotonic() > deadline:
                raise LabError(f"sviod is not ready after {timeout_s} s:\n{self.log()}")
            time.sleep(0.02)

    def log(self):
        """What sviod and svio-fw said so far."""
        return self._log_path.read_text(errors="replace")

    def svio(self, *arguments, check=True):
        """Runs the administrator's command; returns what it printed."""
        result = subprocess.run([self._bin / "svio", "--run-dir", self.run_dir, *map(str, arguments)],
                                text=True, check=False, capture_output=True)
        if check and result.returncode:
            raise LabError(f"svio {' '.join(map(str, arguments))}: {result.stderr.strip()}")
        return result.stdout

    def svio_json(self, *arguments):
        """The same with --json, parsed."""
        return json.loads(self.svio(*arguments, "--json"))

    def vif_add(self, name, *options):
        """Makes a VIF; returns what QEMU's -device wants for it."""
        self.svio("vif", "add", name, *options)
        return self.qemu_device(name)

    def qemu_device(self, name, **extra):
        """A VIF as a QEMU device."""
        return {"driver": "vfio-user-pci",
                "socket": {"type": "unix", "path": str(self.run_dir / f"{name}.sock")}, **extra}

    def firmware_pid(self):
        """The pid of the svio-fw that serves now, None while there is none."""
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in task.read_text().split():
                try:
                    if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "svio-fw":
                        return int(pid)
                except OSError:
                    continue
        return None

    def kill_firmware(self):
        """kill -9 of svio-fw: what sviod must survive. Returns the pid that is gone."""
        pid = self.firmware_pid()
        if pid is None:
            raise LabError("there is no svio-fw to kill:\n" + self.log())
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_new_firmware(self, old_pid, timeout_s=10):
        """Waits for another svio-fw; returns its pid."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            pid = self.firmware_pid()
            if pid not in (None, old_pid):
                return pid
            time.sleep(0.005)
        raise LabError("no new svio-fw:\n" + self.log())

    def pids(self):
        """The device's processes, whose CPU time is part of the price."""
        return [pid for pid in (self.process.pid, self.firmware_pid()) if pid]

    def close(self):
        """Ends sviod; returns its status."""
        status = process.stop(self.process)
        self._log.close()
        shutil.rmtree(self.run_dir, ignore_errors=True)
        return status

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        status = self.close()
        log = self.log()
        self._log_path.unlink()
        if kind is None and status:
            raise LabError(f"sviod ended with status {status}:\n{log}")
        if kind is not None and hasattr(error, "add_note"):
            error.add_note("sviod's log:\n" + "\n".join(log.splitlines()[-30:]))
