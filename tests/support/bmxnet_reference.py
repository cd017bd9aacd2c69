"""BMXNet's network in plain NumPy, and files in its format with random weights: the oracle."""

from __future__ import annotations

import struct

import numpy as np

EPSILON = 2e-5
Tensors = dict[str, np.ndarray]


def random_tensors(
    shapes: dict[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw a network: words of random bits, batch norms of either sign that split their input."""
    tensors = {}
    for name, shape in shapes.items():
        if len(shape) == 1 and ("_conv" in name or "_sc_" in name):
            tensors[name] = rng.integers(0, 2**32, shape, np.uint32).view(np.float32)
        elif name.endswith("_var"):
            tensors[name] = rng.uniform(20, 60, shape).astype(np.float32)
        elif name.endswith("_mean") and "stage" in name:
            # (dot + K) / 2 lies around K / 2; the streams of a stage sum two or three of them.
            tensors[name] = rng.normal(150, 8, shape).astype(np.float32)
        else:
            tensors[name] = rng.normal(0, 0.5, shape).astype(np.float32)
    return tensors


def write_params(tensors: Tensors) -> bytes:
    """Write MXNet's container."""
    parts = [struct.pack("<QQQ", 0x112, 0, len(tensors))]
    for array in tensors.values():
        parts.append(struct.pack(f"<I{array.ndim}I", array.ndim, *array.shape))
        parts.append(struct.pack("<iii", 1, 0, 0) + array.tobytes())
    parts.append(struct.pack("<Q", len(tensors)))
    for name in tensors:
        parts.append(struct.pack("<Q", len(name)) + name.encode())
    return b"".join(parts)


def unpack(words: np.ndarray, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Take the bits out of the words one by one, lowest first."""
    flat = [1 if int(word) >> bit & 1 else -1 for word in words.view("<u4") for bit in range(32)]
    return np.array(flat, np.float64).reshape(shape)


def convolve(x: np.ndarray, weights: np.ndarray, stride: int, pad: int, value: float) -> np.ndarray:
    """(channels, h, w) with (filters, channels, k, k)."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)), constant_values=value)
    windows = np.lib.stride_tricks.sliding_window_view(x, weights.shape[2:], (1, 2))
    return np.einsum("chwij,ocij->ohw", windows[:, ::stride, ::stride], weights)


def batch_norm(x: np.ndarray, tensors: Tensors, name: str) -> np.ndarray:
    gamma, beta, mean, variance = (
        tensors[key].astype(np.float64)[:, None, None]
        for key in (
            f"arg:{name}_gamma",
            f"arg:{name}_beta",
            f"aux:{name}_moving_mean",
            f"aux:{name}_moving_var",
        )
    )
    if name == "bn_data":
        gamma = np.ones_like(gamma)
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def binary_convolve(x: np.ndarray, tensors: Tensors, name: str, width: int, stride: int) -> object:
    kernel = 1 if name.endswith("_sc") else 3
    weights = unpack(tensors[f"arg:{name}_weight"], (width, len(x), kernel, kernel))
    dot = convolve(x, weights, stride, kernel // 2, 1.0)
    return (dot + len(x) * kernel * kernel) / 2


def sign(x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, 1.0, -1.0)


def stem(picture: np.ndarray, tensors: Tensors) -> np.ndarray:
    """From (3, h, w) to what the first stage sees."""
    x = batch_norm(picture.astype(np.float64), tensors, "bn_data")
    x = convolve(x, tensors["arg:conv0_weight"].astype(np.float64), 2, 3, 0.0)
    x = np.maximum(batch_norm(x, tensors, "bn0"), 0)
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2].max((3, 4))


def embed(picture: np.ndarray, tensors: Tensors, widths: tuple[int, ...]) -> np.ndarray:
    """From (3, h, w) to the embedding (widths[-1],)."""
    x = stem(picture, tensors)
    for stage, width in enumerate(widths, start=1):
        for unit in (1, 2):
            name = f"stage{stage}_unit{unit}"
            stride = 2 if stage > 1 and unit == 1 else 1
            active = sign(batch_norm(x, tensors, f"{name}_bn1"))
            y = binary_convolve(active, tensors, f"{name}_conv1", width, stride)
            y = sign(batch_norm(y, tensors, f"{name}_bn2"))
            y = binary_convolve(y, tensors, f"{name}_conv2", width, 1)
            if unit == 1:
                x = binary_convolve(active, tensors, f"stage{stage}_unit1_sc", width, stride)
            x = x + y
    return np.maximum(batch_norm(x, tensors, "bn1"), 0).mean((1, 2))
