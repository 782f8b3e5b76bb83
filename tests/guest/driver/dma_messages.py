# SPDX-License-Identifier: BSD-3-Clause
"""What a QEMU sent to its VIF to map and unmap, from its trace, and what the sum of that is."""

import pathlib
import re
import tempfile

_MESSAGE = re.compile(r"vfio_user_dma_(map|unmap) +iova (0x[0-9a-f]+) size (0x[0-9a-f]+) "
                      r"(?:off (0x[0-9a-f]+) )?flags (0x[0-9a-f]+)")
_UNMAP_ALL = 2


class DmaMessages:
    """QEMU writes its trace into a file of its own; arguments go onto its command line."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="svio-trace-")
        path = pathlib.Path(self._folder.name) / "%d"
        self.arguments = ["-trace", "vfio_user_dma_map", "-trace", "vfio_user_dma_unmap",
                          "-D", str(path)]

    def close(self):
        """Removes the files."""
        self._folder.cleanup()

    def _messages(self, guest):
        path = pathlib.Path(self._folder.name) / str(guest.process.pid)
        for line in path.read_text().splitlines():
            match = _MESSAGE.search(line)
            if match:
                what, iova, size, offset, flags = match.groups()
                yield what, int(iova, 16), int(size, 16), int(offset or "0", 16), int(flags, 16)

    def counts(self, guest):
        """How many MAPs and UNMAPs so far."""
        kinds = [message[0] for message in self._messages(guest)]
        return kinds.count("map"), kinds.count("unmap")

    def mapped(self, guest):
        """What these messages leave mapped: {iova: (size, offset, flags)}."""
        mapped = {}
        for what, iova, size, offset, flags in self._messages(guest):
            if what == "map":
                assert iova not in mapped, f"QEMU maps {iova:#x} twice"
                mapped[iova] = (size, offset, flags)
            elif flags & _UNMAP_ALL:
                mapped.clear()
            elif mapped.get(iova, (0,))[0] == size:
                del mapped[iova]
            else:
                for start in [start for start, (bytes_, *_) in mapped.items()
                              if start >= iova and start + bytes_ <= iova + size]:
                    del mapped[start]
        return mapped
