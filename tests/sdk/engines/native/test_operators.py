"""Every operator gives what popcount gives: binary ones to the bit, float ones but for rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.sdk.engines.native.conftest import every_kernels
from tests.sdk.engines.native.wasm import wasm_engine
from tests.sdk.engines.test_equality import convolution_cases, pool_cases
from tests.support.graphs import INT32, ConvolutionCase, GraphBuilder

from headfit.engines.native import NativeEngine
from headfit.engines.popcount import PopcountEngine
from headfit.networks.tflite import Graph

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "derandomize": True}
Draw = Callable[..., Any]


def check(network: bytes | Graph, image: NDArray[np.float32], tolerance: float = 0) -> None:
    """All kernels agree to the bit, and with popcount up to `tolerance` of the largest number.

    WebAssembly's are among them where node and ziglang are (`test_wasm.py` says so where not).
    """
    expected = PopcountEngine(network).run(image)
    first, *others = (NativeEngine(network, kernels).run(image) for kernels in every_kernels())
    if (wasm := wasm_engine()) is not None:
        others.append(wasm.run(network, image))
    for other in others:
        np.testing.assert_array_equal(first, other)
    if tolerance == 0:
        np.testing.assert_array_equal(first, expected)
    else:
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1e-30)
        np.testing.assert_allclose(first, expected, rtol=0, atol=tolerance * scale)


@settings(max_examples=200, **COMMON)
@given(convolution_cases())
def test_binary_convolutions(case: ConvolutionCase) -> None:
    check(case.model(), case.image())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=2500, **COMMON)
@given(convolution_cases())
def test_many_binary_convolutions(case: ConvolutionCase) -> None:
    check(case.model(), case.image())


@settings(max_examples=60, **COMMON)
@given(pool_cases())
def test_binary_max_pools(case: tuple[bytes, NDArray[np.float32]]) -> None:
    check(*case)


@pytest.mark.parametrize("channels", [64, 128, 512, 1600])
def test_long_sums(channels: int) -> None:
    """Windows longer than the narrow sums hold, all filter bits against all of the picture's."""
    for kernel in ((1, 1), (3, 3)):
        case = ConvolutionCase((5, 6), channels, kernel, 70, output="float32")
        check(case.model(), case.image())
        check(case.model(), -np.ones((1, 5, 6, channels), np.float32))


def test_fused_sums_and_signs() -> None:
    """A convolution, the sum with what came before and its signs are one step, read thrice."""
    rng = np.random.default_rng(0)
    builder = GraphBuilder(1, 6, 7, 40)
    x = 0
    for activation in (0, 1, 2, 3):
        packed = builder.add("LceQuantize", (x,), (1, 6, 7, 2), INT32)
        filters = rng.integers(0, 1 << 31, (40, 3, 3, 2), dtype=INT32)
        filters[..., 1] &= 255
        multiplier, bias = (
            builder.constant(rng.standard_normal(40).astype(np.float32)) for _ in range(2)
        )
        y = builder.binary_convolution(
            packed,
            filters,
            (multiplier, bias, -1),
            (1, 6, 7, 40),
            channels_in=40,
            fused_activation_function=1,
        )
        operands = (y, x) if activation % 2 else (x, y)
        x = builder.add("ADD", operands, (1, 6, 7, 40), fused_activation_function=activation)
    twice = builder.add("ADD", (y, x), (1, 6, 7, 40), fused_activation_function=0)
    check(builder.flat_graph(twice), rng.standard_normal((1, 6, 7, 40)).astype(np.float32))


sizes, small = st.integers(1, 9), st.integers(1, 3)
activations = st.integers(0, 3)
seeds = st.integers(0, 2**32 - 1)


def numbers(seed: int, *shape: int) -> NDArray[np.float32]:
    """Normal numbers, some of them zero."""
    rng = np.random.default_rng(seed)
    values: NDArray[np.float32] = rng.standard_normal(shape).astype(np.float32)
    values[rng.random(shape) < 0.1] = 0
    return values


