"""What is left out together: sums over groups."""

from __future__ import annotations

import time

import numpy as np
import pytest

from headfit.learning.held_out import sums_over_groups


def plain(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sums = np.zeros((groups.max() + 1, *values.shape[1:]), values.dtype)
    np.add.at(sums, groups, values)
    return sums[groups]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [(), (5,), (288,)])
@pytest.mark.parametrize("n_groups", [1, 7, 60, 300])
def test_sums_are_those_of_adding_one_by_one(
    dtype: type[np.floating], width: tuple[int, ...], n_groups: int
) -> None:
    """To the bit, so that heads keep theirs."""
    rng = np.random.default_rng(n_groups)
    values = rng.normal(size=(100, *width)).astype(dtype)
    _, groups = np.unique(rng.integers(0, n_groups, 100), return_inverse=True)
    kept = values.copy()
    sums = sums_over_groups(values, groups)
    assert sums.tobytes() == plain(values, groups).tobytes()
    assert sums.dtype == dtype
    assert values.tobytes() == kept.tobytes()


def test_groups_of_one_cost_next_to_nothing() -> None:
    """One photo more is fitted anew with all others, most of which are like no other."""
    values, groups = np.random.default_rng(0).normal(size=(2000, 288)), np.arange(2000)
    groups[-1] = 0

    def seconds(add: object) -> float:
        begun = time.process_time()
        add(values, groups)  # type: ignore[operator]
        return time.process_time() - begun

    pairs = [(seconds(sums_over_groups), seconds(plain)) for _ in range(5)]
    assert min(mine for mine, _ in pairs) < 0.7 * min(all_ for _, all_ in pairs)
