"""Reading .tflite files: what the format says, and nothing else gets through."""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.support.graphs import FLOAT, INT32, ConvolutionCase, GraphBuilder
from tests.support.networks import DATA, Network

from headfit.engines.popcount import PopcountEngine
from headfit.errors import ExtractorError
from headfit.networks.lowering import lower, lower_graph
from headfit.networks.tflite import Graph, Operator, Tensor, read_graph, write_graph
from headfit.networks.tflite.flexbuffer import read_int_map
from headfit.networks.tflite.schema import BUILTINS, TENSOR_TYPES

BCONV_OPTIONS = bytes.fromhex(
    "6368616e6e656c735f696e0064696c6174696f6e5f6865696768745f666163746f720064696c6174696f6e5f"
    "77696474685f666163746f720066757365645f61637469766174696f6e5f66756e6374696f6e007061645f76"
    "616c7565730070616464696e67007374726964655f686569676874007374726964655f776964746800088277"
    "614c3329221508010828010100000001010404040404040404102401"
)
POOL_OPTIONS = bytes.fromhex(
    "70616464696e67007374726964655f7769647468007374726964655f6865696768740066696c7465725f7769"
    "6474680066696c7465725f68656967687400050f1d412d3b050105030300020204040404040a2401"
)


def test_options_as_the_converter_writes_them() -> None:
    """LCE's own bytes, written down once."""
    assert read_int_map(BCONV_OPTIONS) == {
        "channels_in": 40,
        "dilation_height_factor": 1,
        "dilation_width_factor": 1,
        "fused_activation_function": 0,
        "pad_values": 0,
        "padding": 0,
        "stride_height": 1,
        "stride_width": 1,
    }
    assert read_int_map(POOL_OPTIONS) == {
        "filter_height": 3,
        "filter_width": 3,
        "padding": 0,
        "stride_height": 2,
        "stride_width": 2,
    }


@pytest.mark.parametrize("options", [{"a": 1}, {"a": 300, "b": -7}, {"x": 2**40, "y": 0}])
def test_options_of_every_width(options: dict[str, int]) -> None:
    """What the flatbuffers library writes is what we read."""
    flexbuffers = pytest.importorskip("flatbuffers.flexbuffers")
    assert read_int_map(bytes(flexbuffers.Dumps(options))) == options


@pytest.mark.parametrize("data", [BCONV_OPTIONS, POOL_OPTIONS])
def test_damaged_options(data: bytes) -> None:
    """Cut or changed anywhere, options are read or refused; nothing else happens."""
    for end in range(len(data)):
        with pytest.raises(ExtractorError):
            read_int_map(data[:end] + b"\0\xff" if end % 2 else data[:end])
    for position in range(len(data)):
        for value in (0, 1, 127, 255):
            mutant = bytearray(data)
            mutant[position] = value
            try:
                read_int_map(bytes(mutant))
            except ExtractorError:
                continue


def test_numbers_of_the_schema() -> None:
    """Every number and default is that of the module generated from the schema."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    operators = vars(schema.BuiltinOperator)
    unions = vars(schema.BuiltinOptions)
    for code, builtin in BUILTINS.items():
        assert operators[builtin.name] == code
        if not builtin.options_type:
            assert not builtin.fields
            continue
        (union,) = [n for n, value in unions.items() if value == builtin.options_type]
        options = getattr(schema, union + "T")()
        named = [name for name in vars(options) if name != "quantSpec"]
        if builtin.name == "RESIZE_BILINEAR":  # two fields that the schema has withdrawn
            named = ["new_height", "new_width", *named]
        assert len(builtin.fields) == len(named), builtin.name
        for field, name in zip(builtin.fields, named, strict=True):
            assert field.name.replace("_", "") == name.replace("_", "").lower().replace(
                "stridew", "stridewidth"
            ).replace("strideh", "strideheight").replace("dilationwf", "dilationwidthf").replace(
                "dilationhf", "dilationheightf"
            ), builtin.name
            default = getattr(options, name, 0)
            assert field.default == (() if default is None else default), (builtin.name, name)
    types = {
        value: name.lower() for name, value in vars(schema.TensorType).items() if name[0] != "_"
    }
    for code, dtype in TENSOR_TYPES.items():
        assert types[code] == dtype.name


def test_written_is_read(network: Network) -> None:
    """Writing what was read changes nothing, and equal graphs give equal bytes."""
    graph = read_graph(network.model)
    model = write_graph(graph)
    again = read_graph(model)
    assert again.operators == graph.operators
    assert (again.inputs, again.outputs) == (graph.inputs, graph.outputs)
    for new, old in zip(again.tensors, graph.tensors, strict=True):
        assert (new.name, new.shape, new.dtype) == (old.name, old.shape, old.dtype)
        assert new.quantization == old.quantization
        np.testing.assert_array_equal(new.data, old.data)
    assert write_graph(again) == model
    np.testing.assert_array_equal(
        PopcountEngine(model).run(network.image), PopcountEngine(network.model).run(network.image)
    )


def test_constants_are_views() -> None:
    """Reading copies no weights."""
    data = (DATA / "alexnet.tflite").read_bytes()
    tracemalloc.start()
    graph = read_graph(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert graph.operators
    assert peak < len(data)


@pytest.fixture(scope="module")
def case() -> bytes:
    return ConvolutionCase((4, 4), 32, (3, 3), 8).model()


def refused(model: bytes) -> str:
    """Return the reason for which both the reader and the engine refuse a file."""
    with pytest.raises(ExtractorError) as caught:
        PopcountEngine(model)
    return str(caught.value)


@pytest.mark.parametrize("model", [b"", b"TFL3", b"\x08\0\0\0TFL3", bytes(100), b"PK\3\4" * 50])
def test_other_files(model: bytes) -> None:
    assert "no usable .tflite" in refused(model)


def test_truncation_anywhere(case: bytes) -> None:
    """Cut after any byte, a file is refused: the root table points past the end."""
    for end in range(len(case)):
        refused(case[:end])


def _change(model: bytes, change: Callable[[Graph], Graph]) -> bytes:
    return write_graph(change(read_graph(model)))


def _with_operator(graph: Graph, i: int, **changes: object) -> Graph:
    operators = list(graph.operators)
    operators[i] = replace(operators[i], **changes)
    return replace(graph, operators=tuple(operators))


def _with_tensor(graph: Graph, i: int, **changes: object) -> Graph:
    tensors = list(graph.tensors)
    tensors[i] = replace(tensors[i], **changes)
    return replace(graph, tensors=tuple(tensors))


def test_a_cycle(case: bytes) -> None:
    """An operator that reads its own output, or a later one's, is refused."""
    assert "before anything has written it" in refused(
        _change(case, lambda g: _with_operator(g, 0, inputs=g.operators[0].outputs))
    )
    assert "before anything has written it" in refused(
        _change(case, lambda g: replace(g, operators=g.operators[::-1]))
    )


