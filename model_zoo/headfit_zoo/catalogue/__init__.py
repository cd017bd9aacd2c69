"""The extractors that there are: their cards, the page of them, fetched and installed."""

from headfit_zoo.catalogue.cards import Card, find_card, load_cards
from headfit_zoo.catalogue.document import accuracy, render, section, table
from headfit_zoo.catalogue.downloading import download
from headfit_zoo.catalogue.installing import install, published, read_weights, remove

__all__ = [
    "Card",
    "accuracy",
    "download",
    "find_card",
    "install",
    "load_cards",
    "published",
    "read_weights",
    "remove",
    "render",
    "section",
    "table",
]
