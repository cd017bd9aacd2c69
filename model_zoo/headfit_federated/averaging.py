"""Averaging: FedAvg and FedProx of a head's weights and bias, by Flower's strategy.

Flower's averages what comes, or fails; this one looks at each answer first, leaves out what cannot
be used, names it, and goes on while enough are left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from logging import INFO, WARNING, getLogger
from typing import Final

import numpy as np
from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg

from headfit.learning import FittedHead
from headfit.maths import FloatArray
from headfit.pooling import RoundFile
from headfit_federated.asking import connected, messages, sorted_out, told
from headfit_federated.settings import ServerSettings

ARRAYS: Final = "arrays"
CONFIG: Final = "config"
METRICS: Final = "metrics"
COUNT: Final = "num-examples"

_log = getLogger("flwr")


class Averaging(FedAvg):
    """Rounds of averaging that begin with a head, usually the pooled one.

    Parameters
    ----------
    called : RoundFile
    file : bytes
        The round file as it is, for nodes to check.
    head : FittedHead
    settings : ServerSettings

    Attributes
    ----------
    rounds_done : int
        Rounds that had enough answers.
    """

    def __init__(
        self, called: RoundFile, file: bytes, head: FittedHead, settings: ServerSettings
    ) -> None:
        super().__init__(fraction_evaluate=0.0, weighted_by_key=COUNT)
        self.rounds_done = 0
        self._max_photos = called.round.max_photos
        self._head = head
        self._settings = settings
        self._asked: list[int] = []
        self._config = {
            "round": file,
            "classes": list(head.classes),
            "steps": settings.steps,
            "learning-rate": float(settings.learning_rate),
            "proximal-mu": float(settings.proximal_mu),
        }

    def run(self, grid: Grid) -> FittedHead:
        """Return the head after all rounds: that of the last one which had enough answers."""
        settings = self._settings
        result = self.start(
            grid,
            arrays_of(self._head.weights, self._head.bias),
            num_rounds=settings.rounds,
            timeout=settings.timeout_s,
            train_config=ConfigRecord(self._config),
        )
        if self.rounds_done == 0:
            return self._head
        weights, bias = head_arrays(result.arrays)
        return replace(
            self._head,
            weights=weights,
            bias=bias,
            training={
                **self._head.training,
                "method": "fedprox" if settings.proximal_mu else "fedavg",
                "rounds": self.rounds_done,
                "steps": settings.steps,
                "learning_rate": float(settings.learning_rate),
                "proximal_mu": float(settings.proximal_mu),
            },
        )

    def summary(self) -> None:
        """Log what nodes are asked to do."""
        _log.log(INFO, "\t└── %s", self._settings)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Return a message to every node that is there; none if they are too few."""
        self._asked = connected(grid, self._settings)
        if len(self._asked) < self._settings.min_nodes:
            self._asked = []
        content = RecordDict({ARRAYS: arrays, CONFIG: config})
        return messages(self._asked, MessageType.TRAIN, content, self._settings)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Return the mean of what can be used, by numbers of examples; None if it is too little."""
        usable, left_out = sorted_out(self._asked, replies, self._settings, self._fault)
        fewest = self._settings.min_nodes
        if len(usable) < fewest:
            _log.log(
                WARNING,
                "round %d: expected at least %d answers that can be used, found %d; the head stays "
                "as it was (%s)",
                server_round,
                fewest,
                len(usable),
                told(left_out),
            )
            return None, None
        if left_out:
            _log.log(WARNING, "round %d goes on without: %s", server_round, told(left_out))
        self.rounds_done += 1
        return super().aggregate_train(server_round, usable)

    def _fault(self, reply: Message) -> str | None:
        content = reply.content
        if set(content) != {ARRAYS, METRICS}:
            return f"expected the records {ARRAYS} and {METRICS}, found {sorted(content)}"
        metrics, arrays = content[METRICS], content[ARRAYS]
        if not (isinstance(metrics, MetricRecord) and isinstance(arrays, ArrayRecord)):
            return "expected arrays and metrics, found records of other kinds"
        count = metrics.get(COUNT)
        if list(metrics) != [COUNT] or not isinstance(count, int):
            return f"expected a whole number of examples, found {dict(metrics)}"
        if not 1 <= count <= self._max_photos:
            return f"expected 1 to {self._max_photos} examples, found {count}"
        try:
            found = head_arrays(arrays)
        except (KeyError, ValueError, TypeError) as error:
            return f"expected weights and bias, found other arrays ({error})"
        for array, wanted in zip(found, (self._head.weights, self._head.bias), strict=True):
            if array.shape != wanted.shape or array.dtype != wanted.dtype:
                return (
                    f"expected arrays of shape {wanted.shape} and {wanted.dtype}, found "
                    f"{array.shape} and {array.dtype}"
                )
            if not np.isfinite(array).all():
                return "expected finite numbers, found others; lower learning-rate"
        return None


def arrays_of(weights: FloatArray, bias: FloatArray) -> ArrayRecord:
    """Return a head's arrays as a message carries them."""
    return ArrayRecord({"weights": Array(weights), "bias": Array(bias)})


def head_arrays(record: ArrayRecord) -> tuple[FloatArray, FloatArray]:
    """Return weights and bias of a message.

    Raises
    ------
    ValueError
        If there are others, or they are no arrays.
    """
    if set(record) != {"weights", "bias"}:
        raise ValueError(f"found {sorted(record)}")
    return record["weights"].numpy(), record["bias"].numpy()
