"""``headfit round``, ``contribute`` and ``pool``: many devices teach one head by sums."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import click
import numpy as np

from headfit.commands import terminal
from headfit.commands.options import EXTRACTOR, JSON, PATH, STORE, STRICT, output_option
from headfit.commands.paths import (
    CALLED,
    CONTRIBUTED,
    HALF,
    HEAD_FILE,
    PLAIN,
    ROLL,
    Command,
    Group,
    OutputPath,
)
from headfit.commands.teaching import open_extractor
from headfit.errors import InputError
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.headfile import save_head
from headfit.learning.fitted_head import FittedHead
from headfit.pooling import half, roll
from headfit.pooling.contributing import check_source, contributed, contributed_plain
from headfit.pooling.curator import Curator
from headfit.pooling.envelope import MAX_HEADER_BYTES
from headfit.pooling.half import half_bytes, read_half_bytes
from headfit.pooling.opening import opened
from headfit.pooling.part import part_bytes
from headfit.pooling.plain import plain_bytes
from headfit.pooling.projection import Projection
from headfit.pooling.roll import agreed_ids, read_roll_bytes, roll_bytes
from headfit.pooling.round import DEFAULT_MIN_DEVICES, Round
from headfit.pooling.round_file import read_round, round_bytes
from headfit.pooling.side import Side
from headfit.privacy.public_view import PublicView
from headfit.privacy.signing import public_key
from headfit.store import ExampleStore, key_from_keyring

_MAX_KEY_BYTES: Final = 1 << 16
_EPSILON, _DELTA, _WIDTH = 3.0, 1e-5, 64

ROUND_FILE = click.argument("round_path", metavar="ROUND", type=PATH)
PARTS = click.argument("parts", metavar="PART | DIR...", nargs=-1, required=True, type=PATH)


@click.command("round", cls=Command)
@click.option(
    "--class", "classes", metavar="CLASS", multiple=True, required=True, help="Two or more of them."
)
@click.option("--key", metavar="KEY", type=PATH, required=True, help="Of `keygen`; it signs.")
@output_option("ROUND", CALLED)
@click.option(
    "--public",
    metavar="STORE",
    type=PATH,
    help="Embeddings of public pictures: photos are seen in their main directions.",
)
@click.option(
    "--width", type=int, help=f"How many directions of these; {_WIDTH} if it is not given."
)
@click.option(
    "--epsilon", type=float, help=f"Of all photos of a device; {_EPSILON:g} if it is not given."
)
@click.option("--delta", type=float, help=f"{_DELTA:g} if it is not given.")
@click.option(
    "--devices",
    type=int,
    help=f"How many are expected to contribute; {DEFAULT_MIN_DEVICES} if it is not given.",
)
@click.option(
    "--min-devices", type=int, help="Fewer are never opened; by default half, and 20 at least."
)
@click.option(
    "--max-photos", default=20, show_default=True, help="Of one device that count at most."
)
@click.option("--class-sums", is_flag=True, help="Ask for no second moments.")
@click.option("--device-key", metavar="HEX", multiple=True, help="Only these may contribute.")
@click.option("--curator", is_flag=True, help="Without noise, for your own devices alone.")
@EXTRACTOR
def round_(
    classes: tuple[str, ...],
    key: Path,
    output: Path,
    public: Path | None,
    width: int | None,
    epsilon: float | None,
    delta: float | None,
    devices: int | None,
    min_devices: int | None,
    max_photos: int,
    class_sums: bool,
    device_key: tuple[str, ...],
    curator: bool,
    extractor: str | None,
) -> None:
    """Call a round: write what devices are asked to contribute to a head of these classes.

    Give ROUND to every device, and its users the public key that is printed, by another way. They
    `contribute`; two sides that do not work together `pool`.
    """
    if curator:
        _refuse_given(
            {"--epsilon": epsilon, "--delta": delta, "--devices": devices}
            | {"--min-devices": min_devices, "--device-key": device_key or None},
            "with --curator: plain sums of any number of devices are opened, and none is private",
        )
    if public is None:
        _refuse_given({"--width": width}, "without --public, whose directions it counts")
    private = read_bounded(key, _MAX_KEY_BYTES)
    eyes = open_extractor(extractor, "auto", store_path=public)
    if public is None:
        golden = eyes.manifest.golden
        if golden is None:
            raise InputError(
                "expected --public STORE, or an extractor with a golden picture, found neither; "
                "give embeddings of some hundred public pictures"
            )
        largest = max(map(abs, golden.embedding))
        view = PublicView.plain(len(golden.embedding), math.hypot(*golden.embedding))
    else:
        with ExampleStore.open(public) as opened_store:
            opened_store.check_extractor(eyes)
            embeddings = opened_store.load().embeddings
        view = PublicView.of(embeddings, _WIDTH if width is None else width)
        largest = float(np.abs(embeddings).max())
    called = Round.call(
        eyes.manifest.reference(),
        classes,
        Projection.of(view, largest),
        epsilon=None if curator else _EPSILON if epsilon is None else epsilon,
        delta=_DELTA if delta is None else delta,
        devices=DEFAULT_MIN_DEVICES if devices is None else devices,
        min_devices=min_devices,
        max_photos=max_photos,
        moments=not class_sums,
        views=eyes.views,
        device_keys=device_key or None,
    )
    write_atomically(output, round_bytes(called, private))
    terminal.echo(f"Wrote {output}, called by {public_key(private)}.")
    terminal.echo(_promise(called))
    if called.noise:
        spread = called.spread(called.devices)
        terminal.echo(
            f"Noise in the number of photos of a class: give or take {spread:.1f}, where all send "
            f"{called.devices * called.max_photos} together at most. A larger --epsilon or a "
            "smaller --max-photos make it less; more devices make the photos more."
        )


def _refuse_given(options: Mapping[str, object], why: str) -> None:
    """Refuse options that would change nothing."""
    given = next((name for name, value in options.items() if value is not None), None)
    if given is not None:
        raise InputError(f"expected no {given} {why}; found one: leave it out")


def _epsilon_text(epsilon: float) -> str:
    return f"{epsilon:.2g}" if epsilon < 99.5 else f"{epsilon:.0f}"


def _promise(called: Round) -> str:
    """Return what privacy devices have, by how many contribute."""
    if called.noise == 0:
        return "Without noise: for the caller's own devices alone."
    counts = sorted({called.devices, called.min_devices}, reverse=True)
    said = ", ".join(
        f"{_epsilon_text(called.epsilon(n))} if {n} devices contribute" for n in counts
    )
    return (
        f"Opened at {called.min_devices} devices or more. Epsilon of all photos of a device: "
        f"{said}; delta {called.delta:g}."
    )


@click.command(cls=Command)
@ROUND_FILE
@STORE
@click.option(
    "-o",
    "--output",
    metavar="PART_A PART_B",
    type=OutputPath(CONTRIBUTED),
    nargs=2,
    help="The files to write, one for each side.",
)
@click.option(
    "--trust", metavar="HEX", multiple=True, required=True, help="The caller's public key."
)
@click.option("--key", metavar="KEY", type=PATH, help="Sign, where the round asks for it.")
@click.option(
    "--curator",
    metavar="FILE",
    type=OutputPath(PLAIN),
    help="Write plain sums instead, for whoever owns all the devices.",
)
@click.option("--keyring", metavar="NAME", help="Open an encrypted store with this key.")
@JSON
def contribute(
    round_path: Path,
    store_path: Path,
    output: tuple[Path, Path] | None,
    trust: tuple[str, ...],
    key: Path | None,
    curator: Path | None,
    keyring: str | None,
    as_json: bool,
) -> None:
    """Contribute sums over the examples of STORE to ROUND, in two parts.

    Each part is noise by itself. Send PART_A to one side and PART_B to the other, which must not
    work together; nothing else leaves this machine.
    """
    if (output is None) == (curator is None):
        raise InputError("expected -o PART_A PART_B, or --curator FILE; say one of them")
    called = read_round(round_path, trust)
    private = None if key is None else read_bounded(key, _MAX_KEY_BYTES)
    if curator is None:
        _check_signer(called.round, private)
    elif called.round.noise:
        raise InputError(
            "expected a round without noise with --curator, found one that promises an epsilon, "
            "which plain sums would not keep; say -o PART_A PART_B"
        )
    elif private is not None:
        raise InputError(
            "expected no --key with --curator, found one: it signs parts; leave it out"
        )
    secret = None if keyring is None else key_from_keyring(keyring, create=False)
    with ExampleStore.open(store_path, key=secret) as opened_store:
        check_source(called.round, opened_store.fingerprint, opened_store.views, str(store_path))
        examples = opened_store.load()
    embeddings, names = examples.embeddings, examples.class_names
    here = Counter(names)
    others = {name: here[name] for name in sorted(here.keys() - set(called.round.classes))}
    asked = {name: here[name] for name in called.round.classes}
    counted = sum(asked.values())
    used = min(counted, called.round.max_photos)
    files: dict[Path, bytes] = {}
    if curator is not None:
        terminal.echo(
            f"{curator} will hold plain sums: photos' embeddings can be found in them. Give it to "
            "nobody but yourself.",
            err=True,
        )
        files[curator] = plain_bytes(contributed_plain(called, embeddings, names))
    else:
        assert output is not None
        for path, part in zip(output, contributed(called, embeddings, names), strict=True):
            files[path] = part_bytes(part, private)
    _write_together(files)
    fields = {
        "files": [str(path) for path in files],
        "size_bytes": [len(data) for data in files.values()],
        "n_samples": used,
        "left_out": len(names) - used,
        "class_counts": asked,
        "devices": called.round.devices,
        "min_devices": called.round.min_devices,
        "epsilon": called.round.epsilon(called.round.devices) if curator is None else None,
        "epsilon_at_least": called.round.epsilon(called.round.min_devices)
        if curator is None
        else None,
        "delta": called.round.delta,
    }
    if as_json:
        terminal.print_json(**fields)
        return
    summed = terminal.counted(used, "photo")
    terminal.echo(f"Wrote {' and '.join(map(str, files))}: sums over {summed}.")
    terminal.echo(f"Here are photos of: {terminal.class_list(asked)}.")
    if counted > used:
        terminal.echo(f"Drew them of {counted}: the round takes no more of one device.")
    if len(names) > counted:
        terminal.echo(
            f"Left out {len(names) - counted} of other classes: {terminal.class_list(others)}."
        )
    if curator is None:
        terminal.echo(_promise(called.round))
        terminal.echo("Contribute to a round once: twice costs twice the epsilon.")


def _write_together(files: Mapping[Path, bytes]) -> None:
    """Write all of these files, or none.

    Raises
    ------
    OSError
        If one cannot be written.
    InputError
        If another run wrote the same ones meanwhile: its part and this one's are no contribution.
    """
    written: list[Path] = []
    try:
        for path, data in files.items():
            write_atomically(path, data, owner_only=True)
            written.append(path)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    for path, data in files.items():
        if not path.exists() or path.read_bytes() != data:
            raise InputError(
                f"{path}: expected what was just written, found that another run wrote there at "
                "the same time; remove these files and contribute once"
            )


def _check_signer(called: Round, private: bytes | None) -> None:
    if called.device_keys is None:
        if private is not None:
            raise InputError(
                "expected no --key, found one: this round takes unsigned parts, which say nothing "
                "of who made them; leave it out"
            )
        return
    if private is None or public_key(private) not in called.device_keys:
        raise InputError(
            f"expected --key with one of the {len(called.device_keys)} keys that the round takes, "
            f"found {'none' if private is None else public_key(private)}; ask who calls it"
        )


@click.group(cls=Group)
def pool() -> None:
    """Pool what devices contributed: `roll` on each side, `sum` on each side, `open` once."""


@pool.command("roll")
@ROUND_FILE
@PARTS
@output_option("ROLL", ROLL)
@STRICT
def roll_(round_path: Path, parts: tuple[Path, ...], output: Path, strict: bool) -> None:
    """Write which contributions came to this side; give ROLL to the other side."""
    called = read_round(round_path)
    side = Side(called)
    made = side.roll(_sources(parts))
    _print_left_out(side.left_out, strict)
    write_atomically(output, roll_bytes(made))
    came = terminal.counted(len(made.signers), "contribution")
    terminal.echo(f"Wrote {output}: {came} came to side {made.side}.")


@pool.command("sum")
@ROUND_FILE
@PARTS
@click.option("--own", metavar="ROLL", type=PATH, required=True, help="This side's roll.")
@click.option("--other", metavar="ROLL", type=PATH, required=True, help="The other side's.")
@output_option("HALF", HALF)
@STRICT
def sum_(
    round_path: Path,
    parts: tuple[Path, ...],
    own: Path,
    other: Path,
    output: Path,
    strict: bool,
) -> None:
    """Sum this side's parts over the contributions on both rolls.

    HALF is noise until it meets the other. The side's roll remembers over which contributions it
    was given, and no other sum is made.
    """
    called = read_round(round_path)
    mine = read_roll_bytes(read_bounded(own, roll.MAX_FILE_BYTES), called, str(own))
    theirs = read_roll_bytes(read_bounded(other, roll.MAX_FILE_BYTES), called, str(other))
    ids = agreed_ids(called, mine, theirs)
    spent = mine.over(ids)
    side = Side(called)
    made = side.half(_sources(parts), mine, ids)
    _print_left_out(side.left_out, strict)
    write_atomically(own, roll_bytes(spent))  # first: a half that is lost can be made again
    write_atomically(output, half_bytes(made), owner_only=True)
    lost = len(mine.signers) - len(ids), len(theirs.signers) - len(ids)
    terminal.echo(f"Wrote {output}: side {mine.side}'s sum over {len(ids)} contributions.")
    if any(lost):
        terminal.echo(f"Left out {lost[0]} of this side's roll and {lost[1]} of the other's.")


@pool.command("open")
@ROUND_FILE
@click.argument("halves", metavar="HALF_A HALF_B", nargs=2, type=PATH)
@output_option("HEAD", HEAD_FILE)
def open_(round_path: Path, halves: tuple[Path, Path], output: Path) -> None:
    """Open the halves of both sides and write the head of all devices."""
    called = read_round(round_path)
    one, other = (
        read_half_bytes(read_bounded(path, half.MAX_FILE_BYTES), called, str(path))
        for path in halves
    )
    made = opened(called, (one, other))
    _write(made, output, called.round.classes, len(one.ids))
    assert made.privacy is not None
    found = zip(made.classes, made.class_counts, strict=True)
    said = ", ".join(f"{count} of {name}" for name, count in found)
    terminal.echo(f"Photos, give or take {called.round.spread(len(one.ids)):.1f} by noise: {said}.")
    terminal.echo(
        f"Epsilon of all photos of a device: {_epsilon_text(made.privacy.epsilon)}, delta "
        f"{made.privacy.delta:g}."
    )


@pool.command("plain")
@ROUND_FILE
@click.argument("files", metavar="FILE | DIR...", nargs=-1, required=True, type=PATH)
@output_option("HEAD", HEAD_FILE)
@STRICT
def plain_(round_path: Path, files: tuple[Path, ...], output: Path, strict: bool) -> None:
    """Write the head of plain contributions of your own devices; it is not private."""
    called = read_round(round_path)
    curator = Curator(called)
    made = curator.head(_sources(files))
    _print_left_out(curator.left_out, strict)
    _write(made, output, called.round.classes, len(curator.used))


def _write(head: FittedHead, output: Path, asked: tuple[str, ...], n_devices: int) -> None:
    save_head(output, head)
    terminal.echo(
        f"Wrote {output}, taught by {terminal.counted(n_devices, 'device')}: "
        f"{', '.join(head.classes)}. It is not calibrated: run headfit calibrate where there are "
        "photos."
    )
    missing = [name for name in asked if name not in head.classes]
    if missing:
        terminal.echo(f"Nobody has photos of: {', '.join(missing)}.")


def _sources(paths: tuple[Path, ...]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name of each file and what reads it, those of a folder in its place.

    What a run left there that was killed is hidden, as files of the system are.
    """
    for path in paths:
        if not path.is_dir():
            yield str(path), partial(read_bounded, path, _MAX_PART_BYTES)
            continue
        for one in sorted(path.iterdir()):
            if one.name[0] != ".":
                yield str(one), partial(_read_in_folder, one)


def _read_in_folder(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "a device or a pipe"
        raise InputError(f"{path}: expected a file, found {found}; name it if it is meant")
    return read_bounded(path, _MAX_PART_BYTES)


_MAX_PART_BYTES: Final = (1 << 27) + 2 * MAX_HEADER_BYTES


def _print_left_out(left_out: list[tuple[str, str]], strict: bool) -> None:
    if strict and left_out:
        name, reason = left_out[0]
        raise InputError(
            f"{name}: expected parts that can be used alone, found one that cannot: {reason}; "
            "leave it out, or out --strict"
        )
    if left_out:
        terminal.echo(f"Left out {len(left_out)}:", err=True)
    for name, reason in left_out[:20]:
        terminal.echo(f"  {name}: {reason}", err=True)
    if len(left_out) > 20:
        terminal.echo(f"  and {len(left_out) - 20} more", err=True)
