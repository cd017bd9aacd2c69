"""The server's app: one round of sums, and rounds of averaging after it where they are asked for.

A round with noise ends with this side's parts and its roll, from which ``headfit pool`` goes on
with the other side's; one without noise ends with a head.
"""

from __future__ import annotations

from logging import INFO, WARNING, getLogger
from pathlib import Path
from typing import Final

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

from headfit import InputError, SoftmaxHead
from headfit.files import read_bounded, write_atomically
from headfit.pooling import (
    Curator,
    RoundFile,
    Side,
    read_roll_bytes,
    read_round_bytes,
    roll_bytes,
)
from headfit_federated.asking import LeftOut, connected, messages, name_of, sorted_out, told
from headfit_federated.averaging import CONFIG, Averaging
from headfit_federated.client import CONTRIBUTE, PART
from headfit_federated.settings import ServerSettings

_MAX_ROUND_BYTES: Final = 1 << 25
_MAX_ROLL_BYTES: Final = 1 << 26

_log = getLogger("flwr")

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Do what the run's configuration says."""
    settings = ServerSettings.of(context.run_config)
    file = read_bounded(settings.round, _MAX_ROUND_BYTES)
    called = read_round_bytes(file, None, settings.round)
    if called.round.noise and settings.rounds:
        raise InputError(
            "expected rounds=0 with a round that has noise, found "
            f"{settings.rounds}: averaging keeps no promise of it; call one by --curator"
        )
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    _check_rolls(called, out)
    files, left_out = collected(grid, file, settings)
    if called.round.noise:
        _write_side(called, files, left_out, out, settings)
        return
    curator = Curator(called)
    head = curator.head((name, lambda data=data: data) for name, data in files)  # type: ignore[misc]
    left_out += curator.left_out
    _check_enough(len(curator.used), left_out, settings)
    SoftmaxHead.of(head).save(out / "pooled.head")
    _log.log(INFO, "wrote %s (%s)", out / "pooled.head", told(left_out))
    if settings.rounds:
        averaging = Averaging(called, file, head, settings)
        SoftmaxHead.of(averaging.run(grid)).save(out / "averaged.head")
        done = averaging.rounds_done
        _log.log(
            INFO, "wrote %s after %d of %d rounds", out / "averaged.head", done, settings.rounds
        )


def collected(
    grid: Grid, file: bytes, settings: ServerSettings
) -> tuple[list[tuple[str, bytes]], LeftOut]:
    """Return the names of nodes and the files that they contributed, and who was left out.

    Raises
    ------
    InputError
        If fewer nodes than will do are there, or answer.
    """
    nodes = connected(grid, settings)
    if len(nodes) < settings.min_nodes:
        raise InputError(
            f"expected at least {settings.min_nodes} nodes within {settings.wait_s:g} s, found "
            f"{len(nodes)}; start them, or wait longer by wait-s"
        )
    content = RecordDict({CONFIG: ConfigRecord({"round": file})})
    replies = grid.send_and_receive(
        messages(nodes, CONTRIBUTE, content, settings), timeout=settings.timeout_s
    )
    usable, left_out = sorted_out(nodes, replies, settings, _fault)
    _check_enough(len(usable), left_out, settings)
    return [
        (name_of(one.metadata.src_node_id), one.content[PART]["file"]) for one in usable
    ], left_out


def _fault(reply: Message) -> str | None:
    record = reply.content.get(PART)
    if not isinstance(record, ConfigRecord) or not isinstance(record.get("file"), bytes):
        return "expected a contribution, found another answer"
    return None


def _check_enough(n_usable: int, left_out: LeftOut, settings: ServerSettings) -> None:
    if n_usable < settings.min_nodes:
        raise InputError(
            f"expected at least {settings.min_nodes} contributions that can be used, found "
            f"{n_usable} ({told(left_out)}); mend these nodes, or lower min-nodes"
        )


def _check_rolls(called: RoundFile, out: Path) -> None:
    """Refuse to write over the roll of another round, or one that remembers what was summed.

    Raises
    ------
    InputError
        If such a one is in the folder.
    """
    for path in sorted(out.glob("[ab].roll")):
        roll = read_roll_bytes(read_bounded(path, _MAX_ROLL_BYTES), called, str(path))
        if roll.agreed:
            raise InputError(
                f"{path}: expected no roll, or one that nothing was summed over, found one that a "
                "half was given of, which a new one would forget; go on with that half, or call a "
                "new round with another out"
            )


def _write_side(
    called: RoundFile,
    files: list[tuple[str, bytes]],
    left_out: LeftOut,
    out: Path,
    settings: ServerSettings,
) -> None:
    side = Side(called)
    roll = side.roll((name, lambda data=data: data) for name, data in files)  # type: ignore[misc]
    left_out += side.left_out
    _check_enough(len(roll.signers), left_out, settings)
    parts = out / "parts"
    parts.mkdir(exist_ok=True)
    for name, data in files:
        write_atomically(parts / f"{name.replace(' ', '-')}.{roll.side}", data, owner_only=True)
    write_atomically(out / f"{roll.side}.roll", roll_bytes(roll))
    _log.log(
        WARNING if left_out else INFO,
        "wrote %d parts and %s (%s); go on by headfit pool sum",
        len(files),
        out / f"{roll.side}.roll",
        told(left_out),
    )
