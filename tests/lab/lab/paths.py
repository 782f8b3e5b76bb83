# SPDX-License-Identifier: BSD-3-Clause
"""Where the lab's parts are. SVIO_LAB names the lab's folder; default: build/lab."""

import os
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parent.parent
TOP = SOURCE.parent.parent
LAB = pathlib.Path(os.environ.get("SVIO_LAB") or TOP / "build" / "lab").resolve()
QEMU = SOURCE / "qemu"


def kernel(name):
    """Folder of a kernel: '6.1', '6.12', 'newest' or a full release."""
    return LAB / "kernels" / name


def kernels():
    """Names of the prepared kernels, oldest first."""
    return [name for name in ("6.1", "6.12", "newest") if (kernel(name) / "release").exists()]
