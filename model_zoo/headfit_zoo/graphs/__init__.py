"""Converted networks without their weights, filled with published ones in NumPy.

Each is two files here: ``<name>.tflite.gz`` with zeros for weights, and ``<name>.json``, which says
what belongs where.
"""

from headfit_zoo.graphs.folds import FOLDS, Folding, Weights, rounded_rsqrt
from headfit_zoo.graphs.graph import FOLDER, Fill, Graph, load_graph, save_graph

__all__ = [
    "FOLDER",
    "FOLDS",
    "Fill",
    "Folding",
    "Graph",
    "Weights",
    "load_graph",
    "rounded_rsqrt",
    "save_graph",
]
