"""The tree of errors is the one that is drawn."""

from __future__ import annotations

import inspect

import pytest

from headfit import errors

PARENTS = {
    "HeadfitError": (Exception,),
    "InputError": (errors.HeadfitError, ValueError),
    "NotFittedError": (errors.InputError, AttributeError),
    "UnshareableHeadError": (errors.InputError,),
    "ImageError": (errors.HeadfitError, ValueError),
    "FileFormatError": (errors.HeadfitError, ValueError),
    "UnsupportedVersionError": (errors.FileFormatError,),
    "UntrustedHeadError": (errors.FileFormatError,),
    "MissingExtraError": (errors.HeadfitError, ImportError),
    "ExtractorError": (errors.HeadfitError,),
    "ExtractorMissingError": (errors.ExtractorError,),
    "ExtractorMismatchError": (errors.ExtractorError,),
    "EngineMissingError": (errors.ExtractorError, ImportError),
    "StoreError": (errors.HeadfitError,),
    "DamagedStoreError": (errors.StoreError,),
    "TrainingDivergedError": (errors.HeadfitError, ArithmeticError),
}


def test_no_error_is_missing_or_extra() -> None:
    """The module holds the tree and nothing else."""
    classes = [name for name, _ in inspect.getmembers(errors, inspect.isclass)]
    assert sorted(PARENTS) == classes


@pytest.mark.parametrize("name", sorted(PARENTS))
def test_each_error_has_its_parents(name: str) -> None:
    """A caller may catch ours or the standard one."""
    assert getattr(errors, name).__bases__ == PARENTS[name]
    assert name in str(errors.__doc__)
