"""The node's app: answers rounds that its silo trusts with its part, and trains where it may."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from flwr.app import ConfigRecord, Context, Error, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from headfit import HeadfitError, InputError
from headfit.files import read_bounded
from headfit.maths import FloatArray, TargetArray
from headfit.pooling import (
    RoundFile,
    check_source,
    chosen,
    contributed,
    contributed_plain,
    part_bytes,
    plain_bytes,
    read_round_bytes,
)
from headfit.store import ExampleStore
from headfit_federated.averaging import ARRAYS, CONFIG, COUNT, METRICS, arrays_of, head_arrays
from headfit_federated.local_steps import stepped
from headfit_federated.settings import NodeSettings

CONTRIBUTE: Final = "query.contribute"
PART: Final = "part"

_REFUSED: Final = 2  # flwr's ErrorCode.CLIENT_APP_RAISED_EXCEPTION
_MAX_FILE_BYTES: Final = 1 << 28
_MAX_KEY_BYTES: Final = 1 << 16

Answering = Callable[[Message, NodeSettings], RecordDict]

app = ClientApp()


def _answer(answering: Answering) -> Callable[[Message, Context], Message]:
    """Make an app's function: what the silo refuses goes back as a sentence, and nothing else."""

    @functools.wraps(answering)
    def answered(message: Message, context: Context) -> Message:
        try:
            content = answering(message, NodeSettings.of(context.node_config))
        except (HeadfitError, OSError) as error:
            return Message(Error(_REFUSED, f"{error}"), reply_to=message)
        return Message(content, reply_to=message)

    return answered


@app.query("contribute")
@_answer
def contribute(message: Message, settings: NodeSettings) -> RecordDict:
    """Return this node's part of the silo's contribution, or its plain one."""
    called, embeddings, names = _taught(message, settings)
    if called.round.noise == 0:
        _check_plain(settings)
        file = plain_bytes(contributed_plain(called, embeddings, names))
    else:
        file = _part(called, embeddings, names, settings)
    return RecordDict({PART: ConfigRecord({"file": file})})


@app.train()
@_answer
def train(message: Message, settings: NodeSettings) -> RecordDict:
    """Return the server's head after some steps on the silo's examples."""
    called, embeddings, names = _taught(message, settings)
    if called.round.noise:
        raise InputError(
            "expected a round without noise to train in, found one that promises an epsilon, which "
            "no longer holds of a head trained here; call a round by --curator"
        )
    _check_plain(settings)
    config, arrays = message.content[CONFIG], message.content[ARRAYS]
    classes = config["classes"]
    if not set(classes) <= set(called.round.classes) or len(set(classes)) != len(classes):
        raise InputError(f"expected classes of the round, each once, found {classes}")
    weights, bias = head_arrays(arrays)
    shape = embeddings.shape[1], len(classes)
    if weights.shape != shape or bias.shape != shape[1:]:
        raise InputError(f"expected weights of shape {shape}, found {weights.shape}")
    rows = chosen(called.round, names)
    rows = rows[np.isin(np.array(names)[rows], classes)]
    if not len(rows):
        raise InputError(f"expected examples of {', '.join(classes)}, found none")
    columns = {name: column for column, name in enumerate(classes)}
    targets: TargetArray = np.array([columns[names[row]] for row in rows], np.intp)
    trained = stepped(
        weights,
        bias,
        embeddings[rows],
        targets,
        steps=config["steps"],
        learning_rate=config["learning-rate"],
        proximal_mu=config["proximal-mu"],
    )
    return RecordDict({ARRAYS: arrays_of(*trained), METRICS: MetricRecord({COUNT: len(rows)})})


def _taught(
    message: Message, settings: NodeSettings
) -> tuple[RoundFile, FloatArray, tuple[str, ...]]:
    """Return the round, if its caller is trusted, and the silo's examples, if they are of it."""
    called = read_round_bytes(message.content[CONFIG]["round"], settings.trust.split(), "round")
    store = Path(settings.store)
    if not store.is_file():
        raise InputError(f"expected an example store at {store}, found none; teach one")
    with ExampleStore.open(store) as opened:
        check_source(called.round, opened.fingerprint, opened.views, store.name)
        examples = opened.load()
    return called, examples.embeddings, examples.class_names


def _check_plain(settings: NodeSettings) -> None:
    if not settings.plain:
        raise InputError(
            "expected plain=true in this node's --node-config, found it not: photos' embeddings "
            "can be found in what a round without noise asks for; set it if this server may have "
            "them, or call a round with noise"
        )


def _part(
    called: RoundFile, embeddings: FloatArray, names: tuple[str, ...], settings: NodeSettings
) -> bytes:
    """Return the part of this node's side; both are made once, whichever node is asked first.

    Two contributions of the same photos would cost their epsilon twice, and a part A only fits the
    part B that was made with it.
    """
    if not settings.parts:
        raise InputError(
            "expected side and parts in this node's --node-config, found none: a round with noise "
            "is given in two parts to two servers; say which this one gets, and where both are kept"
        )
    kept = Path(settings.parts) / called.digest
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = read_bounded(settings.key, _MAX_KEY_BYTES) if settings.key else None
        made = Path(tempfile.mkdtemp(prefix=".", dir=kept.parent))
        try:
            for part in contributed(called, embeddings, names):
                with (made / part.side).open("wb") as file:
                    file.write(part_bytes(part, key))
                    file.flush()
                    os.fsync(file.fileno())
            try:
                made.rename(kept)
            except OSError:
                if not kept.is_dir():  # else the other node was first
                    raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return read_bounded(kept / settings.side, _MAX_FILE_BYTES)
