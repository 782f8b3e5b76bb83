# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine under QEMU's TCG with a Debian kernel, an initramfs and a command agent."""

import base64
import dataclasses
import itertools
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from . import console, cpio, paths, process
from .errors import GuestComplaint, LabError
from .qmp import Qmp

_ACCEL = {"tcg": "tcg,thread=multi,tb-size=128", "kvm": "kvm"}

# Five-level paging costs TCG a longer walk, and KASAN misreads its addresses early in the boot.
_CPU = {"tcg": "max,la57=off", "kvm": "host"}

# A line that the agent's terminal and shell take in one go.
_CHUNK_BYTES = 2000


@dataclasses.dataclass
class Result:
    """Outcome of a command in a guest; output is stdout and stderr together."""

    command: str
    status: int
    output: str

    def json(self):
        """The output from its first '{' on, parsed."""
        return json.loads(self.output[self.output.index("{"):])


class Command:
    """A command that runs in a guest, while others may run too."""

    def __init__(self, guest, number, text):
        self._guest, self._number, self._text = guest, number, text

    def wait(self, timeout_s=60, check=True):
        """Waits for the end. Raises LabError on timeout, and on a bad status when check is set."""
        answer = self._guest.answer(self._number, timeout_s, self._text)
        result = Result(self._text, *answer)
        if check and result.status:
            raise LabError(f"{self._guest.name}: '{self._text}' gave status {result.status}:\n"
                           + result.output)
        return result

    def running(self):
        """Whether no answer is there yet."""
        return not self._guest.answered(self._number)

    def kill(self):
        """Kills it with all it started; wait(check=False) then returns status 137."""
        self._guest.send(f"kill {self._number}")


