# SPDX-License-Identifier: BSD-3-Clause
"""The lab's parts that need no guest."""

import os
import pathlib
import select
import signal
import subprocess
import sys
import textwrap
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from lab import Net, console, cpio, process  # noqa: E402


class Console(unittest.TestCase):
    """console.complaints"""

    def test_complaints_kernel_reports_are_found(self):
        """Every kind of report that a guest test must fail on."""
        for line in (
            "[    3.1] WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1/0x2",
            "[    3.1] WARNING: net/core/dev.c:1 at f+0x1/0x2, CPU#0: ip/1",
            "[    3.1] BUG: unable to handle page fault for address: 0",
            "[    3.1] Oops: 0000 [#1] PREEMPT SMP",
            "[    3.1] WARNING: possible recursive locking detected",
            "[    3.1] BUG: KFENCE: use-after-free read in f",
            "[    3.1] page_pool_release_retry() stalled pool shutdown 1 inflight 60 sec",
            "[    3.1] unregister_netdevice: waiting for eth0 to become free. Usage count = 2",
            "[    3.1] NETDEV WATCHDOG: eth0 (svio): transmit queue 0 timed out",
            "[    3.1] CPU: 0 PID: 1 Comm: sh Tainted: G        W  OE",
            "[    3.1] CPU: 0 PID: 1 Comm: sh Tainted: [W]=WARN, [O]=OOT_MODULE",
            "[    3.1] refcount_t: underflow; use-after-free.",
            "[    3.1] =============== BUG kmalloc-64 (Tainted: G): Redzone overwritten",
        ):
            self.assertEqual(console.complaints(line), [line])

    def test_complaints_ordinary_lines_are_not(self):
        """What modules that are out of tree always cause, and words that look alike."""
        for line in (
            "[    3.1] svio: loading out-of-tree module taints kernel.",
            "[    3.1] svio: module verification failed: signature and/or required key missing",
            "[    3.1] DEBUG: all is well",
            "[    3.1] CPU: 0 PID: 1 Comm: sh Tainted: G           OE",
        ):
            self.assertEqual(console.complaints(line), [])

    def test_complaints_allowed_line_is_excused(self):
        """A test that provokes a report names it."""
        self.assertEqual(console.complaints("WARNING: x\nBUG: y", allow="WARNING: x"), ["BUG: y"])


class Cpio(unittest.TestCase):
    """cpio.archive"""

    def test_archive_is_what_cpio_reads(self):
        """Folders come before what is in them; contents are intact."""
        data = cpio.archive({"/a/b/c": b"hello", "/a/d": b""})
        names = subprocess.run(["cpio", "-t", "--quiet"], input=data, check=True,
                               stdout=subprocess.PIPE).stdout.decode().split()
        self.assertEqual(names, ["a", "a/b", "a/b/c", "a/d"])
        text = subprocess.run(["cpio", "-i", "--quiet", "--to-stdout", "a/b/c"], input=data,
                              check=True, stdout=subprocess.PIPE).stdout
        self.assertEqual(text, b"hello")


class Processes(unittest.TestCase):
    """process.spawn and Net leave nothing behind."""

    SCRIPT = textwrap.dedent("""
        import sys, time
        sys.path.insert(0, sys.argv[1])
        from lab import Net, spawn
        with Net() as net:
            child = spawn([*net.prefix, "sleep", "1000"])
            print(child.pid, flush=True)
            time.sleep(1000)
    """)

    def check_children_end(self, number):
        """Sends the script a signal; its grandchild must end too."""
        with subprocess.Popen([sys.executable, "-c", self.SCRIPT, str(HERE.parent)],
                              stdout=subprocess.PIPE) as script:
            pid = int(script.stdout.readline())
            handle = os.pidfd_open(pid)
            script.send_signal(number)
            script.wait(20)
        with open(handle, "rb", buffering=0):
            ended, _, _ = select.select([handle], [], [], 20)
        self.assertTrue(ended, f"pid {pid} lives on")

    def test_spawn_sigterm_ends_children(self):
        """The ordinary end."""
        self.check_children_end(signal.SIGTERM)

    def test_spawn_sigint_ends_children(self):
        """Ctrl-C."""
        self.check_children_end(signal.SIGINT)

    def test_spawn_sigkill_ends_children(self):
        """No clean-up code can run."""
        self.check_children_end(signal.SIGKILL)

    def test_net_interfaces_are_its_own(self):
        """The host's namespace never sees them."""
        with Net() as net:
            net.bridge("labbr", "10.99.0.1/24")
            net.tap("labtap", "labbr", mtu=9000)
            self.assertIn("mtu 9000", net.run("ip link show labtap"))
            self.assertFalse(pathlib.Path("/sys/class/net/labtap").exists())

    def test_cpu_meter_counts_a_busy_process(self):
        """A process that spins for half a CPU second."""
        child = process.spawn(
            [sys.executable, "-c", "import time\nwhile time.process_time() < .5: pass"])
        meter = process.CpuMeter([os.getpid()])
        before = process.cpu_seconds(child.pid)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self.assertGreater(process.cpu_seconds(child.pid) - before, 0.3)
        self.assertGreaterEqual(meter.seconds(), 0)
        process.stop(child)


if __name__ == "__main__":
    unittest.main()
