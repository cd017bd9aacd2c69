"""Rounds over a network, between silos that trust their server, on Flower's engine.

``docs/federated.md`` says how they are run, and for whom they are not.
"""

from headfit_federated.averaging import Averaging
from headfit_federated.local_grid import LocalGrid
from headfit_federated.settings import NodeSettings, ServerSettings

__all__ = ["Averaging", "LocalGrid", "NodeSettings", "ServerSettings"]