class Guest:
    """usage: with Guest("a", devices=[{"driver": ...}]) as guest: guest.run("ip addr")

    kernel      '6.1', '6.12', 'newest' or 'debug' (tests/lab/prepare made them)
    memory_mb   default 256; 512 for the debug kernel
    devices     QEMU -device: dictionaries (passed as JSON) or strings
    arguments   further QEMU arguments
    files       guest path -> host path or bytes: added to the initramfs, executable
    prefix      command in front of QEMU, such as Net.prefix; it must exec
    ports       how many PCIe root ports: buses rp0, rp1, ... for hot-plug
    append      more kernel command line
    debug       slub checks (red zones, poison, use after free) and KFENCE: slow
    reboots     let the guest reboot; else a reboot or panic ends QEMU
    accel       'tcg' (needs nothing of the host) or 'kvm'
    allow       pattern of console lines that are no complaint in this test
    Leaving the `with` block stops QEMU and raises GuestComplaint if the kernel complained.
    """

    def __init__(self, name="guest", *, kernel="newest", memory_mb=None, cpus=1, devices=(),
                 arguments=(), files=None, prefix=(), ports=0, append="", debug=False,
                 reboots=False, accel="tcg", allow=None):
        self.name = name
        self.kernel = kernel
        self._allow = allow
        self._temporary = tempfile.TemporaryDirectory(prefix="svio-guest-")
        self._folder = pathlib.Path(self._temporary.name)
        self._console = self._folder / "console"
        self._answers, self._news = {}, threading.Condition()
        self._numbers = itertools.count(1)
        self._send_lock = threading.Lock()
        self._ready = 0
        self._gone = False
        self.process = None
        memory_mb = memory_mb or (512 if kernel == "debug" else 256)
        self._start(memory_mb, cpus, devices, arguments, files or {}, list(prefix), ports, append,
                    debug, reboots, accel)

    def _image(self, files):
        kernel = paths.kernel(self.kernel)
        if not (kernel / "modules.cpio").exists() or not (paths.LAB / "base.cpio").exists():
            raise LabError(f"no kernel {self.kernel}: run tests/lab/prepare {self.kernel}")
        image = self._folder / "initramfs"
        with image.open("wb") as out:
            for part in (paths.LAB / "base.cpio", kernel / "modules.cpio"):
                out.write(part.read_bytes())
            out.write(cpio.archive(files))
        return kernel / "vmlinuz", image

    def _start(self, memory_mb, cpus, devices, arguments, files, prefix, ports, append, debug,
               reboots, accel):
        vmlinuz, image = self._image(files)
        agent, agent_far = socket.socketpair()
        qmp, qmp_far = socket.socketpair()
        line = "console=ttyS0 panic=-1 oops=panic mitigations=off nokaslr loglevel=5"
        # On a busy host QEMU gets its CPU late: the kernel may then find its timer dead (and
        # panic), or drop the TSC for a clock that costs an exit a reading.
        line += " no_timer_check tsc=reliable"
        if debug:
            line += " slub_debug=FZPU kfence.sample_interval=10 page_poison=1"
        command = [
            *prefix, paths.QEMU, "-name", self.name, "-nodefaults", "-display", "none",
            "-no-user-config", "-accel", _ACCEL[accel], "-cpu", _CPU[accel],
            "-smp", cpus, "-m", f"{memory_mb}M",
            "-object", f"memory-backend-memfd,id=ram,size={memory_mb}M,share=on",
            "-machine", "q35,memory-backend=ram",
            "-kernel", vmlinuz, "-initrd", image, "-append", f"{line} {append}",
            "-chardev", f"file,id=console,path={self._console}", "-serial", "chardev:console",
            "-chardev", f"socket,id=agent,fd={agent_far.fileno()}", "-serial", "chardev:agent",
            "-chardev", f"socket,id=qmp,fd={qmp_far.fileno()}",
            "-mon", "chardev=qmp,mode=control",
        ]
        if not reboots:
            command.append("-no-reboot")
        for port in range(ports):
            command += ["-device", f"pcie-root-port,id=rp{port},chassis={port + 1},slot={port + 1}"]
        command += map(str, arguments)
        for device in devices:
            command += ["-device", device if isinstance(device, str) else json.dumps(device)]
        self._stderr = (self._folder / "stderr").open("wb")
        self.process = process.spawn(
            command, stderr=self._stderr, stdout=self._stderr,
            pass_fds=(agent_far.fileno(), qmp_far.fileno()))
        agent_far.close()
        qmp_far.close()
        self._agent = agent
        self.qmp = Qmp(qmp)
        threading.Thread(target=self._read_answers, daemon=True).start()

    def _read_answers(self):
        buffer = b""
        while True:
            try:
                data = self._agent.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                self._take_answer(line.decode(errors="replace").strip())
        with self._news:
            self._gone = True
            self._news.notify_all()

    def _take_answer(self, line):
        if not line.startswith("="):
            return
        number, status, *output = line[1:].split(" ", 2)
        with self._news:
            if number == "ready":
                self._ready += 1
            else:
                text = base64.b64decode(output[0]) if output else b""
                self._answers[int(number)] = (int(status), text.decode(errors="replace"))
            self._news.notify_all()

    def _wait_for(self, condition, timeout_s, what):
        deadline = time.monotonic() + timeout_s
        with self._news:
            while not condition():
                left = deadline - time.monotonic()
                if self._gone or left <= 0:
                    why = "QEMU is gone" if self._gone else f"nothing after {timeout_s} s"
                    raise LabError(f"{self.name}: {what}: {why}\n{self._last_words()}")
                self._news.wait(left)

    def _last_words(self):
        stderr = (self._folder / "stderr").read_text(errors="replace")
        return "\n".join([*self.console().splitlines()[-60:], *stderr.splitlines()[-10:]])

    def wait_ready(self, timeout_s=None, boots=1):
        """Waits until the agent is up; boots=2 waits for the second boot, and so on."""
        timeout_s = timeout_s or (600 if self.kernel == "debug" else 120)
        self._wait_for(lambda: self._ready >= boots, timeout_s, "waiting for the agent")
        return self

    def send(self, line):
        """Sends one line to the agent (the commands below do)."""
        with self._send_lock:
            self._agent.sendall(line.encode() + b"\n")

    def answer(self, number, timeout_s, what):
        """Takes the answer to a command: (status, output)."""
        self._wait_for(lambda: number in self._answers, timeout_s, f"'{what}'")
        return self._answers.pop(number)

    def answered(self, number):
        """Whether the answer to a command is there."""
        with self._news:
            return number in self._answers

    def start(self, command):
        """Starts a shell command; returns a Command to wait for. Many may run at once."""
        data = base64.b64encode(command.encode()).decode()
        if len(data) > _CHUNK_BYTES:
            path = f"/tmp/command.{next(self._numbers)}"
            self.put(path, command.encode())
            data = base64.b64encode(f". {path}".encode()).decode()
        number = next(self._numbers)
        self.send(f"{number} {data}")
        return Command(self, number, command)

    def run(self, command, timeout_s=60, check=True):
        """Runs a shell command to its end; returns a Result."""
        return self.start(command).wait(timeout_s, check)

    def put(self, path, data):
        """Writes a small file; big ones belong into `files`."""
        text = base64.b64encode(data).decode()
        step = _CHUNK_BYTES // 2
        for start in range(0, max(len(text), 1), step):
            redirect = ">" if start == 0 else ">>"
            self.run(f"printf %s '{text[start:start + step]}' {redirect} {path}.b64")
        self.run(f"base64 -d {path}.b64 > {path} && rm {path}.b64")

    def wait_port(self, port, protocol="tcp", timeout_s=30):
        """Waits until something in the guest listens on a port."""
        option = "t" if protocol == "tcp" else "u"
        self.run(f"until ss -Hln{option} 'sport = :{port}' | grep -q .; do usleep 50000; done",
                 timeout_s)

    def console(self):
        """All that the kernel said so far."""
        try:
            return self._console.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def check(self):
        """Raises GuestComplaint when the kernel complained."""
        lines = console.complaints(self.console(), self._allow)
        if lines:
            raise GuestComplaint(f"{self.name} ({self.kernel}): " + "\n".join(lines[:10])
                                 + "\n--- console:\n" + self._last_words())

    def check_leaks(self):
        """Raises GuestComplaint for memory that nothing points to; wants kernel='debug'."""
        # A leak counts from the second scan on: pointers in registers are not seen.
        leaks = self.run("cd /sys/kernel/debug && echo scan > kmemleak && sleep 6 && "
                         "echo scan > kmemleak && cat kmemleak", 120).output
        if "unreferenced object" in leaks:
            raise GuestComplaint(f"{self.name}: {leaks}")

    def cpu_seconds(self):
        """CPU time that QEMU has used."""
        return process.cpu_seconds(self.process.pid)

    def wait_exit(self, timeout_s=30):
        """Waits until QEMU ends by itself; returns its status."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: QEMU runs on after {timeout_s} s") from None

    def shutdown(self, timeout_s=30):
        """Lets the guest power itself off, which runs its drivers' shutdown."""
        self.start("poweroff -f")
        return self.wait_exit(timeout_s)

    def stop(self):
        """Ends QEMU and removes the guest's files; the console stays readable."""
        if self.process.poll() is None:
            try:
                self.qmp.command("quit", 5)
                self.process.wait(10)
            except (LabError, OSError, subprocess.TimeoutExpired):
                pass
        process.stop(self.process)
        self.qmp.close()
        self._agent.close()
        self._stderr.close()

    def close(self):
        """stop, and forget the console too."""
        self.stop()
        self._temporary.cleanup()

    def __enter__(self):
        try:
            return self.wait_ready()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, error, trace):
        try:
            self.stop()
            if kind is None:
                self.check()
            elif kind is not SystemExit and kind is not KeyboardInterrupt:
                self._explain(error)
        finally:
            self.close()

    def _explain(self, error):
        """Adds the guest's complaints to an exception that passes by."""
        lines = console.complaints(self.console(), self._allow)
        if lines and hasattr(error, "add_note"):
            error.add_note(f"{self.name}: " + "\n".join(lines[:10]))
