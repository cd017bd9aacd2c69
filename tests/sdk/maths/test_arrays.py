"""What callers pass: a thing for each example, in their order, or an error; nothing is guessed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.stores import Source

from headfit import HeadfitError, HeadLearner, InputError, PublicView, SoftmaxHead
from headfit.photos import decode_image
from headfit.store import ExampleStore

X = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
NAMES = ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    "values",
    [dict(enumerate([1, 1, 2, 2])), {1, 2, 3, 4}, dict.fromkeys("abcd").keys(), "abcd"],
    ids=["mapping", "set", "keys", "text"],
)
def test_what_has_no_order_is_nobodys(values: Any) -> None:
    """The keys of ``{0: "video", 1: "video"}`` made a group of every example."""
    with pytest.raises(InputError, match="expected groups, one per example in their order"):
        SoftmaxHead().fit(X, NAMES, groups=values)
    with pytest.raises(InputError, match="expected groups"):
        HeadLearner().add_examples(X, NAMES, groups=values)
    with pytest.raises(InputError, match="expected photo hashes"):
        HeadLearner().add_examples(X, NAMES, photo_hashes=values)
    with pytest.raises(InputError, match="expected numbers"):
        HeadLearner().add_examples(X, NAMES, numbers=values)
    with pytest.raises(InputError, match="expected class names"):
        SoftmaxHead().fit(X, values)


def test_a_store_takes_no_mapping_of_hashes(tmp_path: Any) -> None:
    with ExampleStore.open(tmp_path / "store", Source(embedding_dim=8)) as store:
        with pytest.raises(InputError, match="expected photo hashes"):
            store.add_many(X, NAMES, photo_hashes=dict(enumerate([1, 2, 3, 4])))  # type: ignore[arg-type]
        assert store.n_samples == 0


def test_what_is_masked_is_refused() -> None:
    """NumPy hands out what lies under a mask, as if it were there: photos and groups, too."""
    groups = np.ma.masked_array([1, 1, 2, 2], mask=[False, True, False, False])
    photo = np.ma.masked_less(np.zeros((4, 4, 3), np.uint8), 1)
    public = np.ma.masked_array(X, mask=X < 0)
    for refused in (
        lambda: SoftmaxHead().fit(X, NAMES, groups=groups),
        lambda: decode_image(photo),
        lambda: PublicView.of(public, width=2),
    ):
        with pytest.raises(HeadfitError, match="masked"):
            refused()
    assert decode_image(np.ma.masked_array(photo.data, mask=False)).shape == (4, 4, 3)
