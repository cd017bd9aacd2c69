"""The steps of a plan, as the library reads them: `sdk/native/src/plan.h` in ctypes.

A plan is such structs one after another. Places in memory are numbers on one line: first the
constants, then the picture, then the arena.
"""

from __future__ import annotations

from ctypes import Structure, c_float, c_int32, c_uint32, c_uint64
from typing import Any, ClassVar, Final

VERSION: Final = 1
"""Of these structs; a library of another version is not used."""
NOWHERE: Final = (1 << 64) - 1
LANES: Final = 32
"""Filters in a block of a binary convolution."""
FLOAT_LANES: Final = 16
DIMS: Final = 4

FLOAT, BYTE, BITS = 0, 1, 2
POOL_MAX, POOL_AVERAGE, POOL_BITS = 0, 1, 2
ADD, SUBTRACT, MULTIPLY, LESS, SELECT, PRELU, DIVIDE = range(7)
CLAMP, ABSOLUTE, LOGISTIC, QUANTIZE, DEQUANTIZE, SQUARE_ROOT = range(6)

_Dims = c_int32 * DIMS


class Window(Structure):
    """Where a window slides; see `headfit.networks.operators.windows`."""

    _fields_ = [
        (name, c_int32)
        for name in (
            *("in_h", "in_w", "out_h", "out_w", "size_h", "size_w", "stride_h", "stride_w"),
            *("dilation_h", "dilation_w", "before_h", "before_w"),
        )
    ]


class Step(Structure):
    """What every step begins with: its kind, and how many bytes it has."""

    _fields_ = [("kind", c_uint32), ("bytes", c_uint32)]
    KIND: ClassVar[int]

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields, kind=self.KIND)
        self.bytes = len(bytes(self))


def _places(*names: str) -> list[Any]:
    return [(name, c_uint64) for name in names]


def _numbers(*names: str) -> list[Any]:
    return [(name, c_int32) for name in names]


def _floats(*names: str) -> list[Any]:
    return [(name, c_float) for name in names]


class Pack(Step):
    """The bits of x below a limit."""

    KIND = 0
    _fields_ = [*_places("x", "y", "rows"), *_numbers("channels", "type", "limit", "unused")]


class Unpack(Step):
    """One number for a 0 bit, another for a 1 bit."""

    KIND = 1
    _fields_ = [*_places("x", "y", "rows"), *_numbers("channels", "type", "plus", "minus")]


class BinaryConvolution(Step):
    """LceBconv2d, a sum with another array after it, and the signs of that."""

    KIND = 2
    _fields_ = [
        *_places("x", "y", "filters", "multiplier", "bias", "limits"),
        *_places("correction", "residual", "signs", "scratch"),
        *_floats("low", "high", "sum_low", "sum_high"),
        ("window", Window),
        *_numbers("words", "groups", "group_filters", "type"),
    ]


class Convolution(Step):
    """CONV_2D and FULLY_CONNECTED."""

    KIND = 3
    _fields_ = [
        *_places("x", "y", "filters", "bias", "scratch"),
        *_floats("low", "high"),
        ("window", Window),
        *_numbers("depth", "groups", "group_filters", "unused"),
    ]


class DepthwiseConvolution(Step):
    """DEPTHWISE_CONV_2D."""

    KIND = 4
    _fields_ = [
        *_places("x", "y", "filters", "bias"),
        *_floats("low", "high"),
        ("window", Window),
        *_numbers("channels", "multiple"),
    ]


class Pool(Step):
    """MAX_POOL_2D, AVERAGE_POOL_2D and LceBMaxPool2d."""

    KIND = 5
    _fields_ = [
        *_places("x", "y"),
        *_floats("low", "high"),
        ("window", Window),
        *_numbers("channels", "pooling"),
    ]


class Mean(Step):
    """The mean over the middle one of three axes."""

    KIND = 6
    _fields_ = _places("x", "y", "outer", "count", "inner")


class Broadcast(Step):
    """An operator of two or three arrays, element by element."""

    KIND = 7
    _fields_ = [
        *_places("a", "b", "c", "y"),
        ("dims", _Dims),
        ("a_strides", _Dims),
        ("b_strides", _Dims),
        ("c_strides", _Dims),
        *_floats("low", "high"),
        *_numbers("operation", "unused"),
    ]


class Map(Step):
    """An operator of one array, element by element."""

    KIND = 8
    _fields_ = [
        *_places("x", "y", "n"),
        *_floats("low", "high", "scale"),
        *_numbers("zero", "mapping", "unused"),
    ]


class Softmax(Step):
    """SOFTMAX by rows."""

    KIND = 9
    _fields_ = [*_places("x", "y", "rows"), *_numbers("channels"), *_floats("beta")]


class Copy(Step):
    """Elements from one arrangement to another."""

    KIND = 10
    _fields_ = [
        *_places("x", "y"),
        ("dims", _Dims),
        ("x_strides", _Dims),
        ("y_strides", _Dims),
        *_numbers("element", "unused"),
    ]


class Fill(Step):
    """The same word everywhere."""

    KIND = 11
    _fields_ = [*_places("y", "n"), *_numbers("value", "unused")]
