"""Weights in a file beside the network: put inside, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.foreign import Foreign, weights_apart

from headfit import ExtractorError
from headfit.commands.main import main
from headfit.extractors.onnx_weights import with_weights
from headfit.networks.onnx import read_onnx
from headfit.networks.onnx.wire import read_fields, write_bytes, write_field, write_number

MODEL = Foreign("classifier", "onnx").model


def moved(folder: Path, *, location: str = "net.onnx.data", missing: int = 0) -> bytes:
    """Return the classifier, its weights in a file of `folder`."""
    written, data = weights_apart(MODEL, location)
    (folder / "net.onnx.data").write_bytes(data[: len(data) - missing])
    return written


def test_they_are_put_inside(tmp_path: Path) -> None:
    apart = moved(tmp_path)
    with pytest.raises(ExtractorError, match="expected a network in one file"):
        read_onnx(apart)
    expected, found = read_onnx(MODEL), read_onnx(with_weights(apart, tmp_path))
    assert found.nodes == expected.nodes
    assert found.weights == {
        name: b"".join(map(write_field, sorted(read_fields(raw), key=lambda one: one.tag)))
        for name, raw in expected.weights.items()
    }
    assert with_weights(MODEL, tmp_path) == MODEL


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExtractorError, match=r"net.onnx.data: expected \d+ bytes of weights"):
        with_weights(moved(tmp_path, missing=1), tmp_path)
    apart = moved(tmp_path)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(ExtractorError, match="the file net.onnx.data beside the network"):
        with_weights(apart, tmp_path)


@pytest.mark.parametrize(
    "location", ["/etc/hostname", "../x", "a/../../x", "C:\\x", "..\\x", "", "a\0b"]
)
def test_no_other_file_of_the_machine_is_read(location: str, tmp_path: Path) -> None:
    with pytest.raises(ExtractorError, match="in a file of the network's own folder"):
        with_weights(moved(tmp_path, location=location), tmp_path)


def test_the_command_finds_them(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "net.onnx").write_bytes(moved(tmp_path))
    out = tmp_path / "eye.onnx"
    own = ["--mean", "127.5", "--std", "127.5"]
    assert main(["cut", str(tmp_path / "net.onnx"), "-o", str(out), *own]) == 0
    (tmp_path / "net.onnx.data").unlink()
    assert main(["cut", str(tmp_path / "net.onnx"), "--list"]) == 4


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "1.5", "x", "²", "١"])
def test_numbers_that_are_none_are_refused(number: str, tmp_path: Path) -> None:
    """Those of five thousand digits, which `int` refuses in its own way, among them."""
    (tmp_path / "net.onnx.data").write_bytes(bytes(64))
    with_weights(_with_length("64"), tmp_path)
    with pytest.raises(ExtractorError):
        with_weights(_with_length(number), tmp_path)


def _with_length(number: str) -> bytes:
    """Return the classifier with all weights in a file, of such a length."""
    constant = b"".join(
        (
            write_bytes(13, write_bytes(1, "location") + write_bytes(2, "net.onnx.data")),
            write_bytes(13, write_bytes(1, "length") + write_bytes(2, number)),
            write_number(14, 1),
        )
    )
    return write_bytes(7, write_bytes(5, constant))
