"""The native engine: an extractor run by headfit's own library of C."""

from headfit.engines.native.engine import NativeEngine

__all__ = ["NativeEngine"]
