"""A process that dies between a photo's file and its row; run by `test_photos`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from dispatch.adapters.photo_store import PhotoFiles
from tests.pictures import picture


def main(folder: str) -> None:
    """Keep the bytes as the desk does, then die as by a power cut."""
    PhotoFiles(Path(folder)).put(picture())
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
