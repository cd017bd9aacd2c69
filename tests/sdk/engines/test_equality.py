"""All engines give the same: equal bits for LCE's operators, close embeddings for networks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.support.graphs import INT8, INT32, ConvolutionCase, GraphBuilder, convolution_model
from tests.support.networks import DATA, Network, assert_same_embedding

from headfit.engines import Engine, open_engine
from headfit.errors import EngineMissingError
from headfit.maths.bits import n_words
from headfit.networks.tflite import Quantization

LOWERED = ["litert", "tflite-runtime"]
NAMES = ["native", "lce", *LOWERED, "popcount"]


def _present(name: str) -> bool:
    try:
        open_engine((DATA / "maxpool.tflite").read_bytes(), name)
    except EngineMissingError:
        return False
    return True


PRESENT = [name for name in NAMES if _present(name)]


def test_engines_that_are_here() -> None:
    """Say aloud which engines this environment cannot compare."""
    missing = sorted(set(NAMES) - set(PRESENT))
    if missing:
        pytest.skip(f"not compared, for they are not installed: {', '.join(missing)}")


@pytest.mark.parametrize("name", PRESENT)
def test_networks(name: str, network: Network) -> None:
    """Whole networks: cosine at least 0.99999 and differences below 1e-4 of the range."""
    engine = open_engine(network.model, name)
    assert engine.name == name
    assert engine.version
    assert_same_embedding(engine.run(network.image), network.embedding)


def run(name: str, model: bytes, image: NDArray[np.float32]) -> NDArray[np.float32]:
    return open_engine(model, name).run(image)


def signs(words: list[int], channels: int, *shape: int) -> NDArray[np.float32]:
    """Unpack by hand: bit i of a word is value i, and a 1 bit is -1."""
    bits = [[-1.0 if word >> i & 1 else 1.0 for i in range(channels)] for word in words]
    return np.array(bits, np.float32).reshape(*shape, channels)


VECTORS = [
    (0, 1, 0, "float32", [-2.25, -1.25, -3.25, 0.75, 1.75, -2.25, -0.25, -1.25, -0.25]),
    (0, 0, 0, "float32", [-2.25, -1.25, -3.25, 0.75, 1.75, -3.25, -1.25, -1.25, -1.25]),
    (1, 0, 0, "float32", [1.75]),
    (0, 1, 1, "float32", [-1.25, -1.25, -1.25, 0.75, 1.75, -1.25, -0.25, -1.25, -0.25]),
    (0, 1, 2, "float32", [-1.75, -1.25, -1.75, -0.75, -0.75, -1.75, -0.75, -1.25, -0.75]),
    (0, 1, 0, "packed", [-1, -1, -1, 1, 1, -1, 1, -1, 1]),
    (0, 1, 0, "int8", [-6, -2, -10, 6, 10, -6, 2, -2, 2]),
]


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize(("padding", "pad_values", "activation", "output", "expected"), VECTORS)
def test_convolution_vectors(
    name: str, padding: int, pad_values: int, activation: int, output: str, expected: list[float]
) -> None:
    """Results of LCE 0.16 written down once, for two channels, one 3x3 filter."""
    case = ConvolutionCase(
        (3, 3),
        2,
        (3, 3),
        1,
        padding=padding,
        pad_values=pad_values,
        activation=activation,
        output=output,
    )
    model = convolution_model(
        case,
        np.array([2, 3, 0, 0, 1, 2, 3, 0, 1], INT32).reshape(1, 3, 3, 1),
        np.array([0.5], np.float32),
        np.array([-1.25], np.float32),
        np.array([8], INT32),
        Quantization((0.25,), (3,)),
    )
    image = signs([2, 3, 0, 1, 0, 2, 0, 1, 3], 2, 1, 3, 3)
    actual = run(name, model, image)
    if output == "int8":
        expected = [0.25 * (q - 3) for q in expected]
    np.testing.assert_array_equal(actual, np.array(expected, np.float32))


@pytest.mark.parametrize("name", PRESENT)
def test_sign_of_special_numbers(name: str) -> None:
    """Zeros and NaN become +1. Denormals, which LCE flushes, are out of contract."""
    image = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1, -1], np.float32)
    builder = GraphBuilder(1, 1, 1, 8)
    packed = builder.add("LceQuantize", (0,), (1, 1, 1, 1), INT32)
    model = builder.model(builder.add("LceDequantize", (packed,), (1, 1, 1, 8)))
    expected = [1, 1, 1, 1, 1, -1, 1, -1]
    np.testing.assert_array_equal(run(name, model, image.reshape(1, 1, 1, 8)), expected)


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("channels", [1, 31, 32, 33, 34, 64, 100])
def test_packing_keeps_every_channel(name: str, channels: int) -> None:
    """Quantise then dequantise is the sign, whether or not the last word is full."""
    image = np.random.default_rng(channels).standard_normal((1, 2, 3, channels)).astype(np.float32)
    builder = GraphBuilder(*image.shape)
    packed = builder.add("LceQuantize", (0,), (1, 2, 3, n_words(channels)), INT32)
    model = builder.model(builder.add("LceDequantize", (packed,), image.shape))
    np.testing.assert_array_equal(run(name, model, image), np.sign(image).ravel())


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize(
    ("scale", "zero_point", "plus", "minus"),
    [(0.1, -5, 5, -15), (0.005, 0, 127, -128), (3.0, 0, 0, 0), (0.4, 100, 103, 97)],
)
def test_dequantise_to_int8(
    name: str, scale: float, zero_point: int, plus: int, minus: int
) -> None:
    """The int8 of +1 and -1: zero point plus and minus round(1 / scale), saturated."""
    builder = GraphBuilder(1, 1, 1, 2)
    packed = builder.add("LceQuantize", (0,), (1, 1, 1, 1), INT32)
    quantization = Quantization((scale,), (zero_point,))
    output = builder.add("LceDequantize", (packed,), (1, 1, 1, 2), INT8, quantization)
    actual = run(name, builder.model(output), np.array([3, -3], np.float32).reshape(1, 1, 1, 2))
    stored = np.round(actual / np.float32(scale)) + zero_point
    assert stored.tolist() == [plus, minus]


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("zero_point", [-128, -5, 0, 127])
def test_quantise_from_int8(name: str, zero_point: int) -> None:
    """int8 is negative below its zero point."""
    builder = GraphBuilder(1, 1, 1, 256)
    quantization = Quantization((0.5,), (zero_point,))
    stored = builder.add("QUANTIZE", (0,), (1, 1, 1, 256), INT8, quantization)
    packed = builder.add("LceQuantize", (stored,), (1, 1, 1, 8), INT32)
    model = builder.model(builder.add("LceDequantize", (packed,), (1, 1, 1, 256)))
    levels = np.arange(-128, 128)
    image = ((levels - zero_point) * 0.5).astype(np.float32).reshape(1, 1, 1, 256)
    np.testing.assert_array_equal(run(name, model, image), np.where(levels < zero_point, -1, 1))


sizes = st.integers(1, 9)
small = st.integers(1, 3)


@st.composite
def convolution_cases(draw: Callable[..., object]) -> ConvolutionCase:
    """Draw convolutions that LCE's fast kernels accept and compute rightly."""
    picture = (draw(sizes), draw(sizes))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    dilation = (draw(small), draw(small))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    fits = all(n >= r for n, r in zip(picture, reach, strict=True))
    padding = draw(st.sampled_from([0, 1] if fits else [0]))
    output = draw(st.sampled_from(["float32", "packed", "int8"]))
    activation = 0 if output == "packed" else draw(st.integers(0, 3))
    # LCE pads with zero only for plain float output, and wrongly where the picture is too small.
    zero_padding = output == "float32" and activation == 0 and fits
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels = (
        32 * groups * draw(small)
        if groups > 1
        else draw(st.sampled_from([1, 2, 6, 31, 32, 33, 64, 70, 96, 130]))
    )
    return ConvolutionCase(
        picture=picture,
        channels=channels,
        kernel=kernel,
        filters=groups * draw(st.sampled_from([1, 3, 8, 21, 32, 35])),
        stride=(draw(small), draw(small)),
        dilation=dilation,
        padding=padding,
        pad_values=0 if padding == 1 else draw(st.sampled_from([0, 1] if zero_padding else [1])),
        activation=activation,
        groups=groups,
        output=output,
        int8_input=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def reference(case: ConvolutionCase) -> NDArray[np.float32]:
    """The convolution in the open: a loop over windows of +1, -1 and padding, in integers."""
    packed, multiplier, bias, thresholds = case.constants()
    per_group = case.channels // case.groups
    octets = np.ascontiguousarray(packed).view(np.uint8)
    filters = 1 - 2 * np.unpackbits(octets, axis=-1, count=per_group, bitorder="little").astype(int)
    x = case.image()
    if case.int8_input:
        # To steps of 0.0625 around zero: small negatives become 0, which is +1.
        x = np.where(np.abs(x / np.float32(0.0625)) < 0.5, 0, x)
    x = np.where(x < 0, -1, 1)[0]
    height, width = case.output_size()
    y = np.zeros((height, width, case.filters), int)
    pads = []
    for out, s, k, d, n in zip(
        (height, width), case.stride, case.kernel, case.dilation, case.picture, strict=True
    ):
        pads.append(max(0, (out - 1) * s + (k - 1) * d + 1 - n) // 2)
    outside = np.full(case.channels, case.pad_values)
    for i, j, a, b in np.ndindex(height, width, *case.kernel):
        row = i * case.stride[0] - pads[0] + a * case.dilation[0]
        column = j * case.stride[1] - pads[1] + b * case.dilation[1]
        inside = 0 <= row < case.picture[0] and 0 <= column < case.picture[1]
        values = (x[row, column] if inside else outside).reshape(case.groups, per_group)
        weights = filters[:, a, b].reshape(case.groups, -1, per_group)
        y[i, j] += np.einsum("gc,gfc->gf", values, weights).ravel()
    if case.output == "packed":
        return np.where((case.depth - y) / 2 > thresholds, -1, 1).astype(np.float32).ravel()
    clamps = [(-np.inf, np.inf), (0, np.inf), (-1, 1), (0, 6)]
    clamped = np.clip(y, *clamps[case.activation])
    return (clamped * multiplier.astype(float) + bias).astype(np.float32).ravel()


def check_case(case: ConvolutionCase) -> None:
    """The engines agree to the bit, and with plain arithmetic up to rounding.

    But for int8 exactly between two steps: the lowered network rounds to even, LCE on x86 away
    from zero.
    """
    model, image = case.model(), case.image()
    results = {name: run(name, model, image) for name in PRESENT}
    expected = reference(case)
    tied = np.zeros(expected.shape, bool)
    if case.output == "int8":
        tied = np.abs(expected / 0.375 % 1 - 0.5) < 1e-3
        expected = np.clip(np.round(expected / 0.375) - 5, -128, 127)
        actual = np.round(results["popcount"] / np.float32(0.375)) - 5
        np.testing.assert_allclose(actual, expected, atol=1)
    else:
        np.testing.assert_allclose(results["popcount"], expected, atol=1e-4 + 1e-6 * case.depth)
    for name in PRESENT:
        actual, known = results[name], results["popcount"].copy()
        if name in LOWERED:
            assert np.abs(actual - known)[tied].max(initial=0) <= 0.375
            known[tied] = actual[tied]
        np.testing.assert_array_equal(actual, known, err_msg=name)


COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "derandomize": True}


@settings(max_examples=60, **COMMON)
@given(convolution_cases())
def test_convolutions(case: ConvolutionCase) -> None:
    """Random convolutions of every kind."""
    check_case(case)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=2500, **COMMON)
