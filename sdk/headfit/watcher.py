"""Watcher: what a camera sees, decided over several frames instead of anew with each."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from headfit.classifier import Recognition
from headfit.errors import InputError
from headfit.locks import brief_lock


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the last frames agree on.

    Attributes
    ----------
    class_name : str or None
        The class that is seen; None while nothing known is seen, or nothing is decided.
    is_decided : bool
        Whether enough frames agree, be it on a class or on "none of these".
    ranking : list of (class name, probability)
        Every class with its mean over the last frames, best first; where a frame's ranking lacks
        one it counts as 0.
    """

    class_name: str | None
    is_decided: bool
    ranking: list[tuple[str, float]]


class Watcher:
    """Decides what a camera sees from what is recognised in one frame after the other.

    Single frames flicker: between two things, while the hand moves, a stranger passes for a class
    now and then. Each frame has one vote: its best class, "none of these" if it is not known, or
    nothing if no class is probable enough. A decision is made when `agree` of the last `frames`
    votes are for it, and given up when fewer than `keep` are, so that it does not flicker at the
    edge (hysteresis, as in a Schmitt trigger). Frames should come in even steps, five to ten a
    second, each looked at once.

    Safe to use from several threads, and pickles with what it has seen.

    Parameters
    ----------
    frames : int
        How many frames are looked back on.
    agree : int
        How many of them must agree; more than half.
    keep : int
        How many of them must still agree later; from 1 to `agree`.
    min_probability : float
        The least probability of its best class with which a known frame votes.

    Raises
    ------
    InputError
        If the numbers do not fit together.

    Examples
    --------
    >>> watcher = Watcher(frames=3, agree=2, keep=1)
    >>> cup = Recognition([("cup", 0.9), ("pen", 0.1)], is_known=True)
    >>> watcher.see(cup).class_name is None
    True
    >>> watcher.see(cup).class_name
    'cup'
    """

    def __init__(
        self, *, frames: int = 6, agree: int = 4, keep: int = 2, min_probability: float = 0.5
    ) -> None:
        if not 1 <= keep <= agree <= frames or 2 * agree <= frames:
            raise InputError(
                "expected 1 <= keep <= agree <= frames, and agree more than half of frames, found "
                f"keep={keep}, agree={agree}, frames={frames}; leave them out for what was measured"
            )
        if not 0 <= min_probability <= 1:
            raise InputError(
                f"expected a min_probability from 0 to 1, found {min_probability}; 0.5 is usual"
            )
        self._agree, self._keep, self._least = agree, keep, min_probability
        self._frames: deque[Recognition] = deque(maxlen=frames)
        self._decided: tuple[str | None] | None = None  # of a class name, or of None: nothing known
        self._lock = brief_lock()

    def see(self, found: Recognition) -> Sighting:
        """Take in what was recognised in the newest frame, and return what is seen by now.

        Raises
        ------
        InputError
            If it is no `Recognition`; it counts for nothing then.
        """
        if not isinstance(found, Recognition):
            raise InputError(
                f"expected what ImageClassifier.recognise returns, found {type(found).__name__}; "
                "a ranking does not say whether anything known is seen"
            )
        with self._lock:
            self._frames.append(found)
            votes = Counter(vote for frame in self._frames if (vote := self._vote(frame)))
            if self._decided is not None and votes[self._decided] < self._keep:
                self._decided = None
            for vote, count in votes.items():
                if count >= self._agree:  # at most one can
                    self._decided = vote
            class_name = self._decided[0] if self._decided else None
            return Sighting(class_name, self._decided is not None, self._mean_ranking())

    def reset(self) -> None:
        """Forget all frames: another camera, another scene or another head comes next."""
        with self._lock:
            self._frames.clear()
            self._decided = None

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            state = {name: value for name, value in vars(self).items() if name != "_lock"}
            return dict(state, _frames=self._frames.copy())

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=brief_lock())

    def _vote(self, frame: Recognition) -> tuple[str | None] | None:
        """Return the class that a frame votes for in a tuple, of None for "none of these"."""
        if not frame.is_known:
            return (None,)
        class_name, probability = frame.ranking[0] if frame.ranking else ("", -1.0)
        return (class_name,) if probability >= self._least else None

    def _mean_ranking(self) -> list[tuple[str, float]]:
        sums: dict[str, float] = {}
        for frame in self._frames:
            for name, probability in frame.ranking:
                sums[name] = sums.get(name, 0.0) + probability
        means = [(name, total / len(self._frames)) for name, total in sums.items()]
        return sorted(means, key=lambda one: (-one[1], one[0]))
