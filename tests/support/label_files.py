"""Files of multi-label heads for tests: the golden ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from headfit.files.head_parts import Signature
from headfit.files.multi_label_file import MultiLabelFile, save_multi_label_bytes
from headfit.files.tensors import rounded
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import View
from tests.support.headfiles import GOLDEN as HEAD

_DATA = Path(__file__).parents[1] / "data"

# What tests/data/labels_v1_<name>.bin holds; none changes (tests/data/MAKE.md).
_PLAIN = FittedMultiLabelHead(
    weights=HEAD.weights,
    bias=HEAD.bias,
    thresholds=np.array([0.5, 1.0, 1e-20], np.float32),
    classes=HEAD.classes,
    n_samples=300,
    class_counts=(1, 20, 299),
    held_out_counts=(0, 19, 299),
    training=HEAD.training,
    extractor=HEAD.extractor,
)
_MODEST = np.linspace(-3, 5, HEAD.weights.size, dtype=np.float32).reshape(HEAD.weights.shape)
GOLDENS = {
    "plain": _PLAIN,
    "one": FittedMultiLabelHead(
        weights=np.array([[-1.5]], np.float32),
        bias=np.array([0.25], np.float32),
        thresholds=np.array([0.125], np.float32),
        classes=("only",),
        n_samples=2,
        class_counts=(1,),
        held_out_counts=(0,),
        training={},
    ),
    "float16": dataclasses.replace(_PLAIN, weights=rounded(_MODEST, "float16"), storage="float16"),
    "int8": dataclasses.replace(_PLAIN, weights=rounded(_MODEST, "int8"), storage="int8"),
    "views": dataclasses.replace(_PLAIN, views=(View(), View(1.15, 0, 1, is_flipped=True))),
}
FILES = {
    name: save_multi_label_bytes(MultiLabelFile(head, headfit_version="0.1.0"))
    for name, head in GOLDENS.items()
}
FILES["signed"] = save_multi_label_bytes(
    MultiLabelFile(_PLAIN, Signature("a7" * 32, "2f" * 64), "0.1.0")
)
GOLDENS["signed"] = _PLAIN
NAMES = sorted(GOLDENS)


def golden_path(name: str) -> Path:
    """Return the path of a golden file."""
    return _DATA / f"labels_v1_{name}.bin"
