"""The popcount engine: an extractor, or a part of one, run by NumPy alone."""

from headfit.engines.popcount.engine import PopcountEngine, Program

__all__ = ["PopcountEngine", "Program"]
