"""What a .tflite says of itself: read where it is whole, named where it contradicts itself."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from tests.support.foreign import Foreign, with_metadata

from headfit.errors import ExtractorError
from headfit.networks.tflite.metadata import Metadata, read_metadata

pytest.importorskip("flatbuffers")


def test_a_file_that_says_nothing() -> None:
    assert read_metadata(Foreign("float32").model) == Metadata()


def test_everything_that_is_read() -> None:
    """Normalisation, labels out of the archive behind, author and licence."""
    model = with_metadata(
        Foreign("float32").model,
        mean=[127.5],
        std=[64.0, 32.0, 16.0],
        labels=["tench", "goldfish"],
        author="Larq\n users",
        licence="Apache-2.0",
    )
    found = read_metadata(model)
    assert (found.mean, found.std) == ((127.5,), (64.0, 32.0, 16.0))
    assert found.labels == ("tench", "goldfish")
    assert (found.author, found.licence) == ("Larq users", "Apache-2.0")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"mean": [1.0, 2.0], "std": [1.0]}, "2 means and 1 deviations"),
        ({"mean": [1.0], "std": [0.0]}, "the deviation"),
        ({"mean": [float("nan")], "std": [1.0]}, "the mean"),
        ({"mean": [1.0] * 9, "std": [1.0]}, "9 entries"),
        ({"mean": [1.0], "std": [1.0], "buffer": 4000}, "names buffer 4000"),
        ({"mean": [1.0], "std": [1.0], "identifier": b"M999"}, "identifier M001"),
    ],
)
def test_metadata_that_lies(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ExtractorError, match=f"(?s){reason}.*give --mean and --std"):
        read_metadata(with_metadata(Foreign("float32").model, **said))


def test_labels_that_are_not_there() -> None:
    model = with_metadata(Foreign("float32").model, labels=["a"], mean=[0.0], std=[1.0])
    archive = model.rindex(b"PK\x03\x04")
    with pytest.raises(ExtractorError, match="its file of labels cannot be read"):
        read_metadata(model[:archive])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("labels.txt", b"a\n" * (1 << 20))
    with pytest.raises(ExtractorError, match="its labels have more than"):
        read_metadata(model[:archive] + stream.getvalue())


def test_the_tables_are_those_of_the_schema() -> None:
    """Read by the module that was generated from it."""
    schema = pytest.importorskip("tensorflow_lite_support.metadata.metadata_schema_py_generated")
    from tests.support.foreign import metadata_bytes

    data = metadata_bytes(mean=[1.0], std=[2.0], labels=["a"], author="me", licence="MIT")
    assert schema.ModelMetadata.ModelMetadataBufferHasIdentifier(data, 0)
    root = schema.ModelMetadata.GetRootAs(data, 0)
    assert (root.Author(), root.License()) == (b"me", b"MIT")
    subgraph = root.SubgraphMetadata(0)
    unit = subgraph.InputTensorMetadata(0).ProcessUnits(0)
    assert unit.OptionsType() == schema.ProcessUnitOptions.NormalizationOptions
    options = schema.NormalizationOptions()
    options.Init(unit.Options().Bytes, unit.Options().Pos)
    assert (options.Mean(0), options.Std(0)) == (1.0, 2.0)
    labels = subgraph.OutputTensorMetadata(0).AssociatedFiles(0)
    assert labels.Name() == b"labels.txt"
    assert labels.Type() == schema.AssociatedFileType.TENSOR_AXIS_LABELS
