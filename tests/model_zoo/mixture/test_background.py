"""The background of an extractor, measured on packed pictures and written into its manifest."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.model_zoo.mixture.conftest import Mixture
from typer.testing import CliRunner

from headfit import Extractor
from headfit.extractors import known_extractor
from headfit.files import load_manifest
from headfit.learning import Background
from headfit_zoo.mixture import background
from headfit_zoo.mixture.command import app
from headfit_zoo.mixture.twins import kept


@pytest.fixture
def own_extractor(tmp_path: Path) -> Path:
    """A copy of the extractor that comes with headfit, whose manifest may be changed."""
    import headfit.extractors

    (folder,) = headfit.extractors.__path__
    for path in Path(folder).glob(f"{known_extractor().name}*"):
        shutil.copy(path, tmp_path)
    return tmp_path / f"{known_extractor().name}.tflite"


def test_it_is_measured_on_what_was_kept(
    mixture: Mixture, own_extractor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command: the same statistics as of the pictures embedded by hand; nothing else."""
    monkeypatch.setattr(background, "PICTURES", {"stripes": 9, "large": 50})
    names = [source.name for source in mixture.sources]
    assert names == ["stripes", "large"]
    monkeypatch.setattr("headfit_zoo.mixture.command.SOURCES", mixture.sources)
    before = load_manifest(own_extractor.with_suffix(".json"))
    work = mixture.packed.parent
    done = CliRunner().invoke(app, ["background", str(work), str(own_extractor)])
    assert done.exit_code == 0, done.output
    after = load_manifest(own_extractor.with_suffix(".json"))
    assert after.background is not None
    assert after.fingerprint == before.fingerprint
    extractor = Extractor.open()
    photos = []
    for pack, count in zip(mixture.packs, (9, 50), strict=True):
        rows = background.spread(kept(pack, mixture.packed), count)
        photos += [pack.jpeg(int(row)) for row in rows]
    expected = Background.of(extractor.embed(photos), after.background.made_from)
    assert after.background == expected
    assert after.background.n_pictures == len(photos)
    assert after.background.made_from.startswith("9 of stripes, ")


def test_rows_are_spread_evenly() -> None:
    rows = np.arange(10, 20)
    assert background.spread(rows, 4).tolist() == [10, 13, 16, 19]
    assert background.spread(rows, 99).tolist() == rows.tolist()


def test_the_shipped_extractor_has_one() -> None:
    """Of varied pictures, clothing not among them: what it is good for was measured there."""
    shipped = known_extractor().background
    assert shipped is not None
    assert shipped.n_pictures == 25_299
    for name in background.PICTURES:
        assert name in shipped.made_from
    assert "clothing" not in shipped.made_from
