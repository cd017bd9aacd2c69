"""Side: one of the two aggregators; it reads parts, calls the roll, and sums once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from headfit.errors import FileFormatError, InputError
from headfit.pooling.envelope import SIDES
from headfit.pooling.half import Half
from headfit.pooling.part import Part, read_part
from headfit.pooling.roll import Roll
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words

Sources = Iterable[tuple[str, Callable[[], bytes]]]
"""Names of files, and what reads each: so that no more than one is in memory."""


@dataclass(slots=True, eq=False)
class Side:
    """What one side does with the parts that come to it.

    Attributes
    ----------
    called : RoundFile
    left_out : list of (str, str)
        Which files were left out, and why; each is there once.
    """

    called: RoundFile
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def roll(self, sources: Sources) -> Roll:
        """Return what came, of the side that most parts are of.

        Raises
        ------
        InputError
            If no part can be used.
        """
        found: dict[str, dict[str, str | None]] = {side: {} for side in SIDES}
        prints: dict[tuple[str, str], bytes] = {}
        names: dict[tuple[str, str], str] = {}
        spoilt: set[tuple[str, str]] = set()
        for name, part in self.readable(sources):
            key = part.side, part.contribution
            if key not in names:
                found[part.side][part.contribution] = part.signer
                names[key], prints[key] = name, _print(part)
            elif prints[key] == _print(part):
                self.left_out.append((name, f"the same part as {names[key]}"))
            else:
                self.left_out.append((name, f"another part of the contribution of {names[key]}"))
                spoilt.add(key)
        side = max(found, key=lambda one: len(found[one]))
        for other in found.keys() - {side}:
            for contribution in found[other]:
                name = names[other, contribution]
                self.left_out.append((name, f"a part of side {other}, among those of {side}"))
        for key in sorted(spoilt):
            if key[0] == side:
                del found[side][key[1]]
                self.left_out.append((names[key], "there is another part of its contribution"))
        if not found[side]:
            raise InputError(
                f"expected parts of this round, found none that can be used{told(self.left_out)}; "
                "give the files that its devices made"
            )
        signers = found[side]
        if self.called.round.device_keys is not None:
            for signer, count in Counter(signers.values()).items():
                if count > 1:  # what is agreed on with the other side keeps one
                    self.left_out.append((f"{count - 1} of {count} by {signer}", "doubled"))
        return Roll(self.called.digest, side, signers)

    def half(self, sources: Sources, own: Roll, ids: list[str]) -> Half:
        """Return the sum of the parts that were agreed on.

        Parameters
        ----------
        sources : iterable of (str, callable)
        own : Roll
            Of this side, as it was before: what came later is left out.
        ids : list of str
            Of `headfit.pooling.roll.agreed_ids`.

        Raises
        ------
        InputError
            If one of these parts is not there.
        """
        wanted = set(ids)
        total: Words = np.zeros(self.called.round.n_numbers, np.uint64)
        done: dict[str, bytes] = {}
        for name, part in self.readable(sources):
            id_ = part.contribution
            if part.side != own.side:
                self.left_out.append((name, f"a part of side {part.side}"))
            elif id_ not in own.signers:
                self.left_out.append((name, "came after the roll was written"))
            elif id_ not in wanted:
                self.left_out.append((name, "not on the other side's roll, or doubled"))
            elif own.signers[id_] != part.signer:
                self.left_out.append((name, "signed by another than on the roll"))
            elif id_ not in done:
                total += part.words(len(total))
                done[id_] = _print(part)
            elif done[id_] != _print(part):
                raise InputError(
                    f"{name}: expected the part that the roll was written of, found another of the "
                    "same contribution; give the parts as they were"
                )
        missing = sorted(wanted - done.keys())
        if missing:
            raise InputError(
                f"expected every part that both rolls have, found {len(missing)} missing, among "
                f"them {missing[0]}{told(self.left_out)}; give all parts that the roll was written "
                "of"
            )
        return Half(self.called.digest, own.side, tuple(ids), total)

    def readable(self, sources: Sources) -> Iterator[tuple[str, Part]]:
        """Yield the parts of the round; note why any other is left out."""
        keys = self.called.round.device_keys
        for name, read in sources:
            try:
                part = read_part(read(), self.called, name)
            except (FileFormatError, InputError, OSError) as error:
                self.left_out.append((name, why(name, error)))
                continue
            if (keys is None) != (part.signer is None):
                what = "not signed" if part.signer is None else "signed, where nobody should"
                self.left_out.append((name, what))
            elif keys is not None and part.signer not in keys:
                self.left_out.append((name, f"signed by {part.signer}, who is not of the round"))
            else:
                yield name, part


def why(name: str, error: FileFormatError | InputError | OSError) -> str:
    """Return why a file cannot be used, to stand behind its name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix(f"{name}: ")


def told(left_out: list[tuple[str, str]]) -> str:
    """Return which files were left out and why, the first three of them, to stand in a message."""
    if not left_out:
        return ""
    first = "; ".join(f"{name}: {reason}" for name, reason in left_out[:3])
    more = f"; and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    return f" (left out: {first}{more})"


def _print(part: Part) -> bytes:
    """Return what tells a part from others in little room."""
    return hashlib.sha256(part.body + (part.signer or "").encode()).digest()
