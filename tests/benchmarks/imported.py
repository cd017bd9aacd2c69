"""The installed ResNet-18 in LCE and the imported one in Keras on 1,000 ImageNet pictures.

``python tests/benchmarks/imported.py FOLDER`` needs the `zoo` extra, the extractor installed
(``headfit-zoo install resnet18-binary-imagenet``), ``imagenet-sample-256.zip`` in the data folder,
and the published ``.params`` and ``synset.txt`` in FOLDER.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from photo_sets import DATA

from headfit import Extractor
from headfit.photos.images import prepare_input
from headfit_zoo.architectures import resnet18
from headfit_zoo.architectures.top import classifier_of
from headfit_zoo.conversion import set_weights, shapes_of
from headfit_zoo.importers import IMPORTERS

NAME = "resnet18-binary-imagenet"


def main() -> None:
    """Print what was found, a line each."""
    folder = Path(sys.argv[1])
    (params,) = folder.glob("*.params")
    order = [line.split()[0] for line in (folder / "synset.txt").read_text("utf-8").splitlines()]
    importer = IMPORTERS[NAME]
    model = resnet18.build(1000, 224)
    set_weights(model, importer.read(params.read_bytes(), params.name, shapes_of(model)))
    embed = tf.keras.Model(model.input, model.get_layer("embedding").output)
    weights, bias = classifier_of(model)
    extractor = Extractor.open(NAME, engine="lce")
    with zipfile.ZipFile(DATA / "imagenet-sample-256.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".JPEG", ".jpg")))
        photos = [archive.read(name) for name in names]
    targets = np.array([order.index(name.split("/")[-2]) for name in names])
    lce = extractor.embed(photos)
    keras = np.concatenate(
        [embed.predict_on_batch(prepare_input(p, importer.preprocessing)) for p in photos]
    )
    logits, theirs = lce @ weights + bias, keras @ weights + bias
    best = np.argsort(-logits, axis=1)[:, :5]
    hits = best == targets[:, None]
    print(f"{NAME}, {extractor.manifest.size_bytes} bytes, {extractor.fingerprint}")
    print(f"{len(photos)} pictures: top-1 {hits[:, 0].mean():.1%}, top-5 {hits.any(1).mean():.1%}")
    same = best[:, 0] == theirs.argmax(1)
    close = np.abs(lce - keras).max(1) <= 1e-5
    print(
        f"Keras's best class is the same for {same.sum()}; embeddings equal to 1e-5 {close.sum()}"
    )
    widest = np.abs(logits - theirs).max()
    print(f"largest difference of a logit {widest:.1f}, of a span of {np.ptp(theirs):.0f}")


if __name__ == "__main__":
    main()
