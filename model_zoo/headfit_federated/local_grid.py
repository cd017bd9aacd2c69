"""LocalGrid: a federation in this process, to try settings and to measure; without a network.

Messages, apps and strategies are those of a federation over a network. Flower's own simulation
needs Ray and tells nodes apart by a number alone, from which a server would have to say where their
photos are; here each node has its own configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

_SERVER: Final = 1


class LocalGrid(Grid):
    """Nodes that answer one after the other, as soon as they are asked.

    Parameters
    ----------
    app : ClientApp
    nodes : sequence of mapping
        The configuration of each; their numbers are 2, 3 and so on.
    """

    def __init__(self, app: ClientApp, nodes: Sequence[Mapping[str, Any]]) -> None:
        # Whose messages these are; as Flower's own simulation sets it.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, _SERVER, 1
        self._app = app
        self._contexts = {
            number: Context(
                run_id=1,
                node_id=number,
                node_config=dict(config),
                state=RecordDict(),
                run_config={},
            )
            for number, config in enumerate(nodes, _SERVER + 1)
        }
        self._replies: dict[str, Message] = {}

    def set_run(self, run: Run) -> None:
        """Refuse: there is one run."""
        raise NotImplementedError

    @property
    def run(self) -> Run:
        """The one run."""
        return Run.create_empty(run_id=1)

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Return a message."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Return the numbers of all nodes."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Have each message answered, and return its identifier."""
        ids = []
        for message in messages:
            id_ = uuid4().hex
            message.metadata.__dict__["_message_id"] = id_
            reply = self.answered(message)
            if reply is not None:
                self._replies[id_] = reply
            ids.append(id_)
        return ids

    def answered(self, message: Message) -> Message | None:
        """Return a node's answer; None if it gives none."""
        reply: Message = self._app(message, self._contexts[message.metadata.dst_node_id])
        return reply

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the answers to these messages, each once."""
        return [self._replies.pop(id_) for id_ in message_ids if id_ in self._replies]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Return the answers: who does not answer at once, never does."""
        return self.pull_messages(self.push_messages(messages))
