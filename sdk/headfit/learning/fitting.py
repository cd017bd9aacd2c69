"""Which head the evidence allows: every method of fitting by name, and "auto", which chooses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from headfit.learning.binary import fit_signs
from headfit.learning.candidate import Candidate, combined
from headfit.learning.groups import linked
from headfit.learning.held_out import HeldOut
from headfit.learning.imprint import imprinted
from headfit.learning.lda import analysed
from headfit.learning.logistic import COLD_UP_TO, FEW_PHOTOS, regressed
from headfit.learning.problem import Fit, Method, Problem
from headfit.maths.arrays import DoubleArray, TargetArray, check_sizes
from headfit.maths.grid import Grid, bits_for, canonical_order, exponents_of

LOGISTIC_FROM, LOGISTIC_ANYHOW = 10, 20
"""Photos of its smallest class from which "auto" takes logistic regression, not imprinting: where
no class has more than twice as many, and anyhow. Of classes with few photos among those with many
logistic regression recognises far fewer. Chosen on training halves of flowers, scenes, birds and
objects (docs/results.md).
"""


def fit_head(problem: Problem) -> Fit:
    """Fit a head by the method that the settings name.

    The order of the examples does not matter, to the bit: they are rounded to a grid on which sums
    are exact, and sorted by class and content. Examples that are the same are fitted as one that
    counts for several. Few numbers are fitted from zero, whatever the problem says of a start.

    Raises
    ------
    InputError
        If some embeddings are out of all proportion to the others.
    TrainingDivergedError
        If numbers leave float32.
    """
    sorted_problem, order = in_canonical_order(problem)
    weights = problem.weights
    starts = starts_of(sorted_problem)
    fit = METHODS[problem.settings.method](merged(sorted_problem, starts))
    counts = np.bincount(problem.targets, minlength=problem.n_classes)
    head = replace(fit.head, class_counts=tuple(counts.tolist()))
    return replace(fit, head=head, held_out=_spread_out(fit.held_out, starts, order, weights))


def in_canonical_order(problem: Problem) -> tuple[Problem, TargetArray]:
    """Return the problem on its grid, in an order that does not depend on how examples came.

    Returns
    -------
    problem : Problem
    order : ndarray of shape (n_samples,), dtype intp
        Which example came to lie in each row.

    Raises
    ------
    InputError
        If some embeddings are out of all proportion: see `headfit.maths.arrays.check_sizes`.
    """
    is_weighted = problem.weights is not None
    check_sizes(problem.embeddings, what="row (of those that count)" if is_weighted else "row")
    grid = problem.known_grid
    if grid is None:
        grid = Grid(exponents_of(problem.embeddings), bits_for(math.ceil(problem.mass)))
    order = canonical_order(grid, problem.embeddings, problem.targets)
    if problem.weights is not None:  # the same examples by their weights
        order = np.argsort(problem.weights, kind="stable")
        embeddings, targets = problem.embeddings[order], problem.targets[order]
        order = order[canonical_order(grid, embeddings, targets)]
    embeddings = grid.rounded(problem.embeddings, order)
    is_few = embeddings.size * problem.n_classes <= COLD_UP_TO
    weights, given, hashes = problem.weights, problem.given_groups, problem.photo_hashes
    ordered = replace(
        problem,
        embeddings=embeddings,
        targets=problem.targets[order],
        weights=None if weights is None else weights[order],
        given_groups=None if given is None else given[order],
        photo_hashes=None if hashes is None else hashes[order],
        start=None if is_few else problem.start,
    )
    return ordered, order


def starts_of(problem: Problem) -> TargetArray:
    """Return the first row of each run of the same example."""
    embeddings, targets = problem.embeddings, problem.targets
    is_same = (embeddings[1:] == embeddings[:-1]).all(axis=1) & (targets[1:] == targets[:-1])
    return np.flatnonzero(np.append(True, ~is_same))


def merged(problem: Problem, starts: TargetArray) -> Problem:
    """Return the problem with runs of the same example as one, which counts for as many."""
    if len(starts) == len(problem.targets):
        return problem
    given, hashes = problem.given_groups, problem.photo_hashes
    if given is not None:
        given = linked(given, problem.targets, starts)[starts]
    return replace(
        problem,
        embeddings=problem.embeddings[starts],
        targets=problem.targets[starts],
        weights=np.add.reduceat(problem.counted, starts),
        given_groups=given,
        photo_hashes=None if hashes is None else np.maximum.reduceat(hashes, starts),
    )


def _spread_out(
    held_out: HeldOut, starts: TargetArray, order: TargetArray, weights: DoubleArray | None
) -> HeldOut:
    """Return the same of the examples as they came: each of a run has its part of the evidence."""
    if len(starts) == len(order):
        return replace(held_out, rows=order[held_out.rows])
    counts = np.diff(np.append(starts, len(order)))[held_out.rows]
    which = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = order[starts[held_out.rows][which] + places]
    parts = np.ones(len(rows)) if weights is None else weights[rows]
    parts /= np.bincount(which, parts, len(counts))[which]
    return replace(
        held_out,
        rows=rows,
        targets=held_out.targets[which],
        probabilities=held_out.probabilities[which],
        shares=held_out.shares[which] * parts,
    )


def fit_auto(problem: Problem) -> Fit:
    """Fit the best head that the evidence allows: a sum of heads of several methods.

    Each has the factor that makes held-out examples the most believable. Where every class has
    `LOGISTIC_FROM` photos, and half as many as any other, or `LOGISTIC_ANYHOW`, it is that of
    logistic regression and discriminant analysis, otherwise of imprinting and the analysis: with
    very few photos mostly the former, with more the latter. Where no class has more than
    `FEW_PHOTOS`, held-out photos say too little of which to trust how far, and the two factors keep
    nearly the usual ratio. What is nearly one photo counts as one; where each class is one, in
    however many copies, nothing is held out, and the factors are those that are expected.
    """
    counts = problem.group_counts
    if len(problem.targets) == problem.n_classes:  # one example each: nothing varies within a class
        return combined(problem, [imprinted(problem)])
    if counts.min() < np.clip(counts.max() / 2, LOGISTIC_FROM, LOGISTIC_ANYHOW):
        candidates = [imprinted(problem), analysed(problem)]
        return combined(problem, candidates, tied=bool(counts.max() <= FEW_PHOTOS))
    return combined(problem, [regressed(problem), analysed(problem)])


def _alone(method: Callable[[Problem], Candidate]) -> Method:
    return lambda problem: combined(problem, [method(problem)])


METHODS: Final[dict[str, Method]] = {
    "auto": fit_auto,
    "imprint": _alone(imprinted),
    "lda": _alone(analysed),
    "logistic": _alone(regressed),
    "binary": fit_signs,
}
"""What `headfit.SoftmaxHead` takes as its method; a new one is a file and a row here."""
