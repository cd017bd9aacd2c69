"""Trained: what ``train`` says at its end, of a head of either kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headfit.commands import terminal
from headfit.photos.photo_folder import Skipped

_FEW = 0.5  # of the photos


@dataclass(frozen=True, slots=True)
class Trained:
    """How a head was trained.

    Attributes
    ----------
    n_samples, n_effective : int
        Photos, and how many there effectively are, where nearly the same ones count as one.
    class_counts : mapping of str to int
        How many photos show each class, in column order.
    embed_s, fit_s : float
        Seconds that embedding and fitting took.
    engine_name : str
    skipped : tuple of Skipped
    """

    n_samples: int
    n_effective: int
    class_counts: Mapping[str, int]
    embed_s: float
    fit_s: float
    engine_name: str
    skipped: tuple[Skipped, ...]

    def print(self, output: Path, as_json: bool) -> None:
        """Say so, for people or for machines; ``output`` is the file that was written."""
        size_bytes = output.stat().st_size
        if as_json:
            terminal.print_json(
                head=str(output),
                size_bytes=size_bytes,
                n_samples=self.n_samples,
                n_effective=self.n_effective,
                n_classes=len(self.class_counts),
                classes=list(self.class_counts),
                class_counts=dict(self.class_counts),
                embed_s=self.embed_s,
                fit_s=self.fit_s,
                engine=self.engine_name,
                skipped=terminal.skipped_as_json(self.skipped),
            )
            return
        terminal.OUTPUT.print(
            f"Trained on [bold]{self.n_samples}[/] photos"
            f"{terminal.effectively(self.n_samples, self.n_effective)} of "
            f"[bold]{len(self.class_counts)}[/] classes: embedded in "
            f"{terminal.duration(self.embed_s)} by {self.engine_name}, "
            f"trained in {terminal.duration(self.fit_s)}."
        )
        if self.n_effective <= _FEW * self.n_samples:
            terminal.OUTPUT.print(
                f"Many photos are nearly the same, and teach as {self.n_effective} would: take "
                "some from other sides, in other places, on other days."
            )
        terminal.OUTPUT.print(
            terminal.plain(f"Wrote {output}, {terminal.size(size_bytes)}."), soft_wrap=True
        )
