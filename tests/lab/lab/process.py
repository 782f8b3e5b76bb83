# SPDX-License-Identifier: BSD-3-Clause
"""Child processes that never outlive this one, and what they cost.

Children get SIGKILL from the kernel when the thread that started them ends, so all are started
by one thread that lives as long as the process: also `kill -9` of the test leaves nothing.
SIGTERM and SIGHUP become SystemExit, so that `with` blocks and atexit run; SIGINT is Python's.
"""

import atexit
import fcntl
import gzip
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KVM_CREATE_VM = 0xAE01
_children = []  # in the order of their start
_requests = queue.Queue()
_starter = None
_lock = threading.Lock()


def _start_children():
    while True:
        arguments, options, answer = _requests.get()
        try:
            answer.put(subprocess.Popen(arguments, **options))
        except Exception as error:  # handed to the caller, whatever it is
            answer.put(error)


def spawn(arguments, **options):
    """Popen that dies with this process. The pid is the program's own (prefixes only exec)."""
    global _starter
    with _lock:
        if _starter is None or not _starter.is_alive():
            _starter = threading.Thread(target=_start_children, daemon=True, name="lab-starter")
            _starter.start()
    answer = queue.Queue()
    command = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, arguments)]
    options.setdefault("stdin", subprocess.DEVNULL)
    _requests.put((command, options, answer))
    child = answer.get()
    if isinstance(child, Exception):
        raise child
    _children.append(child)
    return child


def stop(child, sig=signal.SIGTERM, timeout_s=10):
    """Ends a child: sig first, SIGKILL if that did not help; returns its status."""
    if child.poll() is None:
        child.send_signal(sig)
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child in _children:
        _children.remove(child)
    return child.returncode


def _stop_all():
    # Guests before the devices that serve them: QEMU aborts when a server vanishes.
    for child in reversed(_children[:]):
        stop(child, signal.SIGKILL)


def _exit_on_signal(number, _frame):
    raise SystemExit(128 + number)


atexit.register(_stop_all)
if threading.current_thread() is threading.main_thread():
    for _number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(_number) is signal.SIG_DFL:
            signal.signal(_number, _exit_on_signal)


def cpu_seconds(pid):
    """User plus system time of a process with all its threads, ended ones too."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def _kernel_threads():
    """The threads that do packet work in nobody's name: soft interrupts and vhost."""
    pids = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "comm").read_text()
        except OSError:
            continue
        if name.startswith(("ksoftirqd/", "vhost-")):
            pids.append(int(folder.name))
    return pids


def _interrupts_apart():
    """Whether this kernel takes interrupt time out of the time of whom they interrupt."""
    try:
        return b"CONFIG_IRQ_TIME_ACCOUNTING=y" in gzip.open("/proc/config.gz").read()
    except OSError:
        pass
    try:
        path = pathlib.Path("/boot/config-" + os.uname().release)
        return "CONFIG_IRQ_TIME_ACCOUNTING=y" in path.read_text()
    except OSError:
        return False


def _interrupt_seconds():
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[6]) + int(fields[7])) / _TICKS_PER_SECOND


def context_switches(pids):
    """How often the threads of some processes left their processors, by themselves or not."""
    total = 0
    for pid in pids:
        for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
            try:
                lines = status.read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return total


def usable_accelerator():
    """What QEMU can run guests with here: kvm, or tcg."""
    # Without either KVM is there for paravirtual guests only, and no firmware boots on it.
    if not re.search(r"^flags\s.*\b(vmx|svm)\b", pathlib.Path("/proc/cpuinfo").read_text(), re.M):
        return "tcg"
    try:
        with open("/dev/kvm", "rb+", buffering=0) as kvm:
            os.close(fcntl.ioctl(kvm, _KVM_CREATE_VM, 0))
        return "kvm"
    except OSError:
        return "tcg"


class Foreign:
    """How much of the machine others than some processes (and the kernel's threads for them) use."""

    def __init__(self, pids):
        self._meter = CpuMeter(pids)
        self._busy_s, self._all_s = self._machine()

    @staticmethod
    def _machine():
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = [int(field) for field in fields]
        # user, nice, system, idle, iowait, irq, softirq, steal: the last is another machine's.
        return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS_PER_SECOND, sum(ticks) / _TICKS_PER_SECOND

    def share(self):
        """0 to 1, since the start."""
        busy_s, all_s = self._machine()
        busy_s, all_s = busy_s - self._busy_s, all_s - self._all_s
        return min(1.0, max(0.0, busy_s - self._meter.seconds()) / max(all_s, 0.01))


class CpuMeter:
    """Host CPU seconds spent by some processes and, for them, by the kernel's own threads.

    Packet work in soft interrupts counts for the process that it interrupts, except on kernels
    with CONFIG_IRQ_TIME_ACCOUNTING; there the machine's whole interrupt time is added (so the
    figure then wants an otherwise idle machine). ksoftirqd and vhost threads are always added.
    """

    def __init__(self, pids):
        self._pids = list(pids)
        self._apart = _interrupts_apart()
        self.restart()

    def _now(self):
        total = _interrupt_seconds() if self._apart else 0.0
        for pid in (*self._pids, *_kernel_threads()):
            try:
                total += cpu_seconds(pid)
            except OSError:
                continue
        return total

    def restart(self):
        """Starts counting anew."""
        self._start_s = self._now()
        self._start_wall_s = time.monotonic()

    def seconds(self):
        """CPU seconds since the start."""
        return self._now() - self._start_s

    def load(self):
        """Cores kept busy on average since the start."""
        return self.seconds() / max(time.monotonic() - self._start_wall_s, 1e-9)
