"""Photos become the same integers wherever and beside whatever they are projected."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headfit.errors import InputError
from headfit.pooling import Projection
from headfit.pooling.projection import GRID, MAX_INPUT
from headfit.privacy.public_view import PublicView

from .conftest import WIDTH, photos


def made(width: int) -> Projection:
    public = photos(1, 60).embeddings
    view = PublicView.plain(WIDTH, 4.0) if width == WIDTH else PublicView.of(public, width)
    return Projection.of(view, float(public.max()))


def by_fractions(projection: Projection, embedding: np.ndarray) -> list[int]:
    """The specification, step by step, in exact arithmetic."""
    unit = Fraction(2) ** projection.unit_exponent
    inputs = [round(Fraction(float(e)) / unit) for e in embedding]
    inputs = [max(-MAX_INPUT, min(MAX_INPUT, x)) for x in inputs]
    differences = [x - int(c) for x, c in zip(inputs, projection.centre, strict=True)]
    matrix = projection.directions
    if matrix.ndim == 1:
        sums = [d * int(m) for d, m in zip(differences, matrix, strict=True)]
    else:
        sums = [
            sum(d * int(m) for d, m in zip(differences, column, strict=True)) for column in matrix.T
        ]
    scale = Fraction(2) ** projection.scale_exponent
    points = [max(-MAX_INPUT, min(MAX_INPUT, round(s / scale))) for s in sums]
    squares = sum(p * p for p in points)
    if squares > GRID**2:
        factor = GRID / math.sqrt(squares)
        points = [math.trunc(p * factor) for p in points]
    return points


@pytest.mark.parametrize("width", [3, WIDTH])
@given(seed=st.integers(0, 10_000), size=st.floats(1e-3, 1e9))
def test_it_is_what_exact_arithmetic_gives(width: int, seed: int, size: float) -> None:
    """Of whatever size; larger ones than can be are limited."""
    embeddings = (photos(seed, 4).embeddings * size).astype(np.float32)
    projection = made(width)
    expected = [by_fractions(projection, embedding) for embedding in embeddings]
    assert expected == projection.projected(embeddings).tolist()


@pytest.mark.parametrize("width", [3, WIDTH])
def test_what_is_beside_a_photo_does_not_matter(width: int) -> None:
    """One by one, all at once, in another order, by columns."""
    embeddings, projection = photos(3, 200).embeddings, made(width)
    whole = projection.projected(embeddings)
    singly = np.concatenate([projection.projected(row[np.newaxis]) for row in embeddings])
    np.testing.assert_array_equal(singly, whole)
    np.testing.assert_array_equal(projection.projected(np.asfortranarray(embeddings)), whole)
    np.testing.assert_array_equal(projection.projected(embeddings[::-1])[::-1], whole)


@pytest.mark.parametrize("width", [3, WIDTH])
def test_nothing_is_longer_than_one(width: int) -> None:
    points = made(width).projected(photos(4, 500).embeddings * np.float32(40))
    squares = np.square(points).sum(axis=1)
    assert squares.max() <= GRID**2
    assert squares.max() > (0.99 * GRID) ** 2


@pytest.mark.parametrize("width", [3, WIDTH])
def test_unfolded_heads_say_the_same(width: int) -> None:
    """Of embeddings that are not shortened, but for the grid."""
    embeddings, projection = photos(5, 200).embeddings, made(width)
    lengths = np.square(projection.projected(embeddings)).sum(axis=1)
    embeddings = embeddings[lengths < (0.99 * GRID) ** 2]
    assert len(embeddings) > 5
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(width, 3)), rng.normal(size=3)
    seen = projection.projected(embeddings) / GRID
    unfolded_weights, unfolded_bias = projection.unfold(weights, bias)
    np.testing.assert_allclose(
        seen @ weights + bias, embeddings @ unfolded_weights + unfolded_bias, atol=5e-3
    )


def test_it_is_the_public_view() -> None:
    """On a finer grid than photos differ by."""
    public = photos(1, 60).embeddings
    view = PublicView.of(public, 3)
    seen = Projection.of(view, float(public.max())).projected(public) / GRID
    np.testing.assert_allclose(view.seen(public), seen, atol=2 / GRID)


@pytest.mark.parametrize("largest", [0.0, math.inf, math.nan, 1e-30, 1e30])
def test_sizes_that_are_none_are_refused(largest: float) -> None:
    with pytest.raises(InputError):
        Projection.of(PublicView.plain(4, 1.0), largest)
