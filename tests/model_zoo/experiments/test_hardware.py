"""The split in figures: counted by hand once, consistent everywhere, drawn and printed."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from headfit_zoo.architectures import ARCHITECTURES, residual
from headfit_zoo.commands.main import app
from headfit_zoo.experiments import energy
from headfit_zoo.experiments.hardware import split_network

TINY = {"widths": (8, 32), "blocks": (1, 1)}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks small enough to count by hand."""
    monkeypatch.setitem(ARCHITECTURES, "residual", partial(residual.build, **TINY))
    monkeypatch.setitem(
        ARCHITECTURES, "residual_float", partial(residual.build, binary=False, **TINY)
    )


def test_a_network_counted_by_hand() -> None:
    """Two stages, 8 channels at 8 x 8 and 32 at 4 x 4 for a picture of 32 px, 10 classes."""
    split = split_network("residual", 32, 10)
    binary = 9 * (64 * 8 * 8 + 16 * 32 * 32)
    stem = 256 * 27 * 16 + 64 * 9 * 16 + 64 * 16 * 8
    transition = 16 * 8 * 32
    assert split.fixed.binary_multiply_adds == binary
    assert split.fixed.multiply_adds == stem + transition
    assert split.head.multiply_adds == 40 * 10
    assert split.head.weight_bytes == 4 * 41 * 10
    floats = {  # read, written; signs are read as bits
        "stem_conv": 4 * 32 * 32 * 3 + 4 * 256 * 16,
        "stem_depthwise": 4 * 256 * 16 + 4 * 64 * 16,
        "stem_pointwise": 4 * 64 * 16 + 4 * 64 * 8,
        "block1": 64 * 8 // 8 + 4 * 64 * 8,
        "transition": 4 * 16 * 8 + 4 * 16 * 32,
        "block2": 16 * 32 // 8 + 4 * 16 * 32,
    }
    assert split.fixed.activation_bytes == sum(floats.values())
    arithmetic = (
        stem + transition
    ) * energy.FLOAT_MULTIPLY_ADD_PJ + binary * energy.BINARY_MULTIPLY_ADD_PJ
    assert split.fixed.arithmetic_pj == pytest.approx(arithmetic)
    assert split.whole_float.multiply_adds == binary + stem + transition + 400
    assert split.fixed.microjoules < split.fixed_high < split.whole_int8.microjoules


def test_the_bytes_of_an_app_are_in_order() -> None:
    """A head is smaller the fewer bits it has; ten times the classes take nearly as much more."""
    few, many = (split_network("residual", 32, n_classes).app_bytes for n_classes in (8, 80))
    ours = [many[f"head, {name}"] for name in ("float32", "float16", "int8", "binary")]
    assert ours == sorted(ours, reverse=True)
    assert many["head, float32"] > 4 * 41 * 80
    assert 4 < many["head, float32"] / few["head, float32"] < 10
    assert many["float network"] == 4 * many["int8 network"]


def test_the_command_prints_and_draws(tmp_path: Path) -> None:
    plot = tmp_path / "split.png"
    runner = CliRunner()
    done = runner.invoke(app, ["split", "residual", "--classes", "5", "--plot", str(plot)])
    assert done.exit_code == 0, done.output
    assert "One app of 5 classes ships" in done.output
    with Image.open(plot) as picture:
        assert np.asarray(picture.convert("L")).std() > 10
    as_json = json.loads(runner.invoke(app, ["split", "residual", "--json"]).output)
    assert as_json["residual"]["head"]["multiply_adds"] == 40 * 20
    assert "| weights, kB |" in runner.invoke(app, ["split", "residual", "--markdown"]).output
    wrong = runner.invoke(app, ["split", "quicknet"])
    assert "expected a network of" in str(wrong.exception)
