"""How much a head tells of the photos that taught it: membership inference, measured.

The attack is the likelihood ratio of Carlini et al., "Membership Inference Attacks From First
Principles", 2022, in its online form. Shadow heads are fitted on random halves of the examples.
For each example, how sure heads with it and heads without it are of its class makes two normal
distributions; a head under attack is asked which of the two its own answer comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.head import SoftmaxHead
from headfit.inputs import checked_embeddings, checked_names

Array: TypeAlias = npt.NDArray[np.float64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
Fitting: TypeAlias = Callable[[npt.NDArray[np.float32], list[str]], SoftmaxHead]

FALSE_ALARMS = 0.01
"""Share of photos wrongly called members at which the attack is judged."""

MIN_HEADS = 8
_LEAST = 1e-30  # stands for a probability of 0: the class is not there, or float32 ran out


@dataclass(frozen=True, slots=True)
class Leakage:
    """What an attacker who knows the photos learns about which of them taught a head.

    Attributes
    ----------
    auc : float
        How often a photo that was there gets a higher score than one that was not: 0.5 is
        guessing, 1 is certainty.
    tpr : float
        Share of the photos that were there that are recognised, with `FALSE_ALARMS` of the others
        called so wrongly. 0.01 is guessing.
    n_samples : int
        Examples, of which each head saw a random half.
    n_heads : int
        Heads that were attacked, each with the others as shadows.
    recognised : float or None
        Share of the examples that the attack finds in the given head, at the same threshold; None
        without one. A head that never saw them shows about 0.01.
    """

    auc: float
    tpr: float
    n_samples: int
    n_heads: int
    recognised: float | None


def measure_leakage(
    embeddings: npt.ArrayLike,
    class_names: Sequence[str],
    fit: Fitting,
    *,
    n_heads: int = 32,
    seed: int = 0,
    head: SoftmaxHead | None = None,
) -> Leakage:
    """Attack heads that are fitted as ``fit`` does it.

    Parameters
    ----------
    embeddings : array of shape (n_samples, embedding_dim)
    class_names : sequence of str, length n_samples
    fit : function of (embeddings, class names) to SoftmaxHead
        How heads are made; called ``n_heads`` times with a random half of the examples.
    n_heads : int
        More shadows make a stronger attack; at least 8.
    seed : int
        Which halves.
    head : SoftmaxHead, optional
        A head fitted on all examples, attacked with all the others as shadows. It saw twice as
        many as they did and was calibrated by more, so its answers do not quite compare: a high
        share is a finding, a low one is no all-clear.

    Raises
    ------
    InputError
        If there are fewer than two classes of three examples each, or than 8 heads.
    """
    checked = checked_embeddings(embeddings)
    names = checked_names(class_names, len(checked))
    # Of three examples of a class, one at least is in every half: see `_halves`.
    n_large = sum(count >= 3 for count in Counter(names).values())
    if n_large < 2 or n_heads < MIN_HEADS:
        raise InputError(
            f"expected at least 2 classes of 3 examples each and {MIN_HEADS} heads, found "
            f"{n_large} such classes and {n_heads} heads; nothing can be said of fewer"
        )
    is_in = _halves(n_heads, names, np.random.default_rng(seed))
    answers = np.array(
        [
            _answers(fit(checked[row], [names[i] for i in np.flatnonzero(row)]), checked, names)
            for row in is_in
        ]
    )
    scores = _leave_one_out_scores(answers, is_in)
    threshold = float(np.quantile(scores[~is_in], 1 - FALSE_ALARMS))
    recognised = None
    if head is not None:
        score = _scores(_answers(head, checked, names), *_moments(answers, is_in))
        recognised = float((score > threshold).mean())
    return Leakage(
        auc=area_under_curve(scores[is_in], scores[~is_in]),
        tpr=float((scores[is_in] > threshold).mean()),
        n_samples=len(checked),
        n_heads=n_heads,
        recognised=recognised,
    )


def area_under_curve(positive: Array, negative: Array) -> float:
    """Return how often a positive score is above a negative one; ties count half."""
    below = np.sort(negative)
    ranks = np.searchsorted(below, positive) + np.searchsorted(below, positive, side="right")
    return float(ranks.mean() / (2 * len(below)))


def _halves(n_heads: int, names: list[str], generator: np.random.Generator) -> BoolArray:
    """Return which examples each head sees: each is in half of the heads, classes split evenly."""
    is_in = np.zeros((n_heads, len(names)), np.bool_)
    order = np.argsort(np.array(names), kind="stable")
    # In pairs of heads that see complementary halves: every example is in exactly half of them.
    for first in range(0, n_heads - 1, 2):
        coins = generator.random((len(names) + 1) // 2) < 0.5
        taken = np.stack([coins, ~coins], axis=1).ravel()[: len(names)]
        is_in[first, order] = taken
        is_in[first + 1] = ~is_in[first]
    if n_heads % 2:
        is_in[-1] = is_in[0] ^ (generator.random(len(names)) < 0.5)
    return is_in


def _answers(
    head: SoftmaxHead, embeddings: npt.NDArray[np.float32], names: list[str]
) -> npt.NDArray[np.float64]:
    """Return how sure a head is of each example's class: ``log(p / (1 - p))``."""
    probabilities = head.predict_proba(embeddings).astype(np.float64)
    columns = {name: column for column, name in enumerate(head.classes_)}
    column = np.array([columns.get(name, -1) for name in names])
    own = np.where(column >= 0, probabilities[np.arange(len(names)), column], 0.0)
    probabilities[np.arange(len(names))[column >= 0], column[column >= 0]] = 0
    others = probabilities.sum(axis=1)  # more exact than 1 - p where p is nearly 1
    answers: Array = np.log(np.maximum(own, _LEAST)) - np.log(np.maximum(others, _LEAST))
    return answers


def _moments(answers: Array, is_in: BoolArray) -> tuple[Array, Array, float, float]:
    """Return each example's mean answer of heads with it and without, and the two variances.

    The variances are common to all examples, as that article recommends for few shadows.
    """
    mean_in = np.average(answers, axis=0, weights=is_in)
    mean_out = np.average(answers, axis=0, weights=~is_in)
    variance_in = np.square(answers - mean_in)[is_in].mean()
    variance_out = np.square(answers - mean_out)[~is_in].mean()
    return mean_in, mean_out, float(variance_in) + _LEAST, float(variance_out) + _LEAST


def _scores(
    answers: Array, mean_in: Array, mean_out: Array, variance_in: float, variance_out: float
) -> Array:
    """Return the logarithm of the likelihood ratio, in with over without, but for a constant."""
    scores: Array = (
        np.square(answers - mean_out) / variance_out - np.square(answers - mean_in) / variance_in
    )
    return scores


def _leave_one_out_scores(answers: Array, is_in: BoolArray) -> Array:
    """Attack each head with the others as shadows."""
    scores = np.empty_like(answers)
    for row in range(len(answers)):
        others = np.arange(len(answers)) != row
        moments = _moments(answers[others], is_in[others])
        scores[row] = _scores(answers[row], *moments)
    return scores
