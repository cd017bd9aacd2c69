"""What every operator is asked before it is accepted."""

from __future__ import annotations

import pytest
from tests.support.graphs import GraphBuilder

from headfit.engines.popcount import PopcountEngine
from headfit.errors import ExtractorError


@pytest.mark.parametrize(
    ("name", "operands"),
    [("ABS", (0, 0)), ("LceQuantize", (0, 0)), ("ADD", (0,)), ("PADV2", (0, 0)), ("RESHAPE", ())],
)
def test_a_wrong_number_of_operands_is_refused(name: str, operands: tuple[int, ...]) -> None:
    """One too many was a TypeError when the network ran, and a ValueError when it was lowered."""
    builder = GraphBuilder(1, 1, 1, 8)
    output = builder.add(name, operands, (1, 8), fused_activation_function=0)
    with pytest.raises(ExtractorError, match=f"{name} cannot be run: it has {len(operands)}"):
        PopcountEngine(builder.graph(output))
