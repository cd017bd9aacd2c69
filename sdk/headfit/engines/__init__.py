"""What runs an extractor's flatbuffer; the engines give equal embeddings."""

from headfit.engines.choice import open_engine
from headfit.engines.interface import Engine

__all__ = ["Engine", "open_engine"]
