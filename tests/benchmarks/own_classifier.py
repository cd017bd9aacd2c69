"""How often a quantised ImageNet classifier is right, of pictures prepared as its cut says.

``python tests/benchmarks/own_classifier.py NETWORK.tflite`` needs ``imagenet-sample-256.zip`` in
the data folder, and LiteRT. The network itself is run, uncut, of 1,001 classes; so this says
whether size, scale and order of channels are those that it was trained with, and what small photos
cost.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from headfit.extractors.making import make_extractor
from headfit.photos.images import prepare_input

DATA = Path(os.environ.get("HEADFIT_DATA", Path(__file__).parents[3] / "shared" / "data"))
EVERY = 8


def squashed(picture: bytes) -> bytes:
    """Store a picture as those of flowers5 are: 128 x 128, JPEG of quality 75."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").resize((128, 128), Image.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=75)
    return stream.getvalue()


def main() -> None:
    """Print three accuracies."""
    model = Path(sys.argv[1]).read_bytes()
    prepared = make_extractor(model, "eye", engine="litert").manifest.preprocessing
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert taken["dtype"] == np.uint8, "a network that takes bytes"

    def named(picture: bytes, order: slice) -> int:
        pixels = prepare_input(picture, prepared) * np.float32(prepared.std)
        stored = np.rint(pixels + np.float32(prepared.mean)).astype(np.uint8)
        interpreter.set_tensor(taken["index"], stored[..., order])
        interpreter.invoke()
        return int(interpreter.get_tensor(given["index"]).argmax()) - 1  # 0 is background

    right = dict.fromkeys(("as it is", "squashed", "red and blue exchanged"), 0)
    with zipfile.ZipFile(DATA / "imagenet-sample-256.zip") as archive:
        names = sorted(one for one in archive.namelist() if one.lower().endswith((".jpg", ".jpeg")))
        classes = sorted({Path(one).parent.name for one in names})
        chosen = names[::EVERY]
        for name in chosen:
            picture, expected = archive.read(name), classes.index(Path(name).parent.name)
            right["as it is"] += named(picture, slice(None)) == expected
            right["squashed"] += named(squashed(picture), slice(None)) == expected
            right["red and blue exchanged"] += named(picture, slice(None, None, -1)) == expected
    for kind, count in right.items():
        print(f"{kind}: {100 * count / len(chosen):.1f} % of {len(chosen)}")


if __name__ == "__main__":
    main()
