"""Trains the head of `underfoot.py`: ``python demo_app/examples/train_underfoot.py [FILE]``.

The photos are cut from pictures of scikit-image, as in ``headfit demo``: some parts of each
picture train, the others test.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from headfit import ImageClassifier
from headfit.photos import cut_sample_photos, sample_pictures

HEAD = Path(__file__).with_name("underfoot.head")
CLASSES = ("bricks", "grass", "gravel")


def main(output: Path = HEAD) -> None:
    """Train, say how good the head is on photos it has not seen, and write it."""
    classifier = ImageClassifier()
    with tempfile.TemporaryDirectory() as folder:
        cut_sample_photos(sample_pictures(), Path(folder))
        for name in CLASSES:
            for photo in sorted(Path(folder, "train", name).iterdir()):
                classifier.add(photo, name)
        classifier.fit()
        tests = [
            (photo, name) for name in CLASSES for photo in Path(folder, "test", name).iterdir()
        ]
        right = sum(classifier.predict(photo)[0][0] == name for photo, name in tests)
    classifier.save(output)
    print(
        f"{right} of {len(tests)} unseen photos right; {output} has {output.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
