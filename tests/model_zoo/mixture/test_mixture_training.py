"""Training on a mixture: its losses, its order, and that a kill changes nothing."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tests.model_zoo.mixture.conftest import Mixture

from headfit import InputError
from headfit_zoo.mixture.feed import Feed
from headfit_zoo.mixture.recipe import RECIPES, Recipe, share_of_peak
from headfit_zoo.mixture.student import Weights, feature_loss, label_loss, output_loss
from headfit_zoo.mixture.training import Training, finish, has_bfloat16, keep, load_model

SMALL = Recipe(
    stages=((0, 16),),
    steps=6,
    options={"widths": (32, 32), "blocks": (1, 1)},
    batch=6,
    warmup=2,
)


@pytest.fixture(scope="session")
def feed(mixture: Mixture, tmp_path_factory: pytest.TempPathFactory) -> Feed:
    stores = mixture.targets(tmp_path_factory.mktemp("targets"))
    return Feed(mixture.sources, stores, mixture.pictures, seed=1)


@pytest.fixture(scope="session")
def whole(feed: Feed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert Training(SMALL, feed, folder).run(say=lambda line: None, log_every=0)
    return folder


def _state(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "state.npz") as found:
        return {key: found[key] for key in found.files if key != "about"}


def _same(one: Path, other: Path) -> bool:
    first, second = _state(one), _state(other)
    return first.keys() == second.keys() and all(
        np.array_equal(array, second[key]) for key, array in first.items()
    )


def test_a_training_that_was_stopped_cut_and_killed_ends_with_the_same_numbers(
    feed: Feed, whole: Path, tmp_path: Path
) -> None:
    first = Training(SMALL, feed, tmp_path)

    def say(line: str) -> None:
        if first.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    assert not first.run(say=say, log_every=0)
    assert first.step == 2
    # What comes after a checkpoint is lost with a killed process, and made anew.
    first._advance(SMALL.size_at(first.step))
    assert not Training(SMALL, feed, tmp_path).run(until=4, say=lambda line: None)
    # A kill while a checkpoint is written: between the link and the replacement both names are
    # one file.
    (tmp_path / "state.npz.part").write_bytes(b"half")
    (tmp_path / "state.before.npz").unlink()
    os.link(tmp_path / "state.npz", tmp_path / "state.before.npz")
    assert Training(SMALL, feed, tmp_path).run(say=lambda line: None)
    assert _same(tmp_path, whole)


def test_a_full_disk_is_named_and_the_checkpoint_before_is_kept(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(SMALL, feed, tmp_path)
    training.save()
    before = (tmp_path / "state.npz").read_bytes()

    def full(stream: object, **arrays: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("headfit_zoo.mixture.training.np.savez", full)
    with pytest.raises(InputError, match="found: No space left on device; the one before is kept"):
        training.save()
    assert (tmp_path / "state.npz").read_bytes() == before
    assert not (tmp_path / "state.npz.part").exists()


def test_every_step_changes_the_weights_and_the_log_has_a_row(whole: Path) -> None:
    rows = (whole / "log.csv").read_text().splitlines()
    assert len(rows) == 1 + 6
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3", "4", "5", "6"]
    assert not np.isnan([float(row.split(",")[4]) for row in rows[1:]]).any()


def test_a_learner_learns(feed: Feed, tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMALL, stages=((0, 16),), steps=40, rate=1e-2, rate_binary=1e-2)
    Training(recipe, feed, tmp_path).run(say=lambda line: None, log_every=0)
    losses = [
        [float(value) for value in row.split(",")[5:8]]
        for row in (tmp_path / "log.csv").read_text().splitlines()[1:]
    ]
    early, late = np.mean(losses[:5], 0), np.mean(losses[-5:], 0)
    assert (late < np.array([0.8, 0.8, 0.95]) * early).all()


def test_the_paper_s_network_is_trained_alike(feed: Feed, tmp_path: Path) -> None:
    """Trained as products of matrices, converted as convolutions of the same weights."""
    recipe = dataclasses.replace(
        RECIPES["alexnet"], steps=2, batch=4, options={"widths": (32,) * 5, "dense": (64, 64)}
    )
    training = Training(recipe, feed, tmp_path)
    assert training.run(say=lambda line: None, log_every=0)
    picture = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    model, step = load_model(tmp_path, 64)
    assert step == 2
    for found, expected in zip(model(picture), training.model(picture), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="a residual network to end in roots, found alexnet_64"):
        load_model(tmp_path, 64, roots=True)


def test_another_recipe_is_refused(feed: Feed, whole: Path) -> None:
    other = dataclasses.replace(SMALL, rate=1.0, weights=Weights(1, 2, 3))
    with pytest.raises(InputError, match="found one of another rate, weights"):
        Training(other, feed, whole)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("short", "put state.before.npz in its place"),
        ("alone", "train anew"),
        ("other", "found another's"),
    ],
)
def test_a_damaged_checkpoint_is_refused(
    feed: Feed, whole: Path, tmp_path: Path, damage: str, message: str
) -> None:
    content = (whole / "state.npz").read_bytes()
    (tmp_path / "state.npz").write_bytes(content if damage == "other" else content[:-50])
    if damage != "alone":
        (tmp_path / "state.before.npz").write_bytes(content)
    recipe = SMALL
    if damage == "other":
        recipe = dataclasses.replace(SMALL, options={"widths": (32, 64), "blocks": (1, 1)})
    with pytest.raises(InputError, match=message):
        Training(recipe, feed, tmp_path)


def test_targets_may_grow_between_two_sittings(mixture: Mixture, tmp_path: Path) -> None:
    stores = mixture.targets(tmp_path / "targets", most=4)
    some = Feed(mixture.sources, stores, mixture.pictures, seed=1)
    Training(SMALL, some, tmp_path / "run").run(until=2, say=lambda line: None)
    stores = mixture.targets(tmp_path / "targets")
    more = Feed(mixture.sources, stores, mixture.pictures, seed=1)
    Training(SMALL, more, tmp_path / "run").run(until=4, say=lambda line: None)
    again = Training(SMALL, more, tmp_path / "run")
    assert (again.step, again._feed_start) == (4, 2)
    feeds = json.loads((tmp_path / "run" / "feeds.json").read_text())
    assert [(one["step"], one["crops"]) for one in feeds] == [
        (0, {"stripes": 8, "large": 8}),
        (2, {"stripes": 72, "large": 20}),
    ]


def test_an_open_end_is_closed_by_a_fifth_of_all_steps(feed: Feed, tmp_path: Path) -> None:
    recipe = dataclasses.replace(SMALL, steps=None)
    training = Training(recipe, feed, tmp_path)
    assert training.end() is None
    assert not training.run(until=4, say=lambda line: None)
    assert finish(tmp_path) == (4, 5)
    assert training.end() == (4, 5)
    assert training.run(say=lambda line: None)


def test_pictures_grow_by_the_stages() -> None:
    recipe = dataclasses.replace(SMALL, stages=((0, 16), (3, 32)))
    assert [recipe.size_at(step) for step in (0, 2, 3, 9)] == [16, 16, 32, 32]


def test_the_rate_rises_stays_and_falls() -> None:
    shares = [share_of_peak(step, 4, (16, 20)) for step in range(21)]
    assert shares[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert shares[15:] == [1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
    assert share_of_peak(10**6, 4, None) == 1.0


def test_an_epoch_sees_each_picture_by_its_weight_and_another_crop_next_time(feed: Feed) -> None:
    assert feed.epoch_length == 36 + 5
    seen = [
        [(int(feed._owners[p]), int(feed._rows[p])) for p in map(feed._position, span)]
        for span in (range(41), range(41, 82))
    ]
    for epoch in seen:
        assert sorted({row // 2 for owner, row in epoch if owner == 0}) == list(range(36))
        assert sum(owner == 1 for owner, _ in epoch) == 5
    assert len({row for epoch in seen for owner, row in epoch if owner == 0}) > 60
    assert seen[0] != seen[1]


def test_a_batch_holds_the_label_of_its_crop(mixture: Mixture, feed: Feed) -> None:
    batch = feed.batch(0, 20, 16)
    places = [feed._position(index) for index in range(20)]
    for place, label in zip(places, batch.labels, strict=True):
        owner, row = feed._owners[place], feed._rows[place]
        wanted = mixture.packs[owner].labels[row // 2] if owner == 0 else -1
        assert label == wanted
    assert feed.spaces.names == ("directions/Länge", "directions/across", "directions/стрелка")


def test_no_targets_at_all_are_named(mixture: Mixture, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="let a teacher look"):
        Feed(mixture.sources, mixture.targets(tmp_path, most=0), mixture.pictures, seed=1)


def test_the_divergence_is_that_of_the_likeliest_and_the_rest() -> None:
    rng = np.random.default_rng(0)
    theirs, mine = rng.normal(0, 2, (2, 5, 12))
    p, q = (np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (theirs, mine))
    top = np.argsort(-p, 1)[:, :4]
    kept_p, kept_q = np.take_along_axis(p, top, 1), np.take_along_axis(q, top, 1)
    p_all, q_all = (np.c_[k, 1 - k.sum(1)] for k in (kept_p, kept_q))
    wanted = (p_all * np.log(p_all / q_all)).sum(1).mean()
    found = output_loss(
        tf.constant(mine, tf.float32),
        tf.constant(top, tf.int32),
        tf.constant(np.log(kept_p), tf.float32),
    )
    assert float(found) == pytest.approx(wanted, rel=1e-4)
    same = output_loss(
        tf.constant(theirs, tf.float32),
        tf.constant(top, tf.int32),
        tf.constant(np.log(kept_p), tf.float32),
    )
    assert float(same) == pytest.approx(0, abs=1e-5)


def test_labels_count_within_their_space_only() -> None:
    logits = tf.constant([[9.0, 9.0, 1.0, 2.0], [3.0, 1.0, 9.0, 9.0], [1.0, 2.0, 3.0, 4.0]])
    labels, spaces = tf.constant([2, 0, -1]), tf.constant([[2, 4], [0, 2], [0, 4]])
    wanted = np.mean([np.log(1 + np.e), np.log(1 + np.exp(-2))])
    assert float(label_loss(logits, labels, spaces)) == pytest.approx(wanted, rel=1e-5)
    nothing = label_loss(logits, tf.constant([-1, -1, -1]), spaces)
    assert float(nothing) == 0


def test_the_feature_loss_is_one_less_the_cosine() -> None:
    a, b = tf.constant([[3.0, 4.0], [1.0, 0.0]]), tf.constant([[6.0, 8.0], [0.0, 2.0]])
    assert float(feature_loss(a, b)) == pytest.approx(0.5, abs=1e-6)


def test_kept_weights_are_those_of_the_checkpoint_at_half_precision(
    whole: Path, tmp_path: Path
) -> None:
    state = dict(np.load(whole / "state.npz"))
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    # A variance of a binary layer's sums that half precision would call infinite.
    index = json.loads(str(state["about"]))["names"].index("stage2_block1_bn/moving_variance:0")
    state[f"v{index:04}"][:] = 1e5
    np.savez(run / "state.npz", **state)
    keep(run, tmp_path)
    model, step = load_model(run)
    with np.load(tmp_path / "latent.npz") as found:
        assert int(found["step"]) == step == 6
        for weight in model.weights:
            kept = weight.numpy()
            kept = kept.astype(np.float16) if kept.ndim > 1 else kept
            np.testing.assert_array_equal(found[weight.name], kept)
    # What was kept is enough to convert and to judge.
    again, step = load_model(tmp_path, 16)
    assert step == 6
    for weight, other in zip(model.weights, again.weights, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-3, atol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} >= {"recipe.json", "feeds.json", "log.csv"}


def test_a_training_goes_on_from_what_was_kept(feed: Feed, whole: Path, tmp_path: Path) -> None:
    kept, run = tmp_path / "kept", tmp_path / "run"
    keep(whole, kept)
    longer = dataclasses.replace(SMALL, steps=None)
    about = json.loads((kept / "recipe.json").read_text())
    (kept / "recipe.json").write_text(json.dumps({**about, "recipe": longer.as_dict()}))
    again = Training(longer, feed, run, kept)
    with np.load(kept / "latent.npz") as found:
        for weight in again.model.weights:
            np.testing.assert_array_equal(found[weight.name], weight.numpy())
            assert np.isfinite(weight.numpy()).all()
    rows = (kept / "log.csv").read_text()
    assert again.step == again.adam_step == 6
    assert again.seconds == pytest.approx(3600 * float(rows.splitlines()[-1].split(",")[1]))
    # Killed now, it does not begin at nothing.
    assert Training(longer, feed, run).step == 6
    again.run(until=9, say=lambda line: None, log_every=0)
    logged = (run / "log.csv").read_text()
    assert logged.startswith(rows)
    # The rate rises once more, since Adam knows nothing of the gradients yet.
    shares = [line.split(",")[3] for line in logged.splitlines()[-3:]]
    assert shares == ["0.5", "1.0", "1.0"]
    # The run's own checkpoint goes before what was kept, and remembers where Adam began.
    resumed = Training(longer, feed, run, kept)
    assert (resumed.step, resumed.adam_step) == (9, 6)
    assert finish(run, steps=3) == (9, 12)
    assert resumed.run(say=lambda line: None)
    assert resumed.step == 12


def test_what_was_kept_is_refused_where_it_does_not_fit(
    feed: Feed, whole: Path, tmp_path: Path
) -> None:
    keep(whole, tmp_path)
    wider = dataclasses.replace(SMALL, options={"widths": (32, 64), "blocks": (1, 1)})
    with pytest.raises(InputError, match="found one of another options"):
        Training(wider, feed, tmp_path / "wider", tmp_path)
    about = json.loads((tmp_path / "recipe.json").read_text())
    (tmp_path / "recipe.json").write_text(json.dumps({**about, "recipe": wider.as_dict()}))
    with pytest.raises(InputError, match="weights of another network"):
        Training(wider, feed, tmp_path / "network", tmp_path)
    (tmp_path / "latent.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="expected whole weights"):
        Training(wider, feed, tmp_path / "damaged", tmp_path)
    with pytest.raises(InputError, match="found no latent.npz"):
        Training(SMALL, feed, tmp_path / "nothing", tmp_path / "none")


def test_bfloat16_is_used_where_the_processor_says_so(tmp_path: Path) -> None:
    for flags, wanted in (("fpu avx2", False), ("fpu avx512_bf16 avx2", True)):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t: {flags}\n")
        assert has_bfloat16(tmp_path / "cpuinfo") is wanted
    assert not has_bfloat16(tmp_path / "none")


def test_pilots_are_of_equal_length_and_differ_in_what_they_compare() -> None:
    pilots = [RECIPES[name] for name in ("pilot-labels", "pilot-outputs", "pilot-features")]
    assert len({pilot.weights for pilot in pilots}) == 3
    alike = [dataclasses.replace(pilot, weights=Weights()) for pilot in pilots]
    assert alike == alike[:1] * 3


def test_a_process_killed_outright_goes_on_as_if_it_had_not_been(
    feed: Feed, whole: Path, tmp_path: Path
) -> None:
    program = textwrap.dedent(
        """
        import os, pickle, sys
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        from headfit_zoo.mixture.training import Training
        recipe, feed, folder = pickle.load(sys.stdin.buffer)
        training = Training(recipe, feed, folder)
        def say(line):
            if training.step == 4:
                os.kill(os.getpid(), 9)
        training.run(say=say, log_every=0, save_every=0)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((SMALL, feed, tmp_path)),
        check=False,
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr.decode()
    again = Training(SMALL, feed, tmp_path)
    assert again.step == 3
    assert again.run(say=lambda line: None)
    assert _same(tmp_path, whole)
