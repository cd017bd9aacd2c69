"""Fine-tune an image classifier on the device: a frozen binary network, a softmax head."""

from __future__ import annotations

__version__ = "0.1.0"