def test_indices_out_of_range(case: bytes) -> None:
    assert "name tensor 99 of" in refused(_change(case, lambda g: replace(g, outputs=(99,))))
    assert "name tensor -2 of" in refused(
        _change(case, lambda g: _with_operator(g, 0, inputs=(-2,)))
    )
    assert "name tensor -1 of" in refused(
        _change(case, lambda g: _with_operator(g, 0, outputs=(-1,)))
    )


def test_written_twice(case: bytes) -> None:
    assert "already written" in refused(
        _change(case, lambda g: _with_operator(g, 1, outputs=g.operators[0].outputs))
    )


@pytest.mark.parametrize(
    "shape", [(1, 4, 4, -32), (1, 0, 4, 32), (1, 2**30, 2**30, 32), (2**31 - 1,) * 8, (1,) * 9]
)
def test_absurd_shapes(case: bytes, shape: tuple[int, ...]) -> None:
    """Shapes without elements, or with too many, are refused before anything is allocated."""
    model = _change(case, lambda g: _with_tensor(g, 0, shape=shape))
    tracemalloc.start()
    refused(model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_shapes_that_contradict_operators(case: bytes) -> None:
    """Every activation's shape must be what its operator makes."""
    graph = read_graph(case)
    for i, tensor in enumerate(graph.tensors):
        if tensor.data is None and i:
            wrong = (*tensor.shape[:-1], tensor.shape[-1] + 1)
            refused(write_graph(_with_tensor(graph, i, shape=wrong)))


def test_constants_of_another_length(case: bytes) -> None:
    model = _change(
        case,
        lambda g: replace(
            g,
            tensors=tuple(
                Tensor(t.name, (*t.shape[:-1], t.shape[-1] + 1), t.dtype, t.data)
                if t.data is not None
                else t
                for t in g.tensors
            ),
        ),
    )
    assert "bytes, expected" in refused(model)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("channels_in", 0),
        ("channels_in", 33),
        ("channels_in", -(2**40)),
        ("stride_height", 0),
        ("stride_width", 2**40),
        ("dilation_width_factor", -1),
        ("padding", 2),
        ("pad_values", 5),
        ("fused_activation_function", 4),
    ],
)
def test_absurd_options(case: bytes, option: str, value: int) -> None:
    assert "LceBconv2d cannot be run" in refused(
        _change(
            case,
            lambda g: _with_operator(g, 1, options={**g.operators[1].options, option: value}),
        )
    )


def test_unknown_custom_operator(case: bytes) -> None:
    """A custom operator that is not LCE's is named, and what to do."""
    assert "custom operator 'LceQuantizf' is not known" in refused(
        case.replace(b"LceQuantize", b"LceQuantizf")
    )


def test_unknown_builtin_operator() -> None:
    """An operator outside our table is named by its number."""
    builder = GraphBuilder(1, 1, 1, 4)
    model = builder.model(builder.add("ABS", (0,), (1, 1, 1, 4)))
    mutant = model.replace(struct.pack("<ii", 101, 1), struct.pack("<ii", 110, 1))
    if mutant == model:
        mutant = model.replace(struct.pack("<i", 101), struct.pack("<i", 110))
    assert "operator number 110" in refused(mutant)


