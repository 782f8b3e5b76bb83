# SPDX-License-Identifier: BSD-3-Clause
"""A client of QEMU's machine protocol (QMP), over a connected socket."""

import json
import socket
import time

from .errors import LabError


class Qmp:
    """Commands answer in order; events are kept until somebody asks for them."""

    def __init__(self, connection):
        self._socket = connection
        self._buffer = b""
        self.events = []
        self._started = False

    def _message(self, deadline):
        while b"\n" not in self._buffer:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                data = self._socket.recv(65536)
            except socket.timeout:
                raise LabError("QMP: no answer in time") from None
            if not data:
                raise LabError("QMP: QEMU is gone")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def _request(self, name, arguments, deadline):
        request = {"execute": name}
        if arguments:
            request["arguments"] = arguments
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._message(deadline)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise LabError(f"QMP: {name}: {message['error']['desc']}")
            elif "return" in message:
                return message["return"]

    def command(self, name, timeout_s=30, **arguments):
        """Runs a command and returns its answer. Underscores in argument names become dashes."""
        deadline = time.monotonic() + timeout_s
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        if not self._started:
            self._request("qmp_capabilities", {}, deadline)
            self._started = True
        return self._request(name, arguments, deadline)

    def raw(self, name, arguments, timeout_s=30):
        """Like command, with the arguments as a dictionary, taken literally."""
        self.command("query-version", timeout_s)
        return self._request(name, arguments, time.monotonic() + timeout_s)

    def wait_event(self, name, timeout_s=30):
        """Returns the first event of that name, which may have come already."""
        deadline = time.monotonic() + timeout_s
        self.command("query-status", timeout_s)
        while True:
            for index, event in enumerate(self.events):
                if event["event"] == name:
                    return self.events.pop(index)
            message = self._message(deadline)
            if "event" in message:
                self.events.append(message)

    def close(self):
        """Closes the connection; QEMU goes on."""
        self._socket.close()
