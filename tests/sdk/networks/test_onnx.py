"""ONNX files: read to the end without the package onnx, cut, and refused where they are odd."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.foreign import DATA, Foreign

from headfit.errors import ExtractorError
from headfit.networks.onnx import is_onnx, read_onnx
from headfit.networks.onnx.cutting import Seen, cut_onnx, looked_into, places, taken_size
from headfit.networks.onnx.wire import (
    read_fields,
    read_numbers,
    write_bytes,
    write_field,
    write_number,
)
from headfit.networks.tflite import read_graph

NAMES = ["classifier", "any_size", "channels_last", "half_input", "flattened"]
MODEL = (DATA / "classifier.onnx").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read(name: str) -> None:
    model = Foreign(name, "onnx").model
    assert is_onnx(model)
    read = read_onnx(model)
    assert len(read.inputs) == len(read.outputs) == 1
    assert {node.kind for node in read.nodes} >= {"Conv", "Relu"}
    assert "w1" in read.weights


def test_a_tflite_is_no_onnx_and_the_other_way_round() -> None:
    assert not is_onnx(Foreign("float32").model)
    assert not is_onnx(b"")
    with pytest.raises(ExtractorError, match="expected a .tflite, found an ONNX file"):
        read_graph(MODEL)


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=300), st.integers(1, 2**20))
def test_fields_written_are_read(number: int, data: bytes, tag: int) -> None:
    first, second = read_fields(write_number(tag, number) + write_bytes(tag, data))
    assert (first.tag, first.whole()) == (tag, number)
    assert (second.tag, second.message()) == (tag, data)
    assert read_numbers(first) == [number]


def test_truncation_anywhere() -> None:
    """Cut off at any byte, it is refused, or lacks a whole node and is refused for that."""
    for end in range(0, len(MODEL), 7):
        with pytest.raises(ExtractorError):
            read_onnx(MODEL[:end])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutants_are_read_or_refused(data: st.DataObject) -> None:
    mutant = bytearray(MODEL)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutant) - 1))
        mutant[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        read = read_onnx(bytes(mutant))
        looked_into(read, (24, 32))
        taken_size(read, (24, 32))
    except ExtractorError:
        pass


def test_every_field_is_written_as_it_was_read() -> None:
    fixed = b"\x0d" + bytes(4) + b"\x09" + bytes(8)
    for message in (MODEL, fixed, write_number(3, -1)):
        assert b"".join(map(write_field, read_fields(message))) == message


def rebuilt(change: bytes, *, tag: int = 1) -> bytes:
    """Return a network to whose graph a field was added."""
    parts = []
    for field in read_fields(MODEL):
        if field.tag == 7:
            parts.append(write_bytes(7, field.data + write_bytes(tag, change)))
        elif field.kind == 0:
            parts.append(write_number(field.tag, field.whole()))
        else:
            parts.append(write_bytes(field.tag, field.data))
    return b"".join(parts)


def tensor(name: str, *fields: bytes, values: int = 0) -> bytes:
    raw = write_bytes(9, bytes(4 * values)) if values else b""
    return write_number(1, 2) + write_number(2, 1) + write_bytes(8, name) + raw + b"".join(fields)


def node(kind: str, source: str, target: str, *fields: bytes) -> bytes:
    ends = write_bytes(1, source) + write_bytes(2, target)
    return ends + write_bytes(4, kind) + b"".join(fields)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (rebuilt(tensor("far", write_number(14, 1)), tag=5), "the weights 'far' lie in another"),
        (rebuilt(tensor("short", values=1), tag=5), "'short' has 4 bytes, expected 8"),
        (rebuilt(tensor("w1", values=2), tag=5), "two constants are named 'w1'"),
        (rebuilt(node("Relu", "nothing", "more")), "reads 'nothing', which nothing has made"),
        (rebuilt(node("Relu", "map", "map")), "makes 'map', which is there already"),
        (rebuilt(write_bytes(1, "lost"), tag=12), "the output 'lost' is made by nothing"),
        (rebuilt(b"", tag=15), "stored sparsely"),
        (b"\x08\x63" + MODEL[2:], "version 99"),
    ],
)
def test_files_that_break_the_format(model: bytes, reason: str) -> None:
    with pytest.raises(ExtractorError, match=reason):
        read_onnx(model)


def test_what_headfit_does_not_run_is_cut_off_or_named() -> None:
    """Operators of others' domains, and those that hold another graph: a detector's loops."""
    loop = node(
        "Loop", "map", "boxes", write_bytes(5, write_bytes(1, "body") + write_bytes(6, b""))
    )
    foreign = node("Magic", "map", "more", write_bytes(7, "com.example"))
    seen = {"map": Seen("float32", (1, 24, 6, 8))}
    for strange, reason in ((loop, "it holds another graph"), (foreign, "domain 'com.example'")):
        read = read_onnx(rebuilt(strange))
        _, names = looked_into(read, (24, 32))
        assert "map" in names
        assert not {"boxes", "more"} & set(names)
        by_name = {one.name: one for one in places(read, seen)}
        assert by_name["map"].embedding_dim == 24
        with pytest.raises(ExtractorError, match=reason):
            cut_onnx(read, seen, places(read, seen)[-1], "mean", (24, 32))


def test_weights_that_are_no_numbers() -> None:
    read = read_onnx(MODEL)
    whole = np.frombuffer(
        next(f.data for f in read_fields(read.weights["w1"]) if f.tag == 9), "<f4"
    )
    broken = read_onnx(MODEL.replace(whole.tobytes(), np.full_like(whole, np.nan).tobytes()))
    seen = {"map": Seen("float32", (1, 24, 6, 8))}
    by_name = {one.name: one for one in places(broken, seen)}
    with pytest.raises(ExtractorError, match="finite numbers, found 432 in 'w1'"):
        cut_onnx(broken, seen, by_name["map"], "mean", (24, 32))