def test_operators_that_popcount_does_not_run() -> None:
    builder = GraphBuilder(1, 1, 1, 4)
    model = builder.model(builder.add("TANH", (0,), (1, 1, 1, 4)))
    read_graph(model)
    assert "does not know the operators TANH" in refused(model)


@pytest.mark.parametrize("activation", [1, 2, 3, 4, -1])
def test_an_activation_fused_into_a_concatenation_is_refused(activation: int) -> None:
    """TFLite's kernel refuses it, LiteRT leaves it out, and popcount and native once applied it."""
    builder = GraphBuilder(1, 1, 1, 4)
    options = {"axis": 3, "fused_activation_function": activation}
    model = builder.model(builder.add("CONCATENATION", (0, 0), (1, 1, 1, 8), **options))
    with pytest.raises(ExtractorError, match="an activation is fused into CONCATENATION"):
        read_graph(model)


def test_networks_that_are_no_extractor() -> None:
    """Two inputs, integer input, several pictures, or a map for an output are refused."""
    a, b = Tensor("a", (1, 2, 2, 3), FLOAT), Tensor("b", (1, 2, 2, 3), FLOAT)
    total = Tensor("total", (1, 2, 2, 3), FLOAT)
    add = Operator("ADD", (0, 1), (2,))
    assert "has 2 and 1" in refused(write_graph(Graph((a, b, total), (add,), (0, 1), (2,))))
    twice = Operator("ADD", (0, 0), (1,))
    assert "returns shape (1, 2, 2, 3)" in refused(
        write_graph(Graph((a, total), (twice,), (0,), (1,)))
    )
    one = GraphBuilder(1, 1, 1, 1)
    number = one.graph(one.add("RESHAPE", (0,), ()))
    assert "returns shape ()" in refused(write_graph(number))
    whole = replace(a, dtype=INT32)
    assert "takes int32" in refused(write_graph(Graph((whole, total), (twice,), (0,), (1,))))


@pytest.mark.parametrize("name", ["LceQuantize", "LceBMaxPool2d", "LceDequantize"])
def test_a_single_number_has_no_channels(name: str) -> None:
    """Such mutants ended in an IndexError."""
    builder = GraphBuilder(1, 1, 1, 1)
    options = {"filter_height": 1, "filter_width": 1, "padding": 1}
    options |= {"stride_height": 1, "stride_width": 1}
    x = builder.add("RESHAPE", (0,), (), FLOAT if name == "LceQuantize" else INT32)
    dtype = FLOAT if name == "LceDequantize" else INT32
    graph = builder.flat_graph(builder.add(name, (x,), (), dtype, **options))
    for run in (PopcountEngine, lower_graph):
        with pytest.raises(ExtractorError, match="cannot be run"):
            run(graph)


def mutants(data: bytes, count: int, seed: int) -> list[bytes]:
    """Damage a file: bytes, words that may be offsets or lengths, pieces moved or cut."""
    rng = np.random.default_rng(seed)
    edges = [0, 1, 2, 4, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, len(data)]
    made = []
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            position = int(rng.integers(0, len(mutant)))
            kind = rng.integers(0, 5)
            if kind == 0:
                mutant[position] = int(rng.integers(0, 256))
            elif kind == 1:
                value = (
                    int(rng.choice(edges)) if rng.random() < 0.5 else int(rng.integers(0, 2**32))
                )
                mutant[position : position + 4] = struct.pack("<I", value)
            elif kind == 2:
                mutant[position] ^= 1 << int(rng.integers(0, 8))
            elif kind == 3:
                other = int(rng.integers(0, len(mutant)))
                length = int(rng.integers(1, 64))
                mutant[position : position + length] = mutant[other : other + length]
            else:
                del mutant[position : position + int(rng.integers(1, 16))]
        made.append(bytes(mutant))
    return made


def check_mutants(data: bytes, count: int, seed: int) -> None:
    """Each mutant is refused with an ExtractorError, or opened and run, within seconds."""
    refusals = 0
    for mutant in mutants(data, count, seed):
        start = time.process_time()
        try:
            engine = PopcountEngine(mutant)
            engine.run(np.zeros(engine.input_shape, np.float32))
        except ExtractorError:
            refusals += 1
        assert time.process_time() - start < 5
    assert 0.1 * count < refusals < count


@pytest.mark.parametrize("seed", range(2))
def test_mutants(case: bytes, seed: int) -> None:
    """Some thousand damaged files."""
    check_mutants(case, 1000, seed)


def test_mutants_are_lowered_or_refused(case: bytes) -> None:
    """Nor does a damaged file get through the lowering, which native runtimes stand behind."""
    lowered = 0
    for mutant in mutants(case, 1000, 2):
        try:
            read_graph(lower(mutant))
            lowered += 1
        except ExtractorError:
            continue
    assert 0 < lowered < 900


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["bitpacked", "maxpool", "quicknet", "zero_padded", "residual"])
def test_many_mutants(name: str) -> None:
    """Ten thousand damaged files of each of five real networks, in bounded memory."""
    resource = pytest.importorskip("resource")  # not on Windows
    data = (DATA / f"{name}.tflite").read_bytes()
    check_mutants(data, 100, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    check_mutants(data, 10_000, 1)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 512 * 1024
