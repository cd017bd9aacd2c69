"""What the teacher saw: stored once, of the right crops, and gone on with after a cut."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.model_zoo.mixture.conftest import Mixture, made_teacher

from headfit import InputError
from headfit_zoo.mixture.crops import SMALLEST, crop_of
from headfit_zoo.mixture.lite import Teacher
from headfit_zoo.mixture.targets import TOP, Targets, fill, open_targets, order_of


def test_records_hold_what_the_teacher_sees_of_the_very_crop(
    mixture: Mixture, tmp_path: Path
) -> None:
    for store in mixture.targets(tmp_path):
        assert store.records["done"].all()
        for row in (0, 5):
            crop = store.pixels(row, mixture.looking.size, smooth=True)
            logits, features = mixture.teacher.see(crop[None])
            log_probabilities = logits[0] - np.log(np.exp(logits[0]).sum())
            best = np.argsort(-logits[0])[:TOP]
            record = store.records[row]
            assert record["outputs"].tolist() == best.tolist()
            np.testing.assert_allclose(
                record["log_probabilities"], log_probabilities[best], rtol=2e-3
            )
            np.testing.assert_allclose(
                record["features"], mixture.basis.project(features)[0], rtol=2e-3, atol=1e-2
            )


def test_the_basis_holds_nearly_all_of_features_of_few_dimensions(mixture: Mixture) -> None:
    assert mixture.basis.explained > 0.999
    assert mixture.basis.directions.shape == (300, 256)


def test_crops_lie_in_the_picture_and_have_the_area_that_is_asked_for() -> None:
    areas, flips = [], []
    for number in range(300):
        (left, top, right, bottom), mirrored = crop_of(
            128, 160, seed=1, source="any", picture=number, crop=0
        )
        assert 0 <= left < right <= 160
        assert 0 <= top < bottom <= 128
        areas.append((right - left) * (bottom - top) / (128 * 160))
        flips.append(mirrored)
    assert SMALLEST - 0.01 < min(areas) < 0.4
    assert 0.9 < max(areas) <= 1
    assert 100 < sum(flips) < 200
    box, _ = crop_of(10, 400, seed=1, source="any", picture=0, crop=0)
    assert box[3] - box[1] == 10


def test_a_call_that_is_cut_goes_on_to_the_same_records(mixture: Mixture, tmp_path: Path) -> None:
    whole = mixture.targets(tmp_path / "whole")[0]
    one, chosen = mixture.packs[0], mixture.pictures[0]
    looked = []

    class Cut(Exception):
        pass

    def see(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if len(looked) == 1:
            raise Cut
        looked.append(len(crops))
        return mixture.teacher.see(crops)

    cutting = Teacher(mixture.teacher.name, mixture.teacher.fingerprint, see)
    arguments = (cutting, mixture.basis)
    store = open_targets(tmp_path / "cut", one, *arguments, mixture.looking)
    order = order_of(one, chosen, 1)
    with pytest.raises(Cut):
        fill(store, order, *arguments)
    # One batch is there, and what was begun of the next counts for nothing.
    assert len(store.available(chosen)) == looked[0] == 32
    again = open_targets(tmp_path / "cut", one, mixture.teacher, mixture.basis, mixture.looking)
    assert fill(again, order, mixture.teacher, mixture.basis) == 72 - 32
    assert fill(again, order, mixture.teacher, mixture.basis) == 0
    assert (again.records == whole.records).all()


def test_first_crops_of_all_pictures_can_be_looked_at_first(
    mixture: Mixture, tmp_path: Path
) -> None:
    one, chosen = mixture.packs[0], mixture.pictures[0]
    store = open_targets(tmp_path, one, mixture.teacher, mixture.basis, mixture.looking)
    assert fill(store, chosen, mixture.teacher, mixture.basis, most=1) == 36
    assert (store.available(chosen) % 2 == 0).all()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("teacher", "found another teacher, teacher_sha256"),
        ("crops", "found another seed"),
        ("basis", "found another basis_sha256"),
    ],
)
def test_targets_of_another_teacher_or_crop_are_refused(
    mixture: Mixture, tmp_path: Path, what: str, message: str
) -> None:
    mixture.targets(tmp_path)
    teacher = made_teacher("other") if what == "teacher" else mixture.teacher
    looking = mixture.looking if what != "crops" else dataclasses.replace(mixture.looking, seed=2)
    basis = mixture.basis
    if what == "basis":
        basis = dataclasses.replace(basis, mean=basis.mean + 1)
    with pytest.raises(InputError, match=message):
        open_targets(tmp_path, mixture.packs[0], teacher, basis, looking)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing", "expected targets of stripes in .* found none"),
        ("pictures", "found in .* those of other pictures"),
        ("short", "expected whole targets of stripes"),
        ("fewer", "expected 72 records for stripes in .* found 36"),
    ],
)
def test_wrong_or_damaged_targets_are_refused(
    mixture: Mixture, tmp_path: Path, what: str, message: str
) -> None:
    if what != "missing":
        mixture.targets(tmp_path)
    path, about = tmp_path / "stripes.npy", tmp_path / "stripes.json"
    if what == "pictures":
        settled = json.loads(about.read_text())
        about.write_text(json.dumps({**settled, "jpegs_sha256": "0" * 64}))
    elif what == "short":
        path.write_bytes(path.read_bytes()[:-10])
    elif what == "fewer":
        np.save(path, np.load(path)[:36])
    with pytest.raises(InputError, match=message):
        Targets(tmp_path, mixture.packs[0])


def test_too_little_room_is_named_before_a_map_is_written(
    mixture: Mixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = mixture.packs[0]
    store = open_targets(tmp_path, one, mixture.teacher, mixture.basis, mixture.looking)

    class Full:
        f_bavail, f_frsize = 2, 4096

    monkeypatch.setattr("headfit_zoo.mixture.targets.os.statvfs", lambda path: Full)
    with pytest.raises(InputError, match="expected 0 MiB free .* found 0 MiB"):
        fill(store, mixture.pictures[0], mixture.teacher, mixture.basis)
    shutil.rmtree(tmp_path)
