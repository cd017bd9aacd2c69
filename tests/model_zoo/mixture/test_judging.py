"""Judging looks at training halves alone, and tells a seeing network from a blind one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit import InputError
from headfit_zoo.mixture import judging


def _archive(path: Path, names: list[str]) -> None:
    """Write pictures, each of one grey that says where its name stands."""
    with zipfile.ZipFile(path, "w") as archive:
        for index, name in enumerate(names):
            buffer = io.BytesIO()
            Image.new("RGB", (20, 30), (index, index, index)).save(buffer, "PNG")
            archive.writestr(name, buffer.getvalue())


def _greys(one: judging.Set) -> set[int]:
    return set(one.images[:, 0, 0, 0].tolist())


def test_only_training_halves_are_opened(tmp_path: Path) -> None:
    halves = [f"{kind}/{number}.png" for kind in "ab" for number in range(6)]
    split = [
        f"{part}/{kind}/{number}.png"
        for part in ("test", "train")
        for kind in "ab"
        for number in range(3)
    ]
    objects = ["n1/n1_banjo.png", "n2/n2_tench.png", "n3/n3_sax.png", "n4/n4_lemon.png"]
    for name, names in (
        ("flowers5-128", halves),
        ("flowers102-64", split),
        ("cub200-2010-224", halves),
        ("scene15-200", split),
        ("imagenet-sample-256", objects),
    ):
        _archive(tmp_path / f"{name}.zip", names)
    sets = {one.name: one for one in judging.open_sets(tmp_path, tmp_path / "cache")}
    assert _greys(sets["birds"]) == {0, 2, 4, 6, 8, 10}
    assert _greys(sets["scene15"]) == set(range(6, 12))
    assert sorted(sets["objects"].classes) == ["fruit", "instrument", "instrument"]
    (tmp_path / "scene15-200.zip").unlink()
    assert len(judging.open_sets(tmp_path, tmp_path / "cache")) == 5
    with pytest.raises(InputError, match=r"expected a zip of pictures at .*scene15-200\.zip"):
        judging.open_sets(tmp_path, tmp_path / "other")


def test_a_large_set_is_thinned_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MOST", 6)
    _archive(tmp_path / "scene15-200.zip", [f"train/{k}/{n}.png" for k in "ab" for n in range(9)])
    pairs = list(judging._pictures(tmp_path / "scene15-200.zip", "train"))
    assert [(int(image[0, 0, 0]), label) for image, label in pairs] == [
        (0, "a"),
        (3, "a"),
        (6, "a"),
        (9, "b"),
        (12, "b"),
        (15, "b"),
    ]


@pytest.mark.parametrize("folds", [5, 40])
def test_heads_read_what_is_there_and_no_more(folds: int) -> None:
    rng = np.random.default_rng(1)
    classes = np.repeat(["a", "b"], 20)
    noise = rng.normal(0, 1, (40, 6)).astype(np.float32)
    seen = noise + np.where(classes == "a", 4, -4)[:, None].astype(np.float32)
    assert judging.cross_validated(seen, classes, folds) == 1
    assert judging.cross_validated(noise, classes, folds) < 0.75


def test_no_class_is_in_two_groups() -> None:
    names = [name for group in judging.GROUPS.values() for name in group.split()]
    assert len(names) == len(set(names))
