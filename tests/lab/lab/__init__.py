# SPDX-License-Identifier: BSD-3-Clause
"""Guests and networks for svio's tests and demo; see ../README.md."""

from .errors import GuestComplaint, LabError
from .guest import Command, Guest
from .net import Net
from .process import CpuMeter, spawn, stop

__all__ = [
    "Command", "CpuMeter", "Guest", "GuestComplaint", "LabError", "Net", "spawn", "stop",
]
