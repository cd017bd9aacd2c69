"""How much a head tells of the photos that taught it: membership inference, measured.

The attack is the likelihood ratio of Carlini et al., "Membership Inference Attacks From First
Principles", 2022, in its online form. Shadow heads are fitted on all examples but an eighth of
those that are asked about, each time another. For each example, how sure heads with it and heads
without it are of its class makes two normal distributions; a head under attack is asked which of
the two its own answer comes from. Shadows miss an eighth and not, as in the article, a half, so
that they are like the head that is shown to others, which saw all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.files.class_names import checked_names
from headfit.learning.fitted_head import FittedHead
from headfit.learning.prediction import Prediction
from headfit.maths.arrays import BoolArray, DoubleArray, FloatArray, checked_embeddings
from headfit.maths.metrics import auroc

Fitting: TypeAlias = Callable[[FloatArray, list[str]], FittedHead]

FALSE_ALARMS = 0.01
"""Share of photos wrongly called members at which the attack is judged."""

MAX_ASKED = 2000
"""Examples that are asked about at most, drawn at random: enough for a percent."""

_PARTS = 8
MIN_HEADS = 3 * _PARTS
_LEAST = 1e-30  # stands for a probability of 0, where float32 ran out


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
        Examples that were asked about.
    n_heads : int
        Heads that were attacked, each with the others as shadows.
    head_auc, head_tpr : float or None
        The same of the given head: its examples against examples that the attacked heads lacked.
        None without one.
    """

    auc: float
    tpr: float
    n_samples: int
    n_heads: int
    head_auc: float | None = None
    head_tpr: float | None = None


def measure_leakage(
    embeddings: npt.ArrayLike,
    class_names: Sequence[str],
    fit: Fitting,
    *,
    n_heads: int = 64,
    seed: int = 0,
    head: FittedHead | None = None,
) -> Leakage:
    """Attack heads that are fitted as ``fit`` does it.

    Parameters
    ----------
    embeddings : array of shape (n_samples, embedding_dim)
    class_names : sequence of str, length n_samples
    fit : function of (embeddings, class names) to FittedHead
        How heads are made; called ``n_heads`` times.
    n_heads : int
        More shadows make a stronger attack; a multiple of 8, at least 24.
    seed : int
        Which examples are asked about, and which heads lack them.
    head : FittedHead, optional
        A head that ``fit`` made, or would have made, of exactly these examples; attacked too.

    Raises
    ------
    InputError
        If there are fewer than two classes of three examples each, or another number of heads.
    """
    checked = checked_embeddings(embeddings)
    names = checked_names(class_names, len(checked))
    n_large = sum(count >= 3 for count in Counter(names).values())
    if n_large < 2 or n_heads < MIN_HEADS or n_heads % _PARTS:
        raise InputError(
            f"expected at least 2 classes of 3 examples each, and {MIN_HEADS} heads or a larger "
            f"multiple of {_PARTS}, found {n_large} such classes and {n_heads} heads; nothing can "
            "be said of fewer"
        )
    generator = np.random.default_rng(seed)
    asked = np.sort(generator.permutation(len(names))[:MAX_ASKED])
    asked_names = [names[row] for row in asked]
    is_in = _memberships(n_heads, asked_names, generator)
    answers = np.empty(is_in.shape)
    for row, members in enumerate(is_in):
        taught = np.ones(len(names), np.bool_)
        taught[asked[~members]] = False
        fitted = fit(checked[taught], [names[i] for i in np.flatnonzero(taught)])
        answers[row] = _answers(fitted, checked[asked], asked_names)
    scores = np.stack([_scores(row, answers[row], answers, is_in) for row in range(n_heads)])
    outside = scores[~is_in]
    threshold = float(np.quantile(outside, 1 - FALSE_ALARMS))
    of_head = None
    if head is not None:  # takes the place of a shadow, so that as many speak for and against
        of_head = _scores(0, _answers(head, checked[asked], asked_names), answers, is_in)
    return Leakage(
        auc=auroc(scores[is_in], outside),
        tpr=float((scores[is_in] > threshold).mean()),
        n_samples=len(asked),
        n_heads=n_heads,
        head_auc=None if of_head is None else auroc(of_head, outside),
        head_tpr=None if of_head is None else float((of_head > threshold).mean()),
    )


def _memberships(n_heads: int, names: list[str], generator: np.random.Generator) -> BoolArray:
    """Return which examples each head sees.

    Of every `_PARTS` heads in a row one lacks an example; of a class each lacks as many, give or
    take one.
    """
    targets = np.unique(names, return_inverse=True)[1]
    is_in = np.ones((n_heads, len(names)), np.bool_)
    for first in range(0, n_heads, _PARTS):
        shuffled = generator.permutation(len(names))
        by_class = shuffled[np.argsort(targets[shuffled], kind="stable")]
        part = (np.arange(len(names)) + generator.integers(_PARTS)) % _PARTS
        is_in[first + part, by_class] = False
    return is_in


def _answers(head: FittedHead, embeddings: FloatArray, names: list[str]) -> DoubleArray:
    """Return how sure a head is of each example's class: by how much its logit leads the others.

    In units of the head's usual lead, for how sharp its probabilities are differs from head to
    head and tells nothing of one example.
    """
    probabilities = Prediction.of(head, embeddings).probabilities().astype(np.float64)
    logarithms = np.log(np.maximum(probabilities, _LEAST))
    columns = {name: column for column, name in enumerate(head.classes)}
    column = np.array([columns.get(name, -1) for name in names])
    rows = np.arange(len(names))
    # A class that the head lacks, for the example was its only one, is the least probable.
    own = np.where(column >= 0, logarithms[rows, column], logarithms.min(axis=1))
    logarithms[rows[column >= 0], column[column >= 0]] = -np.inf
    leads: DoubleArray = own - logarithms.max(axis=1)
    return leads / max(float(np.sqrt(np.square(leads).mean())), _LEAST)


def _scores(row: int, attacked: DoubleArray, answers: DoubleArray, is_in: BoolArray) -> DoubleArray:
    """Return the logarithm of each example's likelihood ratio, with over without, in twice.

    The head in ``row`` is no shadow. For each example one head of the other kind is left out as
    well: otherwise those that saw it would be judged by more heads without it than those that did
    not, and that difference would look like leakage. Variances are common to all examples, as
    that article recommends for few shadows.
    """
    others = (row + 1 + np.arange(len(answers) - 1)) % len(answers)
    partner = others[(is_in[others] != is_in[row]).argmax(axis=0)]
    is_shadow = np.ones(is_in.shape, np.bool_)
    is_shadow[row] = False
    is_shadow[partner, np.arange(is_in.shape[1])] = False
    distances = []
    for chosen in (is_in & is_shadow, ~is_in & is_shadow):
        counts = chosen.sum(axis=0)
        mean = np.where(chosen, answers, 0).sum(axis=0) / counts
        spread = np.square(answers - mean)[chosen].sum() / (counts - 1).sum() + _LEAST
        distances.append(np.square(attacked - mean) / (spread * (1 + 1 / counts)))
    scores: DoubleArray = distances[1] - distances[0]
    return scores
