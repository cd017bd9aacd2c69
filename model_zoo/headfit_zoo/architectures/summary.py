"""What a network costs: shapes, parameters and multiply-adds of every layer, and its file."""

from __future__ import annotations

from dataclasses import dataclass

import larq as lq
import tensorflow as tf

from headfit_zoo.architectures.top import cut_top


@dataclass(frozen=True)
class Cost:
    """Of one layer, or of the whole network.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Of the output, without the batch.
    parameters, binary_parameters : int
        As Larq counts them: batch norm has two a channel, as after conversion; the second are
        those of the first that take one bit.
    multiply_adds, binary_multiply_adds : int
        For one picture: those with a float operand, and those between bits.
    weight_bytes : int
        Of all parameters, packed. The file is a few kilobytes longer.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    binary_parameters: int
    multiply_adds: int
    binary_multiply_adds: int
    weight_bytes: int


def summarise(model: tf.keras.Model) -> tuple[tuple[Cost, ...], Cost]:
    """Return the cost of every layer that has any, and their sum, without the classifier.

    Parameters
    ----------
    model : tf.keras.Model
        At a fixed input size, with a layer ``embedding``.
    """
    profile = lq.models.ModelProfile(cut_top(model))
    layers = [_cost(layer) for layer in profile.layer_profiles]
    return tuple(layer for layer in layers if layer.parameters), _cost(profile)


def _cost(profile: lq.models.LayerProfile) -> Cost:
    return Cost(
        name=profile.name,
        shape=tuple(profile.output_shape[1:]),
        parameters=profile.weight_count(),
        binary_parameters=profile.weight_count(1),
        multiply_adds=profile.op_count("mac", 32) or 0,
        binary_multiply_adds=profile.op_count("mac", 1) or 0,
        weight_bytes=profile.memory // 8,
    )