def draw_window(draw: Draw, dilates: bool = True) -> tuple[dict[str, int], Any, Any, Any]:
    """Draw a window: options, picture, its size, the size of what comes out."""
    picture, kernel = (draw(sizes), draw(sizes)), (draw(small), draw(small))
    stride = (draw(small), draw(small))
    dilation = (draw(small), draw(small)) if dilates else (1, 1)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    fits = all(n >= r for n, r in zip(picture, reach, strict=True))
    padding = draw(st.sampled_from([0, 1] if fits else [0]))
    output = tuple(
        -(-n // s) if padding == 0 else (n - r) // s + 1
        for n, r, s in zip(picture, reach, stride, strict=True)
    )
    options = {
        "padding": padding,
        "stride_height": stride[0],
        "stride_width": stride[1],
        "fused_activation_function": draw(activations),
    }
    if dilates:
        options |= {"dilation_height_factor": dilation[0], "dilation_width_factor": dilation[1]}
    return options, picture, kernel, output


@settings(max_examples=120, **COMMON)
@given(st.data())
def test_convolutions(data: st.DataObject) -> None:
    options, picture, kernel, output = draw_window(data.draw)
    groups, depth = data.draw(small), data.draw(st.sampled_from([1, 3, 8, 40]))
    filters, seed = groups * data.draw(st.sampled_from([1, 5, 16, 19, 33])), data.draw(seeds)
    builder = GraphBuilder(1, *picture, groups * depth)
    weights = builder.constant(numbers(seed, filters, *kernel, depth))
    bias = builder.constant(numbers(seed + 1, filters)) if data.draw(st.booleans()) else -1
    y = builder.add("CONV_2D", (0, weights, bias), (1, *output, filters), **options)
    check(builder.flat_graph(y), numbers(seed + 2, 1, *picture, groups * depth), 1e-5)


@settings(max_examples=60, **COMMON)
@given(st.data())
def test_depthwise_convolutions(data: st.DataObject) -> None:
    options, picture, kernel, output = draw_window(data.draw)
    channels, multiple = data.draw(st.sampled_from([1, 7, 8, 17])), data.draw(small)
    seed, filters = data.draw(seeds), channels * multiple
    builder = GraphBuilder(1, *picture, channels)
    weights = builder.constant(numbers(seed, 1, *kernel, filters))
    bias = builder.constant(numbers(seed + 1, filters))
    options["depth_multiplier"] = multiple
    y = builder.add("DEPTHWISE_CONV_2D", (0, weights, bias), (1, *output, filters), **options)
    check(builder.flat_graph(y), numbers(seed + 2, 1, *picture, channels), 1e-5)


@settings(max_examples=60, **COMMON)
@given(st.data())
def test_pools(data: st.DataObject) -> None:
    options, picture, kernel, output = draw_window(data.draw, dilates=False)
    channels, seed = data.draw(st.sampled_from([1, 7, 8, 17])), data.draw(seeds)
    options |= {"filter_height": kernel[0], "filter_width": kernel[1]}
    name = data.draw(st.sampled_from(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
    builder = GraphBuilder(1, *picture, channels)
    y = builder.add(name, (0,), (1, *output, channels), **options)
    check(builder.flat_graph(y), numbers(seed, 1, *picture, channels), 1e-6)


@settings(max_examples=40, **COMMON)
@given(small, st.integers(1, 50), st.sampled_from([1, 5, 16, 40]), activations, seeds)
def test_dense(rows: int, depth: int, filters: int, activation: int, seed: int) -> None:
    builder = GraphBuilder(1, 1, rows, depth)
    operands = (0, builder.constant(numbers(seed, filters, depth)), -1)
    y = builder.add(
        "FULLY_CONNECTED",
        operands,
        (rows, filters),
        fused_activation_function=activation,
        weights_format=0,
        keep_num_dims=False,
    )
    check(builder.flat_graph(y), numbers(seed + 1, 1, 1, rows, depth), 1e-5)


@pytest.mark.parametrize("axes", [(1, 2), (1,), (3,), (0, 1, 2, 3), (-2, -1), (0,), ()])
@pytest.mark.parametrize("keep_dims", [False, True])
def test_means(axes: tuple[int, ...], keep_dims: bool) -> None:
    shape = (1, 3, 5, 11)
    over = {axis % 4 for axis in axes}
    output = tuple(1 if i in over else n for i, n in enumerate(shape))
    if not keep_dims:
        output = tuple(n for i, n in enumerate(shape) if i not in over)
    builder = GraphBuilder(*shape)
    operand = builder.constant(np.array(axes, INT32))
    y = builder.add("MEAN", (0, operand), output, keep_dims=keep_dims)
    check(builder.flat_graph(y), 1 + numbers(0, *shape), 1e-6)


@st.composite
def broadcast_shapes(draw: Draw) -> tuple[int, ...]:
    """Draw a shape that broadcasts to (1, 3, 2, 9), of any rank."""
    whole = (1, 3, 2, 9)
    shape = tuple(draw(st.sampled_from([1, n])) for n in whole)
    return shape[draw(st.integers(0, 4)) :]


@settings(max_examples=80, **COMMON)
@given(
    st.sampled_from(["ADD", "SUB", "MUL", "DIV"]),
    broadcast_shapes(),
    activations,
    st.booleans(),
    seeds,
)
def test_arithmetic(
    name: str, shape: tuple[int, ...], activation: int, swapped: bool, seed: int
) -> None:
    whole = (1, 3, 2, 9)
    builder = GraphBuilder(*whole)
    other = builder.constant(numbers(seed, *shape))
    operands = (other, 0) if swapped else (0, other)
    y = builder.add(name, operands, whole, fused_activation_function=activation)
    check(builder.flat_graph(y), numbers(seed + 1, *whole))


@settings(max_examples=40, **COMMON)
@given(broadcast_shapes(), broadcast_shapes(), seeds)
def test_comparison_and_choice(shape: tuple[int, ...], other: tuple[int, ...], seed: int) -> None:
    whole = (1, 3, 2, 9)
    builder = GraphBuilder(*whole)
    limit = builder.constant(numbers(seed, *shape))
    less = builder.add("LESS", (0, limit), whole, np.dtype("?"))
    value = builder.constant(numbers(seed + 1, *other))
    y = builder.add("SELECT_V2", (less, value, 0), whole)
    packed = builder.add("LceQuantize", (less,), (1, 3, 2, 1), INT32)
    signs = builder.add("LceDequantize", (packed,), whole)
    y = builder.add("ADD", (y, signs), whole, fused_activation_function=0)
    check(builder.flat_graph(y), numbers(seed + 2, *whole))


@pytest.mark.parametrize("slopes", [(9,), (1, 1, 9), (2, 9), (1,), (3, 2, 9)])
def test_prelu(slopes: tuple[int, ...]) -> None:
    builder = GraphBuilder(1, 3, 2, 9)
    y = builder.add("PRELU", (0, builder.constant(numbers(0, *slopes))), (1, 3, 2, 9))
    check(builder.flat_graph(y), numbers(1, 1, 3, 2, 9))


@pytest.mark.parametrize("name", ["RELU", "RELU_N1_TO_1", "RELU6", "ABS", "SQRT", "LOGISTIC"])
def test_elementwise(name: str) -> None:
    """Infinities and NaN travel on, as they do in NumPy."""
    image = 5 * numbers(0, 1, 3, 5, 9)
    image[0, 0, 0, :6] = [np.inf, -np.inf, np.nan, 0, -0.0, 1e-42]
    builder = GraphBuilder(1, 3, 5, 9)
    y = builder.add(name, (0,), (1, 3, 5, 9))
    check(builder.flat_graph(y), image, 1e-6 if name == "LOGISTIC" else 0)


@pytest.mark.parametrize("beta", [1.0, 0.5, 30.0])
@pytest.mark.parametrize("channels", [1, 10, 1000])
def test_softmax(beta: float, channels: int) -> None:
    builder = GraphBuilder(1, 1, 3, channels)
    y = builder.add("SOFTMAX", (0,), (1, 1, 3, channels), beta=beta)
    check(builder.flat_graph(y), numbers(0, 1, 1, 3, channels), 2e-6)


def test_exponential_over_its_whole_range() -> None:
    """Through the logistic function: relative errors of a few units in the last place."""
    image = np.linspace(-110, 110, 40001, dtype=np.float32).reshape(1, 1, 1, -1)
    builder = GraphBuilder(*image.shape)
    graph = builder.flat_graph(builder.add("LOGISTIC", (0,), image.shape))
    expected = 1 / (1 + np.exp(-image.ravel().astype(np.float64)))
    np.testing.assert_allclose(NativeEngine(graph).run(image), expected, rtol=5e-7, atol=1e-38)


@settings(max_examples=30, **COMMON)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=4))
def test_padding(widths: list[tuple[int, int]]) -> None:
    shape = (1, 2, 3, 4)
    padded = tuple(n + sum(width) for n, width in zip(shape, widths, strict=True))
    builder = GraphBuilder(*shape)
    operands = (
        0,
        builder.constant(np.array(widths, INT32)),
        builder.constant(np.array(-1.5, np.float32)),
    )
    y = builder.add("PADV2", operands, padded)
    y = builder.add(
        "PAD", (y, operands[1]), tuple(n + sum(w) for n, w in zip(padded, widths, strict=True))
    )
    check(builder.flat_graph(y), numbers(0, *shape))


@settings(max_examples=24, **COMMON)
@given(st.permutations(range(4)))
def test_transposes(order: list[int]) -> None:
    shape = (1, 3, 4, 5)
    builder = GraphBuilder(*shape)
    operand = builder.constant(np.array(order, INT32))
    y = builder.add("TRANSPOSE", (0, operand), tuple(shape[i] for i in order))
    check(builder.flat_graph(y), numbers(0, *shape))


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenations(axis: int) -> None:
    shape = (1, 3, 4, 5)
    builder = GraphBuilder(*shape)
    joined = list(shape)
    joined[axis] *= 3
    other = builder.constant(numbers(1, *shape))
    y = builder.add("CONCATENATION", (0, other, 0), tuple(joined), axis=axis)
    check(builder.flat_graph(y), numbers(0, *shape))


def test_nothing_but_the_picture() -> None:
    """A network without operators that compute returns what it got."""
    builder = GraphBuilder(1, 2, 3, 4)
    image = numbers(0, 1, 2, 3, 4)
    (actual,) = {NativeEngine(builder.flat_graph(0)).run(image).tobytes()}
    assert actual == image.tobytes()
    assert math.prod(image.shape) == 24
