"""Which head the evidence allows: every method of fitting by name, and "auto", which chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from headfit.learning.binary import fit_signs
from headfit.learning.candidate import Candidate, combined
from headfit.learning.imprint import imprinted
from headfit.learning.lda import analysed
from headfit.learning.logistic import COLD_UP_TO, FEW_PHOTOS, regressed
from headfit.learning.problem import Fit, Method, Problem
from headfit.maths.grid import Grid, canonical_order

LOGISTIC_FROM = 20
"""Photos of its smallest class from which "auto" takes logistic regression, not imprinting. Chosen
on 5 and 102 kinds of flowers, 15 of scenes and 40 of birds at 1 to 100 photos per class.
"""


def fit_head(problem: Problem) -> Fit:
    """Fit a head by the method that the settings name.

    The order of the examples does not matter, to the bit: they are rounded to a grid on which sums
    are exact, and sorted by class and content. Few numbers are fitted from zero, whatever the
    problem says of a start.

    Raises
    ------
    TrainingDivergedError
        If numbers leave float32.
    """
    grid = Grid.of(problem.embeddings)
    order = canonical_order(grid, problem.embeddings, problem.targets)
    embeddings = grid.rounded(problem.embeddings, order)
    is_few = embeddings.size * problem.n_classes <= COLD_UP_TO
    sorted_problem = replace(
        problem,
        embeddings=embeddings,
        targets=problem.targets[order],
        start=None if is_few else problem.start,
    )
    fit = METHODS[problem.settings.method](sorted_problem)
    return replace(fit, held_out=replace(fit.held_out, rows=order[fit.held_out.rows]))


def fit_auto(problem: Problem) -> Fit:
    """Fit the best head that the evidence allows: a sum of heads of several methods.

    Each has the factor that makes held-out examples the most believable. Where every class has
    `LOGISTIC_FROM` photos or more, it is that of logistic regression and discriminant analysis;
    where there are fewer examples than features, of which the analysis could tell little, of
    logistic regression and imprinting. Otherwise it is that of imprinting and the analysis: with
    very few photos mostly the former, with more the latter. Where no class has more than
    `FEW_PHOTOS` and none a single one, logistic regression is added to both.
    """
    counts = problem.counts
    methods: tuple[Callable[[Problem], Candidate], ...]
    if counts.max() == 1:  # nothing could say how far to trust each
        methods = (imprinted,)
    elif counts.min() >= 2 and counts.max() <= FEW_PHOTOS:
        methods = (imprinted, analysed, regressed)
    elif counts.min() < LOGISTIC_FROM:
        methods = (imprinted, analysed)
    elif len(problem.embeddings) > problem.embeddings.shape[1]:
        methods = (regressed, analysed)
    else:
        methods = (imprinted, regressed)
    return combined(problem, [method(problem) for method in methods])


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
