"""An extractor out of an ONNX classifier: float32 of (1, height, width, 3) in, one vector out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from headfit.errors import ExtractorError
from headfit.networks import place as rules
from headfit.networks.cutting import check_picture, the_only
from headfit.networks.onnx import writing
from headfit.networks.onnx.model import FLOAT, OnnxModel, OnnxNode, constant_shape, count_unsound
from headfit.networks.onnx.quantised import Steps, steps_of, without_rounding
from headfit.networks.place import Place, Step

_PHOTO: Final = "headfit/photo"
_EMBEDDING: Final = "headfit/embedding"
_POOLINGS: Final = {"mean": "GlobalAveragePool", "max": "GlobalMaxPool"}
_CHANNELS_FIRST: Final = (
    *("Conv", "ConvTranspose", "QLinearConv", "ConvInteger", "FusedConv", "MaxPool", "AveragePool"),
    *("GlobalAveragePool", "GlobalMaxPool", "QLinearGlobalAveragePool", "QLinearAveragePool"),
    *("Reshape", "Flatten", "Resize", "BatchNormalization"),
)
"""What reads maps with channels first, or makes something else of them."""
_FLOATS: Final = ("float32", "float16", "float64")
_WHOLE: Final = ("uint8", "int8", "uint16", "int16")
_ROUNDING: Final = ("Quantize", "QLinear", "Integer", "QGemm")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a runtime found a tensor to be: its type, as ONNX Runtime names it, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def open_picture(model: OnnxModel) -> bool:
    """Whether a network leaves height or width open."""
    (taken,) = model.inputs
    return len(taken.shape) == 4 and None in taken.shape[1:]


def taken_size(model: OnnxModel, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return height and width of the picture that a network takes; `size` fills open lengths.

    Raises
    ------
    ExtractorError
        If it takes anything but one picture of three channels.
    """
    only = the_only(model.inputs)
    return check_picture(_input_shape(model, size), only.dtype)


def _input_shape(model: OnnxModel, size: tuple[int, int] | None) -> tuple[int, ...]:
    shape = list(model.inputs[0].shape)
    if len(shape) == 4:
        sides = (2, 3) if shape[1] == 3 else (1, 2)
        filled = {0: 1, **dict(zip(sides, size or (1, 1), strict=True))}
        shape = [filled.get(i, 0) if n is None else n for i, n in enumerate(shape)]
    return tuple(n or 0 for n in shape)


def runnable(model: OnnxModel) -> list[OnnxNode]:
    """Return the operators that come before any that headfit does not run."""
    missing: set[str] = set()
    kept = []
    for node in model.nodes:
        if node.strange or missing.intersection(node.inputs):
            missing.update(node.outputs)
        else:
            kept.append(node)
    return kept


def looked_into(model: OnnxModel, size: tuple[int, int]) -> tuple[bytes, list[str]]:
    """Return a network that gives every tensor that an operator makes, and their names."""
    nodes = runnable(model)
    names = [name for node in nodes for name in node.outputs if name]
    outputs = [writing.value(name) for name in names]
    return _written(model, nodes, size, outputs), names


def places(model: OnnxModel, seen: Mapping[str, Seen], pool: str = rules.AUTOMATIC) -> list[Place]:
    """Return every tensor that an operator makes, in order, and what it would become."""
    rules.check_pool(pool)
    exchanged: set[str] = set()
    for node in model.nodes:
        is_exchanged = node.kind in rules.TRANSPOSES or exchanged.intersection(node.inputs)
        if is_exchanged and node.kind not in _CHANNELS_FIRST:
            exchanged.update(node.outputs)
    steps = _single_steps(model, seen)
    return [
        _place(name, node, seen.get(name), pool, steps, is_exchanged=name in exchanged)
        for node in model.nodes
        for name in node.outputs
        if name
    ]


def choose(
    model: OnnxModel, seen: Mapping[str, Seen], at: str | None, pool: str = rules.AUTOMATIC
) -> int:
    """Return which of `places` is meant; see `headfit.networks.cutting.choose`."""
    found = places(model, seen, pool)
    if at is not None:
        return rules.named(found, at)
    if len(model.outputs) != 1:
        raise ExtractorError(
            f"expected a network with one output, found {len(model.outputs)}, as detectors have; "
            "choose a tensor of those that headfit cut --list shows, and name it with --at"
        )
    steps = rules.of_picture(
        [Step(node.kind, read, node.outputs) for node, read in without_rounding(model.nodes)],
        [value.name for value in model.inputs],
    )
    shapes = {name: one.shape for name, one in seen.items()}
    tensor = rules.before_classifier(steps, shapes, model.outputs[0], channels_last=False)
    order = [one.name for one in found]
    if tensor not in order:
        raise ExtractorError(
            "expected a network that computes something before its classifier, found a classifier "
            "of the picture itself; choose a network with layers before its last one"
        )
    i = order.index(tensor)
    rules.check_automatic(found[i], tensor != model.outputs[0])
    return i


