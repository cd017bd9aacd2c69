"""What a run and a node are told: Flower's flat configurations, checked when they are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from headfit import InputError

Settings = TypeVar("Settings", bound="ServerSettings | NodeSettings")

_LEAST = {
    "nodes": 1,
    "min-nodes": 1,
    "wait-s": 0,
    "timeout-s": 1e-3,
    "rounds": 0,
    "steps": 1,
    "learning-rate": 1e-9,
    "proximal-mu": 0,
}
_FLOWERS_OWN = ("partition-id", "num-partitions")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a run of the server is told, by ``flwr run --run-config``; "_" is written "-".

    Attributes
    ----------
    round : str
        Path of the round file, on the server.
    out : str
        Folder for what comes of it, on the server.
    nodes : int
        How many nodes are expected: the run begins when so many are connected.
    min_nodes : int
        How few will do: fewer usable answers make no head.
    wait_s : float
        Seconds until those that are connected have to do.
    timeout_s : float
        Seconds until an answer is late.
    rounds : int
        Rounds of averaging after the sums; 0: the sums alone.
    steps : int
        Steps of gradient descent at each node in a round.
    learning_rate : float
        See `headfit_federated.local_steps.stepped`.
    proximal_mu : float
        0 is FedAvg; above it FedProx, which keeps nodes closer to the head of the round before.
    """

    round: str
    out: str
    nodes: int = 3
    min_nodes: int = 2
    wait_s: float = 60.0
    timeout_s: float = 600.0
    rounds: int = 0
    steps: int = 10
    learning_rate: float = 1.0
    proximal_mu: float = 0.0

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ServerSettings:
        """Return the settings that a run's configuration holds.

        Raises
        ------
        InputError
            If one is missing, unknown, of another kind or out of range.
        """
        settings = _read(cls, config, "--run-config", ())
        if settings.min_nodes > settings.nodes:
            raise InputError(
                f"expected min-nodes up to nodes, {settings.nodes}, found {settings.min_nodes}"
            )
        return settings


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a silo lets a server ask of its node, by ``--node-config``; no message changes it.

    Attributes
    ----------
    store : str
        Path of the silo's example store.
    trust : str
        Public keys of callers, apart by blanks: no other's round is answered.
    side : str
        "a" or "b": which part this node gives. A silo has a node for each of two servers.
    parts : str
        Folder, of both its nodes, in which the silo keeps its parts: made once for each round.
    plain : bool
        Whether this server may have sums as they are, and heads trained on the silo's photos:
        from both, embeddings can be found.
    key : str
        Path of the key that signs parts, where a round asks for it.
    """

    store: str
    trust: str
    side: str = ""
    parts: str = ""
    plain: bool = False
    key: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> NodeSettings:
        """Return the settings that a node's configuration holds; errors as `ServerSettings.of`."""
        settings = _read(cls, config, "--node-config", _FLOWERS_OWN)
        if settings.side not in ("", "a", "b"):
            raise InputError(f"expected side 'a' or 'b', found {settings.side!r}")
        if bool(settings.side) != bool(settings.parts):
            raise InputError("expected side and parts together, found one of them; give both")
        return settings


def _read(
    kind: type[Settings], config: Mapping[str, Any], option: str, ignored: Collection[str]
) -> Settings:
    known = {field.name.replace("_", "-"): field for field in fields(kind)}
    unknown = sorted(config.keys() - known.keys() - set(ignored))
    if unknown:
        raise InputError(
            f"{option}: expected {', '.join(known)}, found {', '.join(unknown)}; leave it out"
        )
    values: dict[str, Any] = {}
    for key, field in known.items():
        value = config.get(key, "")
        if field.default is MISSING and not value:
            raise InputError(f"{option}: expected {key}, found none; give it")
        if key not in config:
            continue
        wanted: Any = {"str": str, "int": int, "float": (int, float), "bool": bool}[str(field.type)]
        if not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
            raise InputError(f"{option}: expected {key} of type {field.type}, found {value!r}")
        least = _LEAST.get(key)
        if least is not None and not least <= value < float("inf"):
            raise InputError(f"{option}: expected {key} of at least {least:g}, found {value}")
        values[field.name] = value
    return kind(**values)
