"""The audit tells a leaky head from one that is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from headfit.commands.main import main
from headfit.errors import InputError
from headfit.head import SoftmaxHead
from headfit.learning.fitted_head import FittedHead
from headfit.photos import WHOLE
from headfit.privacy.leakage import measure_leakage
from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView
from headfit.store import ExampleStore

DIM = 64


def examples(n_samples: int = 120, seed: int = 0) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Classes that overlap, with more features than a class has examples: easy to overfit."""
    rng = np.random.default_rng(seed)
    targets = np.arange(n_samples) % 3
    values = rng.normal(size=(n_samples, DIM)) + 0.3 * np.eye(DIM)[targets]
    return values.astype(np.float32), [("cup", "jug", "pen")[t] for t in targets]


def overfit(values: npt.NDArray[np.float32], names: list[str]) -> FittedHead:
    return SoftmaxHead(method="logistic", l2=1e-4).fit(values, names).fitted_


def private(values: npt.NDArray[np.float32], names: list[str]) -> FittedHead:
    privacy = Privacy(0.5, 1e-5, public_view=PublicView.plain(DIM, 8.0))
    return SoftmaxHead().fit(values, names, privacy=privacy).fitted_


def test_an_overfit_head_is_found_leaky() -> None:
    """The head itself leaks as those like it do, for it is like them: in size and in sharpness."""
    values, names = examples()
    found = measure_leakage(values, names, overfit, n_heads=32, head=overfit(values, names))
    assert found.auc > 0.9
    assert found.tpr > 0.25
    assert found.head_auc == pytest.approx(found.auc, abs=0.05)
    assert found.head_tpr == pytest.approx(found.tpr, abs=0.1)


@pytest.mark.parametrize("method", ["auto", "imprint", "lda", "binary"])
def test_every_ordinary_head_of_few_photos_is_found_leaky(method: str) -> None:
    values, names = examples()

    def ordinary(some: npt.NDArray[np.float32], of: list[str]) -> FittedHead:
        return SoftmaxHead(method=method).fit(some, of).fitted_

    found = measure_leakage(values, names, ordinary, n_heads=32, head=ordinary(values, names))
    assert found.auc > 0.8
    assert found.tpr > 0.08
    assert found.head_auc == pytest.approx(found.auc, abs=0.05)


def test_a_strongly_private_head_is_not() -> None:
    """What epsilon 0.5 allows: an AUC of at most about 0.62; what noise of this size gives: 0.5.

    The noise is the system's and differs in every run: limits are six deviations of 2,195 runs.
    """
    values, names = examples()
    found = measure_leakage(values, names, private, n_heads=32, head=private(values, names))
    assert abs(found.auc - 0.5) < 0.11
    assert found.tpr < 0.045
    assert found.head_auc == pytest.approx(0.5, abs=0.2)
    assert found.head_tpr is not None
    assert found.head_tpr < 0.08


def test_noise_alone_is_no_leakage() -> None:
    """Heads that ignore their examples: the attack itself must not see any."""
    values, names = examples()
    rng = np.random.default_rng(0)

    def deaf(some: npt.NDArray[np.float32], of: list[str]) -> FittedHead:
        return SoftmaxHead(method="imprint").fit(rng.normal(size=some.shape), of).fitted_

    found = measure_leakage(values, names, deaf, n_heads=64)
    assert abs(found.auc - 0.5) < 0.03
    assert found.tpr < 0.02


def test_a_head_that_never_saw_the_photos_is_cleared() -> None:
    """The head that is attacked counts, not only its kind."""
    values, names = examples()
    method = SoftmaxHead(method="imprint")
    strangers = method.unfitted().fit(*examples(seed=1)).fitted_

    def imprint(some: npt.NDArray[np.float32], of: list[str]) -> FittedHead:
        return method.unfitted().fit(some, of).fitted_

    found = measure_leakage(values, names, imprint, n_heads=32, head=strangers)
    assert found.auc > 0.9
    assert found.head_auc == pytest.approx(0.5, abs=0.1)


