"""The popcount engine: an extractor run by NumPy alone."""

from headfit.engines.popcount.engine import PopcountEngine

__all__ = ["PopcountEngine"]
