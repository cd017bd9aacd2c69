"""What every engine promises, and the checks that all of them share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from headfit.errors import ExtractorError, InputError
from headfit.maths.arrays import FloatArray


class Engine(Protocol):
    """Something that runs one extractor. All engines give the same embedding for a picture."""

    @property
    def name(self) -> str:
        """Which engine this is: "lce", "litert", "popcount", ..."""

    @property
    def version(self) -> str:
        """Version of the library that does the work."""

    @property
    def side_by_side(self) -> bool:
        """Whether several threads may run it at the same time."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what `run` takes: (1, height, width, channels)."""

    @property
    def embedding_dim(self) -> int:
        """Length of what `run` returns."""

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once.

        Parameters
        ----------
        image : ndarray of shape (1, height, width, channels), dtype float32
            A prepared picture.

        Returns
        -------
        ndarray of shape (embedding_dim,), dtype float32

        Raises
        ------
        InputError
            If `image` has another shape or dtype than the extractor's input.
        ExtractorError
            If the engine fails.
        """


def check_signature(
    inputs: Sequence[tuple[Sequence[int], object]], outputs: Sequence[tuple[Sequence[int], object]]
) -> tuple[tuple[int, ...], int]:
    """Check that a network is an extractor: one picture in, one embedding out, both float32.

    Parameters
    ----------
    inputs, outputs : sequence of (shape, dtype)
        As the interpreter states them.

    Returns
    -------
    input_shape : tuple of int
        (1, height, width, channels).
    embedding_dim : int

    Raises
    ------
    ExtractorError
        If the network has another signature.
    """
    if len(inputs) != 1 or len(outputs) != 1:
        raise ExtractorError(
            f"an extractor has one input and one output; this network has {len(inputs)} and "
            f"{len(outputs)}. Cut it at the tensor wanted: headfit cut."
        )
    (input_shape, input_dtype), (output_shape, output_dtype) = inputs[0], outputs[0]
    for what, dtype in (("takes", input_dtype), ("returns", output_dtype)):
        if np.dtype(dtype) != np.float32:  # type: ignore[call-overload]
            raise ExtractorError(
                f"an extractor {what} float32; this network {what} {np.dtype(dtype)}. "  # type: ignore[call-overload]
                "Convert it with float32 input and output."
            )
    shape = tuple(int(n) for n in input_shape)
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        raise ExtractorError(
            f"an extractor takes one picture of shape (1, height, width, channels); "
            f"this network takes {shape}. Convert it with batch size 1 and a fixed picture size."
        )
    returned = tuple(int(n) for n in output_shape)
    embedding_dim = math.prod(returned)
    if embedding_dim < 1 or returned[-1:] != (embedding_dim,):
        raise ExtractorError(
            f"an extractor returns one vector; this network returns shape {returned}. Cut it after "
            "its pooling: headfit cut."
        )
    return shape, embedding_dim


def check_input(image: FloatArray, input_shape: tuple[int, ...]) -> None:
    """Refuse anything but a float32 array of `input_shape`.

    Raises
    ------
    InputError
        If shape or dtype differ.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.float32:
        found = getattr(image, "dtype", type(image).__name__)
        raise InputError(f"the extractor takes a float32 array, found {found}; use prepare_input")
    if image.shape != input_shape:
        raise InputError(
            f"the extractor takes shape {input_shape}, found {image.shape}; use prepare_input"
        )
