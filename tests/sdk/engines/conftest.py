"""Fixtures that the engine tests share."""

from __future__ import annotations

import pytest

from .networks import NETWORKS, Network


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    """Every small network in turn."""
    return Network(request.param)
