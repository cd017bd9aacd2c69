"""Families of networks, a file each; the table of all by name; what a network costs.

Every model has two layers by name: ``embedding`` is what the extractor returns, ``logits`` is the
classifier it was trained with and is cut off before shipping.
"""

from headfit_zoo.architectures import quicknet, residual, resnet18
from headfit_zoo.architectures.by_name import ARCHITECTURES, usual_size
from headfit_zoo.architectures.summary import Cost, summarise
from headfit_zoo.architectures.top import classifier_of, cut_top

__all__ = [
    "ARCHITECTURES",
    "Cost",
    "classifier_of",
    "cut_top",
    "quicknet",
    "residual",
    "resnet18",
    "summarise",
    "usual_size",
]
