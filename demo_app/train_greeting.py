"""Trains the head that greets: ``python demo_app/train_greeting.py``.

That is needed when headfit brings another extractor; a test says so.
"""

from __future__ import annotations

import numpy as np

from headfit import ImageClassifier
from headfit_demo.session import (
    DRAWINGS,
    GREETING_HEAD,
    PHOTOS,
    Sample,
    cut_square,
    photo_folder,
    sample_pictures,
)

TRAINING_PER_CLASS = 20


def training_pictures() -> list[Sample]:
    """Return the pictures that the head learns from.

    Raises
    ------
    FileNotFoundError
        If scikit-image is not installed.
    """
    folder = photo_folder()
    if folder is None:
        raise FileNotFoundError("scikit-image's pictures: pip install 'headfit[demo]'")
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(TRAINING_PER_CLASS):
        samples += [Sample(name, draw(rng)) for name, draw in DRAWINGS.items()]
        samples += [
            Sample(name, cut_square(folder / file, rng, is_training=True))
            for name, file in PHOTOS.items()
        ]
    return samples


def main() -> None:
    """Train the head, and say how it does on the pictures that the app shows."""
    trained = ImageClassifier()
    for sample in training_pictures():
        trained.add(sample.frame, sample.class_name)
    trained.fit()
    for sample in sample_pictures():
        name, chance = trained.predict(sample.frame)[0]
        print(f"{sample.class_name:14} taken for {name:14} {chance:.0%}")
    trained.save(GREETING_HEAD)
    print(f"{GREETING_HEAD}: {GREETING_HEAD.stat().st_size} bytes")


if __name__ == "__main__":
    main()
