"""The audit tells a leaky head from one that is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from headfit.cli import main
from headfit.errors import InputError
from headfit.examples import ExampleStore
from headfit.head import SoftmaxHead
from headfit.leakage import area_under_curve, measure_leakage
from headfit.privacy import Privacy
from headfit.public_view import PublicView

DIM = 64


def examples(n_samples: int = 120, seed: int = 0) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Classes that overlap, with more features than a class has examples: easy to overfit."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n_samples) % 3
    values = rng.normal(size=(n_samples, DIM)) + 0.3 * np.eye(DIM)[targets]
    return values.astype(np.float32), [("cup", "jug", "pen")[t] for t in targets]


def overfit(values: npt.NDArray[np.float32], names: list[str]) -> SoftmaxHead:
    return SoftmaxHead(method="logistic", l2=1e-4).fit(values, names)


def private(values: npt.NDArray[np.float32], names: list[str]) -> SoftmaxHead:
    privacy = Privacy(0.5, 1e-5, public_view=PublicView.plain(DIM, 8.0))
    return SoftmaxHead().fit(values, names, privacy=privacy)


def test_an_overfit_head_is_found_leaky() -> None:
    found = measure_leakage(*examples(), overfit)
    assert found.auc > 0.8
    assert found.tpr > 0.05


def test_a_strongly_private_head_is_not() -> None:
    """What epsilon 0.5 allows: an AUC of at most about 0.62; what noise of this size gives: 0.5."""
    values, names = examples()
    found = measure_leakage(values, names, private, head=private(values, names))
    assert abs(found.auc - 0.5) < 0.06
    assert found.tpr < 0.05
    assert found.recognised is not None
    assert found.recognised < 0.05


def test_a_head_that_never_saw_the_photos_is_cleared() -> None:
    """The head that is attacked counts, not only its kind."""
    values, names = examples()
    strangers = overfit(*examples(seed=1))
    found = measure_leakage(values, names, overfit, head=strangers)
    assert found.auc > 0.8
    assert found.recognised is not None
    assert found.recognised < 0.08


def test_the_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 20, 200) / 1.0 + 2, rng.integers(0, 20, 300) / 1.0
    truth = np.r_[np.ones(200), np.zeros(300)]
    expected = roc_auc_score(truth, np.r_[positive, negative])
    assert area_under_curve(positive, negative) == pytest.approx(expected)


def test_too_little_to_say_anything_is_refused() -> None:
    values, names = examples(6)
    with pytest.raises(InputError, match="at least 2 classes of 3 examples"):
        measure_leakage(values[:5], names[:5], overfit)
    with pytest.raises(InputError, match="found 3 such classes and 4 heads"):
        measure_leakage(*examples(30), overfit, n_heads=4)


class Source:
    """What a store knows of an extractor."""

    fingerprint = "ab" * 32
    embedding_dim = DIM


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "a.store"
    with ExampleStore.open(path, Source()) as opened:
        opened.add_many(*examples())
    return path


def test_the_command_reports_plain_and_private(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plain head's own settings are taken from its file."""
    path = tmp_path / "a.head"
    overfit(*examples()).save(path)
    assert main(["audit", str(path), str(store), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["plain"]["auc"] > 0.8 > 0.65 > report["private"]["auc"]
    assert 0 <= report["plain"]["recognised"] <= 1
    assert report["private"]["recognised"] is None
    assert report["privacy"]["epsilon"] == 1.0
    assert main(["audit", str(path), str(store), "--heads", "8"]) == 0
    out = capsys.readouterr().out
    assert "120 photos" in out
    assert "HEAD itself" in out


def test_the_command_takes_epsilon_from_a_private_head(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.head"
    private(*examples()).save(path)
    assert main(["audit", str(path), str(store), "--json", "--heads", "8"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["privacy"] == {"epsilon": 0.5, "delta": 1e-5, "method": "class-sums"}
    assert report["plain"]["recognised"] is None
    assert report["private"]["recognised"] < 0.1
