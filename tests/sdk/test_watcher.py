"""What a camera sees, decided over frames."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfit import InputError, Recognition, Watcher

CUP = Recognition([("cup", 0.9), ("pen", 0.1)], is_known=True)
PEN = Recognition([("pen", 0.8), ("cup", 0.2)], is_known=True)
FAINT_CUP = Recognition([("cup", 0.45), ("pen", 0.45)], is_known=True)
NOTHING = Recognition([("cup", 0.99), ("pen", 0.01)], is_known=False)


def names(watcher: Watcher, *frames: Recognition) -> list[str]:
    """Return what is seen after each frame: a class, "nothing", or "?"."""
    seen = [watcher.see(frame) for frame in frames]
    return [one.class_name or ("nothing" if one.is_decided else "?") for one in seen]


def test_a_class_is_named_once_enough_frames_agree() -> None:
    assert names(Watcher(), CUP, CUP, CUP, CUP) == ["?", "?", "?", "cup"]


def test_a_single_frame_neither_names_nor_unnames() -> None:
    """A stranger that passes for a pen once, and a cup that is missed once."""
    watcher = Watcher()
    assert names(watcher, *[NOTHING] * 4)[-1] == "nothing"
    assert names(watcher, PEN, NOTHING, NOTHING) == ["nothing"] * 3
    watcher.reset()
    names(watcher, *[CUP] * 6)
    assert names(watcher, NOTHING, CUP, PEN, CUP) == ["cup"] * 4


def test_it_flickers_less_than_its_threshold() -> None:
    """Four of six are needed to name, but two keep the name: hysteresis."""
    watcher = Watcher(frames=6, agree=4, keep=2)
    names(watcher, *[CUP] * 6)
    assert names(watcher, *[FAINT_CUP] * 5) == ["cup"] * 4 + ["?"]
    assert names(watcher, CUP, CUP, CUP, CUP) == ["?", "?", "?", "cup"]


def test_another_thing_takes_over() -> None:
    watcher = Watcher()
    names(watcher, *[CUP] * 6)
    assert names(watcher, PEN, PEN, PEN, PEN) == ["cup", "cup", "cup", "pen"]


def test_nothing_known_is_a_decision_of_its_own() -> None:
    watcher = Watcher()
    names(watcher, *[NOTHING] * 3)
    last = watcher.see(NOTHING)
    assert (last.class_name, last.is_decided) == (None, True)


def test_the_ranking_is_the_mean_of_the_last_frames() -> None:
    watcher = Watcher(frames=2, agree=2, keep=1)
    watcher.see(PEN)
    watcher.see(CUP)
    ranking = watcher.see(PEN).ranking
    assert [name for name, _ in ranking] == ["cup", "pen"]
    assert [chance for _, chance in ranking] == pytest.approx([0.55, 0.45])


def test_rankings_may_be_cut() -> None:
    """As `recognise` cuts them for ``top=1`` and ``min_confidence``: an empty one has no vote."""
    watcher = Watcher()
    cup, pen = (Recognition(frame.ranking[:1], is_known=True) for frame in (CUP, PEN))
    assert names(watcher, cup, pen, cup, cup, cup) == ["?"] * 4 + ["cup"]
    empty = Recognition([], is_known=True)
    assert names(watcher, empty, empty, empty, empty) == ["cup"] * 4
    last = watcher.see(empty)
    assert (last.class_name, last.is_decided) == (None, False)
    assert last.ranking == [("cup", pytest.approx(0.9 / 6))]


def test_what_is_no_recognition_is_refused_and_leaves_no_trace() -> None:
    watcher = Watcher()
    names(watcher, CUP, CUP, CUP)
    for wrong in (CUP.ranking, "cup", None):
        with pytest.raises(InputError, match="recognise returns"):
            watcher.see(wrong)  # type: ignore[arg-type]
    assert names(watcher, CUP) == ["cup"]


@given(st.lists(st.sampled_from([CUP, PEN, FAINT_CUP, NOTHING]), min_size=7, max_size=40))
def test_a_decision_stands_on_the_last_frames_alone(frames: list[Recognition]) -> None:
    """Whatever came before: what is decided had the votes; four alike are always decided."""
    watcher = Watcher(frames=6, agree=4, keep=2)
    for frame in frames:
        seen = watcher.see(frame)
    votes = [
        None if not frame.is_known else frame.ranking[0][0]
        for frame in frames[-6:]
        if frame is not FAINT_CUP
    ]
    if seen.is_decided:
        assert votes.count(seen.class_name) >= 2
    for vote in set(votes):
        if votes.count(vote) >= 4:
            assert (seen.class_name, seen.is_decided) == (vote, True)


@pytest.mark.parametrize(
    "wrong",
    [{"agree": 3}, {"keep": 0}, {"keep": 5}, {"agree": 7}, {"frames": 0}, {"min_probability": 1.1}],
    ids=str,
)
def test_numbers_that_do_not_fit_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        Watcher(**wrong)  # type: ignore[arg-type]


def test_threads_may_share_one() -> None:
    """None fails, and what is seen is of whole frames."""
    watcher, seen = Watcher(), []

    def look(frame: Recognition) -> None:
        for _ in range(500):
            seen.append(watcher.see(frame))

    threads = [threading.Thread(target=look, args=[frame]) for frame in (CUP, PEN, NOTHING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1500
    assert {one.class_name for one in seen} <= {None, "cup", "pen"}
    assert all(sum(chance for _, chance in one.ranking) == pytest.approx(1) for one in seen)


def test_it_pickles_with_what_it_has_seen() -> None:
    """With an app's state, or to another process."""
    watcher = Watcher()
    names(watcher, CUP, CUP, CUP)
    again = pickle.loads(pickle.dumps(watcher))
    assert names(again, CUP) == names(copy.deepcopy(watcher), CUP) == ["cup"]
    assert names(watcher, PEN) == ["?"]
    again.reset()
    assert names(again, CUP) == ["?"]
