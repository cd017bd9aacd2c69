"""Asking nodes: which are there, what they answered, and which answers cannot be used, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from headfit_federated.settings import ServerSettings

LeftOut = list[tuple[str, str]]
"""Names of nodes, and why they were left out."""

_POLL_S = 0.5


def connected(grid: Grid, settings: ServerSettings) -> list[int]:
    """Return the nodes that are there, ascending, once as many are as expected, or time is over."""
    end = time.monotonic() + settings.wait_s
    while True:
        nodes = sorted(grid.get_node_ids())
        left = end - time.monotonic()
        if len(nodes) >= settings.nodes or left <= 0:
            return nodes
        time.sleep(min(_POLL_S, left))


def messages(
    nodes: Iterable[int], message_type: str, content: RecordDict, settings: ServerSettings
) -> list[Message]:
    """Return a message to each node; it is of no use to them when its answer would be late."""
    return [
        Message(
            content=content,
            dst_node_id=node,
            message_type=message_type,
            ttl=settings.timeout_s,
        )
        for node in nodes
    ]


def sorted_out(
    nodes: Iterable[int],
    replies: Iterable[Message],
    settings: ServerSettings,
    fault: Callable[[Message], str | None],
) -> tuple[list[Message], LeftOut]:
    """Return the answers that can be used, by ascending node, and the nodes without one.

    Parameters
    ----------
    nodes : iterable of int
        Those that were asked.
    replies : iterable of Message
        In the order in which they came; sums of floats must not depend on it.
    settings : ServerSettings
    fault : callable
        Returns why an answer without an error cannot be used, or None.
    """
    answers = {reply.metadata.src_node_id: reply for reply in replies}
    usable: list[Message] = []
    left_out: LeftOut = []
    for node in sorted(nodes):
        reply = answers.get(node)
        if reply is None:
            reason: str | None = f"no answer within {settings.timeout_s:g} s"
        elif reply.has_error():
            reason = reply.error.reason or f"error {reply.error.code}"
        else:
            reason = fault(reply)
        if reason is None and reply is not None:
            usable.append(reply)
        else:
            left_out.append((name_of(node), str(reason)))
    return usable, left_out


def name_of(node: int) -> str:
    """Return what a node is called in messages."""
    return f"node {node}"


def told(left_out: LeftOut) -> str:
    """Return who was left out, and why."""
    return "; ".join(f"{name}: {reason}" for name, reason in left_out) or "nobody was left out"