def test_of_many_photos_some_are_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads see all the others all the same, or they would not be like the head of all."""
    monkeypatch.setattr("headfit.privacy.leakage.MAX_ASKED", 40)
    values, names = examples()
    sizes = []

    def counted(some: npt.NDArray[np.float32], of: list[str]) -> FittedHead:
        sizes.append(len(some))
        return overfit(some, of)

    found = measure_leakage(values, names, counted, n_heads=24)
    assert found.n_samples == 40
    assert set(sizes) == {115}  # but for an eighth of the 40


def test_the_only_photo_of_a_class_is_found() -> None:
    """Heads without it do not know the class."""
    values, names = examples()
    names[0] = "vase"
    found = measure_leakage(values, names, overfit, n_heads=24, head=overfit(values, names))
    assert found.auc > 0.9


def test_too_little_to_say_anything_is_refused() -> None:
    values, names = examples(6)
    with pytest.raises(InputError, match="at least 2 classes of 3 examples"):
        measure_leakage(values[:5], names[:5], overfit)
    for n_heads in (16, 30):
        with pytest.raises(InputError, match=f"found 3 such classes and {n_heads} heads"):
            measure_leakage(*examples(30), overfit, n_heads=n_heads)


class Source:
    """What a store knows of an extractor."""

    fingerprint = "ab" * 32
    embedding_dim = DIM
    views = (WHOLE,)


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
    SoftmaxHead.of(overfit(*examples())).save(path)
    assert main(["audit", str(path), str(store), "--heads", "32", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["plain"]["auc"] > 0.9
    assert report["plain"]["tpr"] > 0.2
    assert report["plain"]["head_auc"] > 0.88
    assert report["plain"]["head_tpr"] > 0.15
    assert abs(report["private"]["auc"] - 0.5) < 0.08
    assert report["private"]["tpr"] < 0.05
    assert report["private"]["head_auc"] is None
    assert report["privacy"]["epsilon"] == 1.0
    assert report["counts_agree"]
    assert main(["audit", str(path), str(store), "--heads", "24"]) == 0
    out = capsys.readouterr().out
    assert "about 120 photos" in out
    assert "HEAD itself" in out
    assert "not to be relied on" not in out


def test_the_command_says_if_the_store_is_not_what_taught_the_head(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values, names = examples()
    SoftmaxHead.of(overfit(values[1:], names[1:])).save(tmp_path / "a.head")
    assert main(["audit", str(tmp_path / "a.head"), str(store), "--heads", "24"]) == 0
    assert "not to be relied on" in capsys.readouterr().out


def test_heads_like_a_descended_one_take_as_many_steps(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All settings of DP-SGD are in the file, and heads like it are fitted with them."""
    privacy = Privacy(
        0.5, 1e-5, PublicView.plain(DIM, 8.0), "dp-sgd", expected_samples=100, sampling_rate=0.2,
        steps=15, clip_norm=0.5, learning_rate=0.1,
    )  # fmt: skip
    path = str(tmp_path / "a.head")
    SoftmaxHead().fit(*examples(), privacy=privacy).save(path)
    seen = []
    fit = SoftmaxHead.fit
    monkeypatch.setattr(
        SoftmaxHead, "fit", lambda *a, **options: seen.append(options) or fit(*a, **options)
    )
    assert main(["audit", path, str(store), "--heads", "24", "--json"]) == 0
    used = [options["privacy"] for options in seen if options]
    assert len(used) == 24
    for name in ("epsilon", "delta", "method", "expected_samples", "sampling_rate", "steps",
                 "clip_norm", "learning_rate"):  # fmt: skip
        assert {getattr(one, name) for one in used} == {getattr(privacy, name)}
    report = json.loads(capsys.readouterr().out)
    assert abs(report["private"]["auc"] - 0.5) < 0.08


def test_a_head_with_a_public_view_is_audited_by_that_view(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file says nothing of the view but its size, so the public pictures are asked for."""
    rng = np.random.default_rng(2)
    public = rng.normal(size=(100, DIM)).astype(np.float32)
    for name, embeddings in (("public", public), ("others", rng.normal(size=(100, DIM)))):
        with ExampleStore.open(tmp_path / name, Source()) as opened:
            opened.add_many(embeddings, ["anything"] * 100)
    privacy = Privacy(0.5, 1e-5, public_view=PublicView.of(public, 16))
    head, path = SoftmaxHead().fit(*examples(), privacy=privacy), str(tmp_path / "a.head")
    head.save(path)
    command = ["audit", path, str(store), "--heads", "32", "--json"]
    assert main(command) == 3
    assert "expected --public STORE" in capsys.readouterr().err
    assert main([*command, "--public", str(tmp_path / "others")]) == 3
    assert "give the same pictures" in capsys.readouterr().err
    assert main([*command, "--public", str(tmp_path / "public")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["plain"]["auc"] > 0.9
    # Epsilon of 0.5 allows an attacker a little over exp(0.5) / (1 + exp(0.5)) = 0.62.
    assert abs(report["private"]["auc"] - 0.5) < 0.12
    assert report["private"]["head_auc"] == pytest.approx(0.5, abs=0.12)
    assert report["private"]["head_tpr"] < 0.08


def test_the_command_refuses_a_store_without_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SoftmaxHead.of(overfit(*examples())).save(tmp_path / "a.head")
    with ExampleStore.open(tmp_path / "a.store", Source()):
        pass
    assert main(["audit", str(tmp_path / "a.head"), str(tmp_path / "a.store")]) == 3
    assert "expected examples, found none" in capsys.readouterr().err


def test_the_command_takes_epsilon_from_a_private_head(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.head"
    SoftmaxHead.of(private(*examples())).save(path)
    assert main(["audit", str(path), str(store), "--json", "--heads", "24"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["privacy"] == {"epsilon": 0.5, "delta": 1e-5, "method": "class-sums"}
    assert report["plain"]["head_auc"] is None
    assert report["private"]["head_tpr"] < 0.08
