from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.model_zoo.conftest import SMALL

from headfit.errors import InputError
from headfit_zoo.architectures import residual
from headfit_zoo.training.datasets import PackedSet
from headfit_zoo.training.distillation import class_columns, label_targets, taught_targets
from headfit_zoo.training.recipes import Recipe, Stage
from headfit_zoo.training.teacher import BATCH, N_OUTPUTS, open_teacher, write_logits
from headfit_zoo.training.training import train

RECIPE = Recipe(stages=(Stage(1, 32),), final_size=32, label_smoothing=0.1, temperature=2.0)


def some(n: int = 12, n_classes: int = 3) -> PackedSet:
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 3), np.uint8)
    names = tuple(f"class {k}" for k in range(n_classes))
    return PackedSet(images, np.arange(n, dtype=np.int32) % n_classes, names)


def logits_of(data: PackedSet, columns: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Noise, and 4 on the column of each picture's class."""
    logits = np.random.default_rng(seed).normal(0, 1, (len(data), 7))
    logits[np.arange(len(data)), np.array(columns)[data.targets]] += 4
    return logits.astype(np.float16)


def test_smoothed_labels_are_distributions() -> None:
    """A tenth is spread over all three classes, the label's own included."""
    rows = label_targets(some(), 0.1)(np.array([4, 2]))
    expected = np.array([[1, 28, 1], [1, 1, 28]]) / 30
    assert rows == pytest.approx(expected, abs=1e-6)
    assert rows.dtype == np.float32


def test_taught_targets_mix_label_and_teacher() -> None:
    """The target is the weighted sum of label and tempered softmax over the classes' outputs."""
    data, columns = some(), (5, 0, 3)
    logits = logits_of(data, columns)
    recipe = dataclasses.replace(RECIPE, teacher_weight=0.3)
    chosen = np.array([7, 0, 11])
    raised = np.exp(logits[chosen][:, columns].astype(np.float64) / 2)
    taught = raised / raised.sum(1, keepdims=True)
    expected = 0.7 * label_targets(data, 0.1)(chosen) + 0.3 * taught
    assert taught_targets(data, logits, recipe)(chosen) == pytest.approx(expected, abs=1e-6)


def test_the_teachers_columns_are_found() -> None:
    """Each class gets the output that is high on its pictures, also where one is high on all."""
    data, columns = some(60), (5, 0, 3)
    logits = logits_of(data, columns)
    logits[:, 6] += 9
    assert tuple(class_columns(data, logits)) == columns


def test_two_classes_that_raise_one_output_get_one_each() -> None:
    """Mashed potato is a plate to the teacher first, and mashed potato second."""
    data = some(60)
    logits = logits_of(data, (5, 0, 5))
    logits[data.targets == 2, 4] += 3
    assert tuple(class_columns(data, logits)) == (5, 0, 4)


def test_a_teacher_that_cannot_tell_classes_apart_is_refused() -> None:
    """Two classes with one best output are named."""
    data = some(60)
    with pytest.raises(InputError, match="tells class [02] and class [02] apart, found output 5"):
        class_columns(data, logits_of(data, (5, 0, 5)))


def test_logits_of_other_pictures_are_refused() -> None:
    """As many rows as pictures are expected."""
    with pytest.raises(InputError, match="logits of 12 pictures, found those of 9"):
        taught_targets(some(), logits_of(some(9), (0, 1, 2)), RECIPE)


def test_a_student_learns_what_only_the_teacher_knows(
    packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """With labels mostly wrong and a teacher that sees the stripes, the student sees them too."""
    training, validation = packed
    # Of the 27 pictures of each kind 10 have their label and 17 another: just enough to tell which
    # output of the teacher belongs to which class, and far too little to learn from.
    wrong = np.zeros(len(training), np.int32)
    for kind in range(3):
        wrong[training.targets == kind] = np.repeat((0, 1, 2), (10, 9, 8))
    unlabelled = PackedSet(training.images, (training.targets + wrong) % 3, training.classes)
    logits = 8 * np.eye(3, dtype=np.float16)[training.targets]
    recipe = Recipe(
        stages=(Stage(8, 32),),
        final_size=32,
        batch_size=9,
        learning_rate=5e-3,
        teacher_weight=1.0,
    )
    model = residual.build(3, None, **SMALL)
    last = train(model, unlabelled, validation, recipe, tmp_path, teacher=logits, verbose=0)
    assert last["val_top1"] >= 0.8
    with pytest.raises(InputError, match="differs in teacher_sha256"):
        train(model, unlabelled, validation, recipe, tmp_path, verbose=0)


def test_a_cut_call_goes_on_where_it_ended(tmp_path: Path) -> None:
    """No picture is shown twice, and the file appears when it is whole."""
    images = np.arange(2 * BATCH + 7, dtype=np.uint8)[:, None, None, None]
    path, shown = tmp_path / "logits.npy", []

    def network(pictures: np.ndarray) -> np.ndarray:
        shown.extend(pictures.ravel())
        if len(shown) > 2 * BATCH and not (tmp_path / "again").exists():
            raise KeyboardInterrupt
        return np.repeat(pictures.reshape(-1, 1), N_OUTPUTS, axis=1).astype(np.float32)

    with pytest.raises(KeyboardInterrupt):
        write_logits(images, path, network)
    assert not path.exists()
    (tmp_path / "again").touch()
    del shown[2 * BATCH :]
    write_logits(images, path, network)
    assert shown == list(range(2 * BATCH + 7))
    logits = np.load(path)
    assert logits.dtype == np.float16
    assert np.array_equal(logits, np.repeat(images.reshape(-1, 1), N_OUTPUTS, axis=1))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "logits.npy"]


def test_a_part_of_another_data_set_is_refused(tmp_path: Path) -> None:
    """A part with other rows is not filled up."""
    np.save(tmp_path / "logits.npy.part.npy", np.zeros((3, N_OUTPUTS), np.float16))
    (tmp_path / "logits.npy.part.npy").rename(tmp_path / "logits.npy.part")
    with pytest.raises(InputError, match=r"found \(3, 1000\): it belongs to another data set"):
        write_logits(np.zeros((4, 8, 8, 3), np.uint8), tmp_path / "logits.npy", lambda _: _)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyTorch the command says what to install."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="torch is missing: pip install torch efficientnet"):
        open_teacher(128)
