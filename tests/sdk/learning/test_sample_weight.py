"""A weight of 2 is the example twice, and one of 0 the example left out: to the bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from tests.sdk.learning.test_order import everything, examples

from headfit import InputError, Privacy, SoftmaxHead
from headfit.learning import METHODS


def weighted(
    counts: tuple[int, ...], seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.str_], npt.NDArray[np.int64]]:
    embeddings, names = examples(counts, seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(names))
    weights[np.unique(names, return_index=True)[1]] = 1
    return embeddings, names, weights


@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"l2": None}])
@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("counts", [(2, 3, 2), (9, 12, 7), (150, 120, 90)])
def test_a_weight_is_how_often_the_example_is_there(
    counts: tuple[int, ...], method: str, options: dict[str, object]
) -> None:
    if options == {"l2": None} and (method != "logistic" or max(counts) > 100):
        pytest.skip("only logistic regression chooses it, at some cost")
    embeddings, names, weights = weighted(counts)
    head = SoftmaxHead(method=method, **options).fit(  # type: ignore[arg-type]
        embeddings, names, weights
    )
    often = SoftmaxHead(method=method, **options).fit(  # type: ignore[arg-type]
        np.repeat(embeddings, weights, axis=0), np.repeat(names, weights)
    )
    one, two = everything(head.fitted_), everything(often.fitted_)
    assert one[:5] == two[:5]  # all but class_counts, which are of examples
    assert one[6] == two[6]
    assert sum(head.class_counts_) == np.count_nonzero(weights)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_weights_that_are_no_whole_numbers_lie_in_between(method: str) -> None:
    """What an example counts moves the head steadily, not in steps."""
    embeddings, names = examples((30, 30), 3)
    names[0] = "class 1"  # an outlier, that pulls
    weights = np.ones(60)
    pulls = []
    for weight in (1.0, 1.5, 2.0):
        weights[0] = weight
        head = SoftmaxHead(method=method).fit(embeddings, names, weights)
        pulls.append(float(head.predict_proba(embeddings[:1])[0, 1]))
    if method != "binary":  # signs turn, or do not
        assert pulls[0] < pulls[1] < pulls[2]


def test_a_class_of_no_weight_is_not_there() -> None:
    embeddings, names = examples((5, 5, 5), 1)
    weights = (names != "class 1").astype(float)
    head = SoftmaxHead().fit(embeddings, names, weights)
    assert head.classes_.tolist() == ["class 0", "class 2"]
    with pytest.raises(InputError, match="one class"):
        SoftmaxHead().fit(embeddings, names, (names == "class 0").astype(int))


def test_nothing_is_written_to() -> None:
    embeddings, names, weights = weighted((9, 9))
    before = weights.copy()
    SoftmaxHead().fit(embeddings, names, weights)
    np.testing.assert_array_equal(before, weights)


@pytest.mark.parametrize(
    "weights",
    [[1.0], [[1.0]] * 4, [1, 1, 1, -1], [1, 1, 1, np.nan], [0, 0, 0, 0], [1, 1, 1, 1e10],
     list("abcd")],
)  # fmt: skip
def test_weights_that_cannot_be_are_refused(weights: npt.ArrayLike) -> None:
    with pytest.raises(InputError, match="weight"):
        SoftmaxHead().fit(np.eye(4), list("abab"), weights)
    head = SoftmaxHead().fit(np.eye(4), list("abab"))
    with pytest.raises(InputError, match="weight"):
        head.score(np.eye(4), list("abab"), weights)


def test_a_private_head_takes_no_weights() -> None:
    """The noise is for examples that count one."""
    with pytest.raises(InputError, match="private"):
        SoftmaxHead().fit(np.eye(4), list("abab"), [1, 1, 1, 2], privacy=Privacy(1.0, 1e-5))
    with pytest.raises(InputError, match="private"):
        SoftmaxHead().fit(np.eye(4), list("abab"), groups=[1, 1, 2, 2], privacy=Privacy(1.0, 1e-5))