def cut_onnx(
    model: OnnxModel, seen: Mapping[str, Seen], place: Place, pool: str, size: tuple[int, int]
) -> bytes:
    """Return the network up to a place.

    Raises
    ------
    ExtractorError
        If it holds weights that are no numbers, or operators that headfit does not run.
    """
    steps = _single_steps(model, seen)[place.name] if place.dtype in _WHOLE else None
    needed, nodes = {place.name, *(steps.names() if steps else ())}, []
    for node in reversed(model.nodes):
        if needed.intersection(node.outputs):
            if node.strange:
                raise ExtractorError(
                    f"{node.kind} cannot be run: {node.strange}; cut the network before it"
                )
            nodes.append(node)
            needed.update(node.inputs)
    nodes.reverse()
    for name in needed & model.weights.keys():
        _, n_bad = count_unsound(model.weights[name])
        if n_bad:
            raise ExtractorError(
                f"expected weights that are finite numbers, found {n_bad} in {name!r} that are "
                "not; its training diverged: choose another network"
            )
    assert place.embedding_dim is not None
    behind = _behind(place, seen[place.name], pool, steps)
    output = writing.value(_EMBEDDING, (1, place.embedding_dim))
    return _written(model, nodes, size, [output], needed, behind)


def is_rounded(model: OnnxModel) -> bool:
    """Whether layers are rounded to 8 bits."""
    return any(part in node.kind for node in model.nodes for part in _ROUNDING)


def _single_steps(model: OnnxModel, seen: Mapping[str, Seen]) -> dict[str, Steps]:
    """Return scale and zero point of the tensors that have one of each."""

    def is_one(name: str) -> bool:
        known = seen.get(name)
        if name in model.weights:
            return math.prod(constant_shape(model.weights[name])) == 1
        return known is not None and math.prod(known.shape) == 1

    found = steps_of(model.nodes)
    return {name: steps for name, steps in found.items() if all(map(is_one, steps.names()))}


def _place(
    name: str,
    node: OnnxNode,
    seen: Seen | None,
    pool: str,
    steps: Mapping[str, Steps],
    *,
    is_exchanged: bool,
) -> Place:
    if seen is None:
        return Place(name, (), "", None, node.strange or "it comes after what headfit does not run")
    if seen.dtype in _WHOLE and name not in steps:
        why = "whole numbers without one scale and zero point"
        return Place(name, seen.shape, seen.dtype, None, why)
    if seen.dtype not in _FLOATS and seen.dtype not in _WHOLE:
        return Place(name, seen.shape, seen.dtype, None, f"{seen.dtype} are no features")
    if len(seen.shape) < 2:
        return Place(name, seen.shape, seen.dtype, None, "it has fewer than 2 axes")
    if is_exchanged and len(seen.shape) == 4 and pool != "none":
        why = "its axes were exchanged; cut it before"
        return Place(name, seen.shape, seen.dtype, None, why)
    return rules.place(name, seen.shape, seen.dtype, pool, channels_last=False)


def _behind(place: Place, seen: Seen, pool: str, steps: Steps | None) -> list[bytes]:
    """Return what makes one vector of float32 of a tensor."""
    nodes: list[bytes] = []
    last = place.name

    def step(
        kind: str, *attributes: bytes, operands: Sequence[str] = (), output: str | None = None
    ) -> None:
        nonlocal last
        made = output or f"headfit/{kind.lower()}"
        nodes.append(writing.node(kind, [last, *operands], made, *attributes))
        last = made

    if steps is not None:
        step("DequantizeLinear", operands=steps.names())
    if seen.dtype != "float32":
        step("Cast", writing.whole("to", FLOAT))
    area = rules.area_of(place.shape, channels_last=False)
    if any(n > 1 for n in area) and pool in _POOLINGS:
        if len(place.shape) == 3:
            step("Transpose", writing.wholes("perm", (0, 2, 1)))
        step(_POOLINGS[pool])
    step("Flatten", writing.whole("axis", 1), output=_EMBEDDING)
    return nodes


def _written(
    model: OnnxModel,
    nodes: Sequence[OnnxNode],
    size: tuple[int, int],
    outputs: Sequence[bytes],
    needed: set[str] | None = None,
    behind: Sequence[bytes] = (),
) -> bytes:
    """Return a file of these operators, that takes a photo."""
    (taken,) = model.inputs
    shape = _input_shape(model, size)
    front: list[bytes] = []
    source = _PHOTO
    if shape[3] != 3:
        target = taken.name if taken.type_code == FLOAT else "headfit/exchanged"
        front.append(
            writing.node("Transpose", [source], target, writing.wholes("perm", (0, 3, 1, 2)))
        )
        source = target
    if taken.type_code != FLOAT:
        front.append(
            writing.node("Cast", [source], taken.name, writing.whole("to", taken.type_code))
        )
    elif source == _PHOTO:
        front.append(writing.node("Identity", [source], taken.name))
    return writing.model_file(
        model.version,
        model.opsets,
        [*front, *(one.raw for one in nodes), *behind],
        [raw for name, raw in model.weights.items() if needed is None or name in needed],
        [writing.value(_PHOTO, (1, *size, 3))],
        outputs,
    )
