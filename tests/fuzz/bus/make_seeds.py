#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the committed seeds of fuzz_vfio_user and fuzz_pci_config.

usage: make_seeds.py CORPUS_DIR    (tests/fuzz/corpus)
"""
import pathlib
import struct
import sys

EVENT, MEMORY, THREE, SHAKE, NO_TURN, HOLD, READ, LARGE = 1, 2, 3, 4, 8, 16, 32, 64


def message(command, payload=b"", flags=0, number=1):
    return struct.pack("<HHIII", number, command, 16 + len(payload), flags, 0) + payload


def version(text=b'{"capabilities":{"max_msg_fds":16,"pgsizes":4096}}\0', major=0):
    return message(1, struct.pack("<HH", major, 0) + text)


def dma_map(iova, size, flags=3, offset=0):
    return message(2, struct.pack("<IIQQQ", 32, flags, offset, iova, size))


def dma_unmap(iova, size, flags=0):
    return message(3, struct.pack("<IIQQ", 24, flags, iova, size))


def info(command, index, size):
    return message(command, struct.pack("<III", size, 0, index).ljust(size, b"\0"))


def set_irqs(flags, index, start, count):
    return message(8, struct.pack("<IIIII", 20, flags, index, start, count))


def read(region, offset, count):
    return message(9, struct.pack("<QII", offset, region, count))


def write(region, offset, data):
    return message(10, struct.pack("<QII", offset, region, len(data)) + data)


def feature(flags, data=b"", room=4096):
    return message(16, struct.pack("<II", room, flags) + data)


def portions(*parts):
    return b"".join(bytes([control, len(data)]) + data for control, data in parts)


def config_write(offset, value, size=2):
    return write(7, offset, value.to_bytes(size, "little"))


def access(what, offset, data):
    return struct.pack("<BBH", what, len(data), offset) + data


VFIO_USER = {
    "version": portions((READ, version())),
    "version_bad_json": portions((READ, version(b'{"capabilities":{"max_msg_fds":"x"}}\0'))),
    "version_major": portions((READ, version(major=1))),
    "start": portions(
        (SHAKE | MEMORY, dma_map(0, 0x1000)), (READ, info(4, 0, 16)), (READ, info(5, 2, 32)),
        (READ, info(7, 2, 16)), (READ, read(7, 0, 256)), (EVENT, set_irqs(0x24, 3, 0, 1)),
        (READ, message(13))),
    "maps": portions(
        (SHAKE | MEMORY, dma_map(0, 0x100000)), (0, dma_map(0x200000, 0x1000, 1)),
        (MEMORY, dma_map(0, 0x1000)), (NO_TURN, dma_unmap(0, 0x100000)),
        (NO_TURN, dma_unmap(0x200000, 0x1000)), (MEMORY, dma_map(0, 0x1000)),
        (READ, dma_unmap(0, 0, 2))),
    "msix": portions(
        (SHAKE | EVENT, set_irqs(0x24, 2, 0, 1)), (THREE, set_irqs(0x24, 2, 1, 3)),
        (0, set_irqs(0x24, 2, 1, 1)), (READ, set_irqs(0x21, 2, 0, 0)),
        (0, write(4, 0, bytes(16))), (READ, read(4, 0x1000, 8))),
    "reset_held": portions(
        (SHAKE | HOLD, config_write(0x58, 0x8000)), (HOLD, read(7, 0, 4)), (READ, b""),
        (0, config_write(4, 6)), (HOLD, write(0, 0x1c, b"\1\0\0\0"))),
    "doorbell": portions((SHAKE, write(2, 0x1002, b"abcdefghi")), (READ, read(2, 0x1000, 16))),
    "power": portions((SHAKE, config_write(4, 6)), (0, config_write(0x44, 3)),
                      (READ, config_write(0x44, 0))),
    "pieces": portions(*[(SHAKE if i == 0 else MEMORY if i == 20 else 0, bytes([byte]))
                         for i, byte in enumerate(dma_map(0, 0x1000))]),
    "sizes": portions((SHAKE, struct.pack("<HHIII", 1, 4, 8, 0, 0))),
    "no_reply": portions((SHAKE, write(0, 0x90, b"abcd")[:8] + struct.pack("<I", 16)
                          + write(0, 0x90, b"abcd")[12:])),
    "large": portions((SHAKE, struct.pack("<HHIII", 1, 10, 16 + 16 + 64 * 200, 0, 0)
                       + struct.pack("<QII", 0, 2, 64 * 200)), (LARGE | READ, bytes(200))),
    "dirty_log": portions(
        (SHAKE, feature(0x40006)), (0, feature(0x20006, struct.pack("<QIIQQ", 4096, 1, 0, 0, 1 << 20))),
        (READ, feature(0x10008, struct.pack("<QQQ", 0, 1 << 20, 4096))), (READ, feature(0x20007))),
    "type": portions((SHAKE, message(13, flags=5)), (0, message(13, flags=1))),
}

PCI_CONFIG = {
    "sizing": b"".join(access(1, bar, b"\xff" * 4) + access(0, bar, bytes(4))
                       for bar in range(0x10, 0x34, 4)),
    "command": access(1, 4, b"\6\0") + access(1, 0x44, b"\3\0") + access(1, 0x44, b"\1\0"),
    "flr": access(1, 0x58, b"\x10\xa8"),
    "whole": access(1, 0, b"\xff" * 255),
    "extended": access(1, 0xfe, b"\xff" * 8) + access(0, 0xff0, bytes(16)),
    "msix": access(3, 0, bytes(range(64))) + access(2, 0x1000, bytes(8))
            + access(3, 0x0ff8, b"\xff" * 16),
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, seeds in (("fuzz_vfio_user", VFIO_USER), ("fuzz_pci_config", PCI_CONFIG)):
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed, data in seeds.items():
            (folder / seed).write_bytes(data)


if __name__ == "__main__":
    main()
