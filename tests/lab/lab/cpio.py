# SPDX-License-Identifier: BSD-3-Clause
"""Writes cpio archives of the kind that kernels unpack as initramfs (newc)."""

import pathlib
import stat


def _entry(name, mode, data, inode):
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    head = header + encoded
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def archive(files):
    """Bytes of an archive. files: guest path -> host path, or bytes. All become executable."""
    parts, folders = [], set()
    for guest_path, source in files.items():
        path = pathlib.PurePosixPath(guest_path.lstrip("/"))
        for folder in reversed(path.parents[:-1]):
            if folder not in folders:
                folders.add(folder)
                parts.append(_entry(str(folder), stat.S_IFDIR | 0o755, b"", len(parts) + 1))
        data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
        parts.append(_entry(str(path), stat.S_IFREG | 0o755, data, len(parts) + 1))
    parts.append(_entry("TRAILER!!!", 0, b"", 0))
    return b"".join(parts)
