"""One experiment's result: what was measured, how sure it is, and what it takes to repeat it."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit import FileFormatError
from headfit.files import write_atomically

N_RESAMPLES: Final = 2000
LEVEL: Final = 0.95
_LIBRARIES: Final = ("headfit", "numpy", "tensorflow-cpu", "larq", "larq-compute-engine")


@dataclass(frozen=True)
class Share:
    """A share of the test pictures, with its bootstrap interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Result:
    """One row of the table on one data set.

    Attributes
    ----------
    dataset, row, network : str
    top1, top5 : Share
    n_train, n_test, n_classes : int
    settings : mapping
        The recipe and whatever was chosen.
    measured : mapping
        Sizes in bytes, times in seconds.
    seed : int
    versions : mapping of str to str
    command : str
    """

    dataset: str
    row: str
    network: str
    top1: Share
    top5: Share
    n_train: int
    n_test: int
    n_classes: int
    settings: Mapping[str, Any]
    measured: Mapping[str, float]
    seed: int
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def save(self, folder: Path) -> Path:
        """Write the result, whole or not at all, and return where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = path_of(folder, self.dataset, self.row, self.network)
        write_atomically(path, (json.dumps(asdict(self), indent=1) + "\n").encode())
        return path

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read a result.

        Raises
        ------
        FileFormatError
            If the file is none.
        """
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            top1, top5 = (Share(**fields.pop(name)) for name in ("top1", "top5"))
            return cls(top1=top1, top5=top5, **fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FileFormatError(
                f"{path}: expected a result of 'headfit-zoo paper run', found: {error}; remove the "
                "file and run the row again"
            ) from error


def path_of(folder: Path, dataset: str, row: str, network: str) -> Path:
    """Return where the result of one experiment lies."""
    return folder / f"{dataset}-{row}-{network}.json"


def load_results(folder: Path) -> list[Result]:
    """Read every result of a folder, sorted by file name."""
    return [Result.load(path) for path in sorted(folder.glob("*.json"))]


def hits(scores: NDArray[np.floating[Any]], targets: NDArray[np.intp], k: int) -> NDArray[np.bool_]:
    """Say of every picture whether its class is among the `k` that score best.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
    targets : ndarray of shape (n_samples,)
    k : int
    """
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray((best == targets[:, None]).any(axis=1))


def share(is_hit: NDArray[np.bool_], seed: int = 0) -> Share:
    """Return the share of hits with its bootstrap interval.

    The percentile interval: pictures are drawn anew with replacement, as many as there are, and the
    share of hits in each drawing is noted. Efron, "Bootstrap Methods: Another Look at the
    Jackknife", Annals of Statistics 7, 1979.
    """
    n = len(is_hit)
    value = float(is_hit.mean())
    # Of n drawings with replacement the hits are binomial.
    drawn = np.random.default_rng(seed).binomial(n, value, N_RESAMPLES) / n
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Share(value, float(low), float(high))


def versions() -> dict[str, str]:
    """Return what the result depends on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def command() -> str:
    """Return the command line that this process was started with."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