@given(convolution_cases())
def test_many_convolutions(case: ConvolutionCase) -> None:
    """Random convolutions of every kind, thousands."""
    check_case(case)


def test_zero_padding_of_small_pictures() -> None:
    """Where the picture is smaller than the window LCE's fast kernels err; the others do not."""
    case = ConvolutionCase((2, 2), 32, (3, 3), 4, pad_values=0)
    for name in set(PRESENT) - {"lce"}:
        actual = run(name, case.model(), case.image())
        np.testing.assert_allclose(actual, reference(case), atol=1e-4)


@st.composite
def pool_cases(draw: Callable[..., object]) -> tuple[bytes, NDArray[np.float32]]:
    """Draw max poolings of packed bits."""
    picture, size = (draw(sizes), draw(sizes)), (draw(small), draw(small))
    stride = (draw(small), draw(small))
    fits = all(n >= k for n, k in zip(picture, size, strict=True))
    padding = draw(st.sampled_from([0, 1] if fits else [0]))
    channels = draw(st.sampled_from([1, 31, 32, 33, 70]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.standard_normal((1, *picture, channels)).astype(np.float32)
    output = tuple(
        -(-n // s) if padding == 0 else (n - k) // s + 1
        for n, k, s in zip(picture, size, stride, strict=True)
    )
    builder = GraphBuilder(*image.shape)
    packed = builder.add("LceQuantize", (0,), (1, *picture, n_words(channels)), INT32)
    pooled = builder.add(
        "LceBMaxPool2d",
        (packed,),
        (1, *output, n_words(channels)),
        INT32,
        filter_height=size[0],
        filter_width=size[1],
        padding=padding,
        stride_height=stride[0],
        stride_width=stride[1],
    )
    return builder.model(builder.add("LceDequantize", (pooled,), (1, *output, channels))), image


@settings(max_examples=30, **COMMON)
@given(pool_cases())
def test_max_pools(case: tuple[bytes, NDArray[np.float32]]) -> None:
    """Random poolings of packed bits agree to the bit."""
    results: dict[str, NDArray[np.float32]] = {name: run(name, *case) for name in PRESENT}
    for name in PRESENT:
        np.testing.assert_array_equal(results[name], results["popcount"], err_msg=name)


def test_engine_is_a_protocol() -> None:
    """Every engine here has what `Engine` promises."""
    for name in PRESENT:
        engine: Engine = open_engine((DATA / "maxpool.tflite").read_bytes(), name)
        assert engine.input_shape == (1, 24, 24, 3)
        assert engine.embedding_dim == 32
