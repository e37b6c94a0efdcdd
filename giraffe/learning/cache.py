"""Decoded images kept on disk at the network's size, so that each file is decoded once.

An entry is named by a digest of the image's path, size and time of change and of the wanted size:
a changed image is another entry. Entries are raw uint8 pixels, written whole or not at all. Several
processes may share a folder. When the disk gets full, nothing more is kept and training goes on.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from giraffe.files import write_atomically

log = logging.getLogger(__name__)

RESERVE_BYTES = 2 * 1024**3  # free disk space that the cache leaves alone
STALE_SECONDS = 30 * 24 * 3600  # entries that nobody used for so long are removed


def default_folder() -> Path:
    """Below the system's temporary folder, one per user."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"giraffe-cache-{user}"


class ImageCache:
    """A folder of decoded images.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    reserve : int
        Bytes of free disk space below which nothing is added.
    """

    def __init__(self, folder: str | Path, reserve: int = RESERVE_BYTES):
        self.folder, self.reserve = Path(folder), reserve
        self.full = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if hasattr(os, "getuid") and self.folder.stat().st_uid != os.getuid():
                raise OSError("belongs to another user")
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            log.warning("No image cache: %s cannot be written (%s).", self.folder, error)
            self.full = True

    def key(self, path: Path, height: int, width: int, view: str = "") -> str:
        """Name of the entry of an image file at a size; `view` tells what is kept of it.

        Raises
        ------
        OSError
            If there is no such file.
        """
        facts = path.stat()
        text = f"{path.resolve()}\n{facts.st_size}\n{facts.st_mtime_ns}\n{height}x{width}{view}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def get(self, key: str, height: int, width: int) -> np.ndarray | None:
        """Pixels of an entry, uint8 of shape (height, width, 3), or None."""
        path = self._path(key)
        try:
            pixels = np.fromfile(path, dtype=np.uint8)
        except OSError:
            return None
        if pixels.size != height * width * 3:
            return None
        return pixels.reshape(height, width, 3)

    def put(self, key: str, pixels: np.ndarray) -> None:
        """Keep pixels, unless the disk is nearly full."""
        if self.full:
            return
        try:
            if shutil.disk_usage(self.folder).free - pixels.nbytes < self.reserve:
                raise OSError(f"less than {self.reserve / 1024**3:.1f} GiB would stay free")
            write_atomically(self._path(key), pixels.tobytes())
        except OSError as error:
            self.full = True
            log.warning("The image cache %s takes no more images (%s).", self.folder, error)

    def remove_stale(self) -> None:
        """Remove entries that have not been made for a month."""
        limit = time.time() - STALE_SECONDS
        for path in self.folder.glob("??/*.rgb"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < limit:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.rgb"
