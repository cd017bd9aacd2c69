"""The paper's split in figures: the fixed binary part against the head in software."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import larq as lq
import numpy as np
import tensorflow as tf

from headfit import SoftmaxHead
from headfit_zoo.architectures import ARCHITECTURES, cut_top, summarise
from headfit_zoo.experiments import energy


@dataclass(frozen=True)
class Part:
    """What one photo costs in one part of the network.

    Attributes
    ----------
    multiply_adds, binary_multiply_adds : int
        Those with a float operand, and those between bits.
    weight_bytes : int
        Each is read once.
    activation_bytes : int
        Of every layer with weights: its input read once, its output written once. An input whose
        signs are taken is one bit a number.
    arithmetic_pj, memory_pj : float
        See `headfit_zoo.experiments.energy`.
    """

    multiply_adds: int
    binary_multiply_adds: int
    weight_bytes: int
    activation_bytes: int
    arithmetic_pj: float
    memory_pj: float

    @property
    def microjoules(self) -> float:
        """Energy in all."""
        return (self.arithmetic_pj + self.memory_pj) / 1e6


@dataclass(frozen=True)
class Split:
    """One network, cut before its head.

    Attributes
    ----------
    fixed : Part
        The extractor, its weights in memory on the chip.
    fixed_high : float
        The fixed part's microjoules with the higher figure for a binary multiply-add.
    head : Part
        The float head in software, its weights in DRAM.
    whole_float, whole_int8 : Part
        The float twin with its head, all weights in DRAM, as an app would bring it.
    app_bytes : mapping of str to int
        What one more app puts on the device, by what it ships.
    """

    fixed: Part
    fixed_high: float
    head: Part
    whole_float: Part
    whole_int8: Part
    app_bytes: Mapping[str, int]


def split_network(architecture: str, size: int, n_classes: int) -> Split:
    """Count a network and its float twin.

    Parameters
    ----------
    architecture : str
        A binary one of `headfit_zoo.architectures.ARCHITECTURES` that has a twin.
    size : int
        Height and width of the picture in pixels.
    n_classes : int
        Of one app.
    """
    extractor = cut_top(ARCHITECTURES[architecture](2, size))
    width = int(extractor.output_shape[-1])
    _, cost = summarise(ARCHITECTURES[architecture](2, size))
    traffic = _activation_bytes(extractor)
    fixed = _part(
        cost.multiply_adds,
        cost.binary_multiply_adds,
        cost.weight_bytes,
        traffic,
        energy.CHIP_MEMORY_PJ,
    )
    more = energy.BINARY_MULTIPLY_ADD_HIGH_PJ - energy.BINARY_MULTIPLY_ADD_PJ
    head_weights = (width + 1) * n_classes
    head = _part(width * n_classes, 0, 4 * head_weights, 4 * (width + n_classes), energy.DRAM_PJ)
    twin = cut_top(ARCHITECTURES[f"{architecture}_float"](2, size))
    _, twin_cost = summarise(ARCHITECTURES[f"{architecture}_float"](2, size))
    weights = twin_cost.parameters + head_weights
    products = twin_cost.multiply_adds + twin_cost.binary_multiply_adds + width * n_classes
    twin_traffic = _activation_bytes(twin) + head.activation_bytes
    whole_float = _part(products, 0, 4 * weights, twin_traffic, energy.DRAM_PJ)
    int8_arithmetic = products * energy.INT8_MULTIPLY_ADD_PJ
    int8_memory = weights * energy.DRAM_PJ + twin_traffic / 4 * energy.NEAR_MEMORY_PJ
    whole_int8 = Part(products, 0, weights, twin_traffic // 4, int8_arithmetic, int8_memory)
    with TemporaryDirectory() as folder:
        head_bytes = _head_bytes(width, n_classes, Path(folder))
    return Split(
        fixed,
        fixed.microjoules + cost.binary_multiply_adds * more / 1e6,
        head,
        whole_float,
        whole_int8,
        {
            **head_bytes,
            "float network": whole_float.weight_bytes,
            "int8 network": whole_int8.weight_bytes,
        },
    )


def _part(
    products: int, binary: int, weight_bytes: int, activation_bytes: int, weight_pj: float
) -> Part:
    arithmetic = products * energy.FLOAT_MULTIPLY_ADD_PJ + binary * energy.BINARY_MULTIPLY_ADD_PJ
    memory = weight_bytes * weight_pj + activation_bytes * energy.NEAR_MEMORY_PJ
    return Part(products, binary, weight_bytes, activation_bytes, arithmetic, memory)


def _activation_bytes(model: tf.keras.Model) -> int:
    """Return what the layers with weights read and write, batch norms fused into them."""
    total = 0
    for layer in model.layers:
        if not isinstance(layer, (tf.keras.layers.Conv2D, tf.keras.layers.DepthwiseConv2D)):
            continue
        takes_signs = isinstance(layer, lq.layers.QuantConv2D) and layer.input_quantizer is not None
        read, written = (
            int(np.prod(shape[1:])) for shape in (layer.input_shape, layer.output_shape)
        )
        total += (-(-read // 8) if takes_signs else 4 * read) + 4 * written
    return total


def _head_bytes(width: int, n_classes: int, folder: Path) -> dict[str, int]:
    """Return the lengths of head files of 20 examples a class: written, not estimated.

    What the examples are does not change them.
    """
    rng = np.random.default_rng(0)
    names = [f"class {number % n_classes:04}" for number in range(20 * n_classes)]
    embeddings = rng.normal(0, 1, (len(names), width)).astype(np.float32)
    lengths = {}
    head = SoftmaxHead(method="logistic", max_iterations=3).fit(embeddings, names)
    for storage in ("float32", "float16", "int8"):
        head.save(folder / storage, storage=storage)
        lengths[storage] = (folder / storage).stat().st_size
    SoftmaxHead(method="binary", max_iterations=3).fit(embeddings, names).save(folder / "binary")
    lengths["binary"] = (folder / "binary").stat().st_size
    return {f"head, {storage}": length for storage, length in lengths.items()}


PARTS: Final = ("fixed binary part", "float head", "float twin, whole", "int8 twin, whole")


def table_rows(split: Split) -> list[tuple[str, ...]]:
    """Return what each of `PARTS` costs for one photo, a row per kind of cost."""
    parts = (split.fixed, split.head, split.whole_float, split.whole_int8)
    rows: list[tuple[str, ...]] = [
        ("float multiply-adds, M", *(f"{part.multiply_adds / 1e6:.3f}" for part in parts)),
        ("binary multiply-adds, M", *(f"{part.binary_multiply_adds / 1e6:.1f}" for part in parts)),
        ("weights, kB", *(f"{part.weight_bytes / 1e3:,.1f}" for part in parts)),
        ("activations moved, kB", *(f"{part.activation_bytes / 1e3:,.1f}" for part in parts)),
        ("arithmetic, µJ", *(f"{part.arithmetic_pj / 1e6:,.2f}" for part in parts)),
        ("memory, µJ", *(f"{part.memory_pj / 1e6:,.2f}" for part in parts)),
    ]
    first, *rest = (f"{part.microjoules:,.2f}" for part in parts)
    rows.append(("in all, µJ", f"{first} to {split.fixed_high:,.2f}", *rest))
    return rows


def write_plot(splits: Mapping[str, Split], n_classes: int, path: Path) -> None:
    """Draw energy per photo, and the device's bytes as apps are added, for every network."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4 * len(splits)))
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(splits), 2, squeeze=False)
    for (name, split), (left, right) in zip(splits.items(), grid, strict=True):
        parts = (split.fixed, split.head, split.whole_int8, split.whole_float)
        names = ("binary part", "float head", "int8 twin", "float twin")
        for x, part in enumerate(parts):
            left.bar(x, part.microjoules, 0.6, color="C0" if x < 2 else "C7")
            left.text(x, part.microjoules * 1.3, f"{part.microjoules:,.3g}", ha="center")
        spread = [[0], [split.fixed_high - split.fixed.microjoules]]
        left.errorbar(0, split.fixed.microjoules, yerr=spread, color="k", capsize=4)
        left.set_yscale("log")
        left.set_ylim(0.3, split.whole_float.microjoules * 6)
        left.set_xticks(range(len(parts)), names)
        left.set_ylabel("energy a photo, µJ")
        left.set_title(name)
        apps = np.arange(1, 101)
        extractor = split.fixed.weight_bytes
        for label, size in split.app_bytes.items():
            ours = label.startswith("head")
            right.plot(
                apps,
                ((extractor if ours else 0) + apps * size) / 1e6,
                "-" if ours else "--",
                label=f"extractor and {label}" if ours else f"{label} each",
            )
        right.set_xscale("log")
        right.set_yscale("log")
        right.set_xlabel(f"apps of {n_classes} classes on one device")
        right.set_ylabel("MB on the device")
        right.legend(fontsize=8)
        right.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
