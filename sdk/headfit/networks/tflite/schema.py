"""The numbers of the TFLite schema: tensor types, operators and the fields of their options.

From tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3; the tests compare every number
with the module generated from it. LCE's operators are from its tflite/kernels.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

IDENTIFIER: Final = b"TFL3"
VERSION: Final = 3
METADATA: Final = "TFLITE_METADATA"
"""Under this name a file says what it holds, for other programs."""
CUSTOM: Final = 32

SAME: Final = 0
VALID: Final = 1

NO_ACTIVATION: Final = 0
RELU: Final = 1
RELU_N1_TO_1: Final = 2
RELU6: Final = 3

ACTIVATION_RANGES: Final = {
    NO_ACTIVATION: (-math.inf, math.inf),
    RELU: (0.0, math.inf),
    RELU_N1_TO_1: (-1.0, 1.0),
    RELU6: (0.0, 6.0),
}
"""What each fused activation clamps to."""

DELEGATED: Final = "edgetpu-custom-op"
"""What Google's compiler for the Edge TPU makes of a network: only a delegate can run it."""

TENSOR_TYPES: Final[dict[int, np.dtype[np.generic]]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    2: np.dtype("<i4"),
    3: np.dtype("u1"),
    4: np.dtype("<i8"),
    6: np.dtype("?"),
    7: np.dtype("<i2"),
    9: np.dtype("i1"),
    10: np.dtype("<f8"),
}


class OptionField(NamedTuple):
    """One field of an options table, in the order of the schema."""

    name: str
    kind: str
    """A struct format; "*i" for a vector of int32."""
    default: float | bool | tuple[int, ...] = 0


class Builtin(NamedTuple):
    """One builtin operator."""

    name: str
    options_type: int
    """Number of its options in the union BuiltinOptions; 0 if it has none."""
    fields: tuple[OptionField, ...] = ()


_PADDING = OptionField("padding", "b")
_STRIDES = (OptionField("stride_width", "i"), OptionField("stride_height", "i"))
_ACTIVATION = OptionField("fused_activation_function", "b")
_DILATIONS = (
    OptionField("dilation_width_factor", "i", 1),
    OptionField("dilation_height_factor", "i", 1),
)
_BIAS_TYPE = OptionField("quantized_bias_type", "b")
_POOL = (
    _PADDING,
    *_STRIDES,
    OptionField("filter_width", "i"),
    OptionField("filter_height", "i"),
    _ACTIVATION,
)
_POT_SCALE = OptionField("pot_scale_int16", "?", True)
_AXIS = OptionField("axis", "i")
_CORNERS = (OptionField("align_corners", "?", False), OptionField("half_pixel_centers", "?", False))
_KEEP_DIMS = OptionField("keep_dims", "?", False)
_BLOCK = OptionField("block_size", "i")
_ASYMMETRIC = OptionField("asymmetric_quantize_inputs", "?", False)

