"""Times one encoder of PNG: ``python -m benchmarks.encoders NAME ROUNDS FILE.npy …`` prints JSON.

For each file the seconds of each round and the size in bytes. It runs in an environment of its own, so that
peers need not be installed beside ours.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np

Encoder = Callable[[Any], bytes]


def _pillow() -> Encoder:
    image = import_module("PIL.Image")

    def encode(pixels: Any) -> bytes:
        stream = BytesIO()
        image.fromarray(pixels).save(stream, "png")
        return stream.getvalue()

    return encode


def _opencv() -> Encoder:
    cv2 = import_module("cv2")
    return lambda pixels: bytes(cv2.imencode(".png", pixels)[1])


def _ours(compression: str) -> Encoder:
    png = import_module("mids.actions.png")
    return lambda pixels: png.encode(pixels, compression=compression)


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "mids fast": lambda: _ours("fast"),
    "mids small": lambda: _ours("small"),
    "Pillow": _pillow,
    "opencv": _opencv,
}


def main() -> None:
    encode = ENCODERS[sys.argv[1]]()
    found = []
    for path in sys.argv[3:]:
        pixels = np.load(path)
        seconds = []
        for _ in range(int(sys.argv[2])):
            begin = time.perf_counter()
            content = encode(pixels)
            seconds.append(time.perf_counter() - begin)
        found.append({"seconds": seconds, "size": len(content)})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
