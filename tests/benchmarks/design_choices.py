"""Where to cut the embedded network, ReLU or not, and at which size it looks: top-1 of a head.

``python tests/benchmarks/design_choices.py CACHE`` needs TensorFlow and the zips in the data
folder, and keeps the embeddings in the folder CACHE. The network is the shipped file in Keras again
(`headfit_zoo.conversion.recover`), so every tensor can be pooled; the protocol is that of
`headfit_zoo.experiments.transfer`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from photo_sets import DATA

from headfit import Extractor
from headfit.extractor import read_extractor
from headfit.photos.images import prepare_input
from headfit_zoo.architectures import ARCHITECTURES
from headfit_zoo.commands.terminal import progress
from headfit_zoo.conversion.recovering import recover
from headfit_zoo.experiments.transfer import Pictures, measure, split

SETS = {
    "flowers5-128": (None, None),
    "scene15-200": ("train", "test"),
    "flowers102-64": ("test", "train"),
}
SIZES = (64, 96, 128)
STAGES = ("stage1", "stage2", "stage3")
TENSORS = [
    *(f"{stage}_mean" for stage in STAGES),
    *(f"{stage}_unclipped" for stage in STAGES[1:]),
    "stage3_quarters",
]
CUTS = {
    "last stage": ["stage3_mean"],
    "last two stages (as shipped)": ["stage2_mean", "stage3_mean"],
    "last two stages, no ReLU before pooling": ["stage2_unclipped", "stage3_unclipped"],
    "all three stages": ["stage1_mean", "stage2_mean", "stage3_mean"],
    "last two stages, and quarters of the last": ["stage2_mean", "stage3_mean", "stage3_quarters"],
}
BATCH = 100


def probes(model: tf.keras.Model) -> tf.keras.Model:
    """Return the network with every tensor of `TENSORS` pooled as its output."""
    pool = tf.keras.layers.GlobalAveragePooling2D()
    found = {f"{stage}_mean": pool(model.get_layer(f"{stage}_out").output) for stage in STAGES}
    found |= {f"{s}_unclipped": pool(model.get_layer(f"{s}_out").input) for s in STAGES[1:]}
    last = model.get_layer("stage3_out").output
    rows = tf.keras.layers.Lambda(lambda x: tf.image.resize(x, (2, 2), method="area"))(last)
    found["stage3_quarters"] = tf.keras.layers.Flatten()(rows)
    return tf.keras.Model(model.input, [found[name] for name in TENSORS])


def embed(
    model: tf.keras.Model, extractor: Extractor, pictures: Pictures, size: int
) -> dict[str, np.ndarray]:
    """Return every pooled tensor, (n_samples, width), of pictures seen at `size` pixels."""
    preprocessing = replace(
        extractor.manifest.preprocessing, width=size, height=size, resize_to=size
    )
    parts: list[list[np.ndarray]] = []
    with progress(f"{pictures.source.stem} at {size} px") as report:
        for start in range(0, len(pictures.names), BATCH):
            batch = pictures.read(pictures.names[start : start + BATCH])
            inputs = np.concatenate([prepare_input(photo, preprocessing) for photo in batch])
            parts.append([np.asarray(x) for x in model.predict_on_batch(inputs)])
            report(start + len(batch), len(pictures.names))
    columns = zip(*parts, strict=True)
    return {name: np.concatenate(x) for name, x in zip(TENSORS, columns, strict=True)}


def main() -> None:
    """Print a Markdown table per input size."""
    cache = Path(sys.argv[1])
    cache.mkdir(parents=True, exist_ok=True)
    extractor = Extractor.open()
    model = ARCHITECTURES["residual"](200, None)
    sets = {name: Pictures.open(DATA / f"{name}.zip") for name in SETS}
    sample = sets["flowers102-64"]
    inputs = [
        prepare_input(photo, extractor.manifest.preprocessing)
        for photo in sample.read(sample.names[:: len(sample.names) // 200])
    ]
    recover(read_extractor(None)[2], model, np.concatenate(inputs))
    model = probes(model)
    for size in SIZES:
        found = {}
        for name, parts in SETS.items():
            pictures = sets[name].of(*parts) if parts[0] else sets[name]
            path = cache / f"design-{extractor.fingerprint[:12]}-{name}-{size}.npz"
            if not path.exists():
                np.savez(path, **embed(model, extractor, pictures, size))
            with np.load(path) as file:
                found[name] = dict(file), pictures.names, split(pictures.names, *parts)
        print(f"\n{size} px\n\n| | wide | {' | '.join(SETS)} | mean |\n| --- | ---", end="")
        print(" | --- | --- | --- | --- |", flush=True)
        for cut, tensors in CUTS.items():
            scores, width = [], 0
            for pooled, names, parts_of in found.values():
                joined = np.concatenate([pooled[tensor] for tensor in tensors], axis=1)
                width = joined.shape[1]
                scores.append(100 * measure(joined, names, parts_of).top1)
            cells = " | ".join(f"{score:.1f}" for score in [*scores, np.mean(scores)])
            print(f"| {cut} | {width} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