BUILTINS: Final[dict[int, Builtin]] = {
    0: Builtin("ADD", 11, (_ACTIVATION, _POT_SCALE)),
    1: Builtin("AVERAGE_POOL_2D", 5, _POOL),
    2: Builtin("CONCATENATION", 10, (_AXIS, _ACTIVATION)),
    3: Builtin("CONV_2D", 1, (_PADDING, *_STRIDES, _ACTIVATION, *_DILATIONS, _BIAS_TYPE)),
    4: Builtin(
        "DEPTHWISE_CONV_2D",
        2,
        (_PADDING, *_STRIDES, OptionField("depth_multiplier", "i"), _ACTIVATION, *_DILATIONS),
    ),
    5: Builtin("DEPTH_TO_SPACE", 94, (_BLOCK,)),
    6: Builtin("DEQUANTIZE", 38),
    8: Builtin("FLOOR", 0),
    9: Builtin(
        "FULLY_CONNECTED",
        8,
        (
            _ACTIVATION,
            OptionField("weights_format", "b"),
            OptionField("keep_num_dims", "?", False),
            _ASYMMETRIC,
            _BIAS_TYPE,
        ),
    ),
    11: Builtin("L2_NORMALIZATION", 12, (_ACTIVATION,)),
    14: Builtin("LOGISTIC", 0),
    17: Builtin("MAX_POOL_2D", 5, _POOL),
    18: Builtin("MUL", 21, (_ACTIVATION,)),
    19: Builtin("RELU", 0),
    20: Builtin("RELU_N1_TO_1", 0),
    21: Builtin("RELU6", 0),
    22: Builtin("RESHAPE", 17, (OptionField("new_shape", "*i", ()),)),
    23: Builtin(
        "RESIZE_BILINEAR",
        15,
        (OptionField("new_height", "i"), OptionField("new_width", "i"), *_CORNERS),
    ),
    25: Builtin("SOFTMAX", 9, (OptionField("beta", "f"),)),
    26: Builtin("SPACE_TO_DEPTH", 19, (_BLOCK,)),
    28: Builtin("TANH", 0),
    34: Builtin("PAD", 22),
    36: Builtin("GATHER", 23, (_AXIS, OptionField("batch_dims", "i"))),
    37: Builtin("BATCH_TO_SPACE_ND", 24),
    38: Builtin("SPACE_TO_BATCH_ND", 25),
    39: Builtin("TRANSPOSE", 26),
    40: Builtin("MEAN", 27, (_KEEP_DIMS,)),
    41: Builtin("SUB", 28, (_ACTIVATION, _POT_SCALE)),
    42: Builtin("DIV", 29, (_ACTIVATION,)),
    43: Builtin("SQUEEZE", 30, (OptionField("squeeze_dims", "*i", ()),)),
    45: Builtin(
        "STRIDED_SLICE",
        32,
        (
            OptionField("begin_mask", "i"),
            OptionField("end_mask", "i"),
            OptionField("ellipsis_mask", "i"),
            OptionField("new_axis_mask", "i"),
            OptionField("shrink_axis_mask", "i"),
            OptionField("offset", "?", False),
        ),
    ),
    47: Builtin("EXP", 33),
    48: Builtin("TOPK_V2", 34),
    49: Builtin("SPLIT", 35, (OptionField("num_splits", "i"),)),
    50: Builtin("LOG_SOFTMAX", 36),
    53: Builtin("CAST", 37, (OptionField("in_data_type", "b"), OptionField("out_data_type", "b"))),
    54: Builtin("PRELU", 0),
    55: Builtin("MAXIMUM", 39),
    56: Builtin("ARG_MAX", 40, (OptionField("output_type", "b"),)),
    57: Builtin("MINIMUM", 39),
    58: Builtin("LESS", 41),
    59: Builtin("NEG", 42),
    60: Builtin("PADV2", 43),
    61: Builtin("GREATER", 44),
    62: Builtin("GREATER_EQUAL", 45),
    63: Builtin("LESS_EQUAL", 46),
    64: Builtin("SELECT", 47),
    65: Builtin("SLICE", 48),
    67: Builtin("TRANSPOSE_CONV", 49, (_PADDING, *_STRIDES, _ACTIVATION, _BIAS_TYPE)),
    69: Builtin("TILE", 51),
    70: Builtin("EXPAND_DIMS", 52),
    71: Builtin("EQUAL", 53),
    72: Builtin("NOT_EQUAL", 54),
    73: Builtin("LOG", 0),
    74: Builtin("SUM", 27, (_KEEP_DIMS,)),
    75: Builtin("SQRT", 0),
    76: Builtin("RSQRT", 0),
    77: Builtin("SHAPE", 55, (OptionField("out_type", "b"),)),
    78: Builtin("POW", 56),
    81: Builtin("REDUCE_PROD", 27, (_KEEP_DIMS,)),
    82: Builtin("REDUCE_MAX", 27, (_KEEP_DIMS,)),
    83: Builtin("PACK", 59, (OptionField("values_count", "i"), _AXIS)),
    84: Builtin("LOGICAL_OR", 60),
    86: Builtin("LOGICAL_AND", 62),
    87: Builtin("LOGICAL_NOT", 63),
    88: Builtin("UNPACK", 64, (OptionField("num", "i"), _AXIS)),
    89: Builtin("REDUCE_MIN", 27, (_KEEP_DIMS,)),
    90: Builtin("FLOOR_DIV", 65),
    92: Builtin("SQUARE", 66),
    94: Builtin("FILL", 68),
    95: Builtin("FLOOR_MOD", 72),
    96: Builtin("RANGE", 73),
    97: Builtin("RESIZE_NEAREST_NEIGHBOR", 74, _CORNERS),
    98: Builtin("LEAKY_RELU", 75, (OptionField("alpha", "f"),)),
    99: Builtin("SQUARED_DIFFERENCE", 76),
    100: Builtin("MIRROR_PAD", 77, (OptionField("mode", "b"),)),
    101: Builtin("ABS", 78),
    102: Builtin("SPLIT_V", 79, (OptionField("num_splits", "i"),)),
    105: Builtin("REVERSE_V2", 81),
    106: Builtin("ADD_N", 82),
    107: Builtin("GATHER_ND", 83),
    111: Builtin("ELU", 0),
    114: Builtin("QUANTIZE", 89),
    116: Builtin("ROUND", 0),
    117: Builtin("HARD_SWISH", 91),
    123: Builtin("SELECT_V2", 98),
    126: Builtin(
        "BATCH_MATMUL",
        101,
        (OptionField("adj_x", "?", False), OptionField("adj_y", "?", False), _ASYMMETRIC),
    ),
    130: Builtin("BROADCAST_TO", 104),
    150: Builtin("GELU", 116, (OptionField("approximate", "?", False),)),
    152: Builtin("RELU_0_TO_1", 0),
}

LCE_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "LceQuantize": (),
    "LceDequantize": (),
    "LceBconv2d": (
        "channels_in",
        "dilation_height_factor",
        "dilation_width_factor",
        "fused_activation_function",
        "pad_values",
        "padding",
        "stride_height",
        "stride_width",
    ),
    "LceBMaxPool2d": (
        "filter_height",
        "filter_width",
        "padding",
        "stride_height",
        "stride_width",
    ),
}
"""The custom operators of Larq Compute Engine and the options that each must have."""
