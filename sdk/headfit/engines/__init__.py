"""What runs an extractor's flatbuffer; the engines give equal embeddings."""

from headfit.engines.android import load_classes
from headfit.engines.choice import EngineReport, SelfCheck, open_engine, survey_engines
from headfit.engines.interface import Engine
from headfit.engines.machine import ON_ANDROID

__all__ = [
    "ON_ANDROID",
    "Engine",
    "EngineReport",
    "SelfCheck",
    "load_classes",
    "open_engine",
    "survey_engines",
]
