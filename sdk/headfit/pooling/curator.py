"""Curator: who owns all devices; reads their plain contributions, and opens them to a head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from headfit.errors import FileFormatError, InputError
from headfit.learning.fitted_head import FittedHead
from headfit.pooling.opening import opened_plain
from headfit.pooling.plain import Plain, read_plain_bytes
from headfit.pooling.round_file import RoundFile
from headfit.pooling.side import Sources, told, why


@dataclass(slots=True, eq=False)
class Curator:
    """What the owner of all devices does with what they contributed; it is not private.

    Attributes
    ----------
    called : RoundFile
    left_out : list of (str, str)
        Which files were left out, and why.
    used : dict of str to str
        The file of each contribution that was summed.
    """

    called: RoundFile
    left_out: list[tuple[str, str]] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)

    def head(self, sources: Sources) -> FittedHead:
        """Return the head of the contributions that can be used.

        Raises
        ------
        InputError
            If there are none, or the round promises that nobody sees a device's sums.
        """
        if self.called.round.noise:
            raise InputError(
                "expected a round without noise, found one whose devices contribute in two parts; "
                "sum these by headfit pool sum"
            )
        try:
            return opened_plain(self.called, self._usable(sources))
        except InputError as error:
            if self.used:
                raise
            raise InputError(
                "expected plain contributions to this round, found none that can be used"
                f"{told(self.left_out)}; give the files that its devices made"
            ) from error

    def _usable(self, sources: Sources) -> Iterator[Plain]:
        for name, read in sources:
            try:
                found = read_plain_bytes(read(), self.called, name)
            except (FileFormatError, InputError, OSError) as error:
                self.left_out.append((name, why(name, error)))
                continue
            if found.contribution in self.used:
                self.left_out.append(
                    (name, f"the same contribution as {self.used[found.contribution]}")
                )
            else:
                self.used[found.contribution] = name
                yield found
