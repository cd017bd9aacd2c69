"""Extractors of headfit that do not come with it: what to do where one is missing."""

from __future__ import annotations

from typing import Final

TRAINED: Final = {
    "57ca10262445caed55c20c8b7ca7b10863456872e29d8b4327284c9b63e57025": "residual-mixture",
    "1504be6f3377a124cee7aee572efa233fae4ae4581913e4b9e733ac74e06eaa8": "residual-tiny-imagenet",
    "946025654a9a29ed95acf5eb4259b9f1c0e64954698ed30dd7a2f5271476bb88": "alexnet-64-mixture",
}
"""Of `model_zoo/trained`, by fingerprint: those that came with headfit before among them."""

PUBLISHED: Final = {
    "a0efe8d1bbfce740e81c0ef172f6a12d80b6dda7647aa3cafa95c34220525120": "resnet18-binary-imagenet",
}
"""Which are made of weights of others, by fingerprint."""


def install_command(name: str) -> str | None:
    """Return how an extractor of headfit's is installed by its name; None of another."""
    if name in PUBLISHED.values():
        return f"headfit-zoo install {name}"
    if name in TRAINED.values():
        file = f"model_zoo/trained/{name}/{name}.tflite"
        return f"headfit-zoo install {name} --from {file}, in headfit's sources"
    return None


def remedy(fingerprint: str) -> str:
    """Return what to do to open an extractor that is not the one at hand."""
    command = install_command({**TRAINED, **PUBLISHED}.get(fingerprint, ""))
    if command is None:
        return "open that extractor (headfit extractors lists those installed)"
    return f"install it ({command})"
