"""scikit-learn's contract for estimators, kept without scikit-learn.

So a head works in `sklearn.base.clone`, in a grid search and at the end of a pipeline.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError

Self = TypeVar("Self", bound="Estimator")


class Estimator(ABC):
    """Parameters by name: those of ``__init__``, each kept unchanged in an attribute."""

    _estimator_type = "classifier"  # what scikit-learn before 1.6 asks for

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; none holds an estimator, so ``deep`` changes nothing."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self: Self, **parameters: Any) -> Self:
        """Change parameters and return the head itself; they count from the next `fit` on.

        Raises
        ------
        InputError
            If there is no such parameter; none is changed.
        """
        known = self.get_params()
        unknown = sorted(parameters.keys() - known.keys())
        if unknown:
            raise InputError(
                f"expected parameters out of {', '.join(known)}, found {', '.join(unknown)}; "
                "see get_params"
            )
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    weights_: npt.NDArray[np.float32]

    @property
    def n_features_in_(self) -> int:
        """What scikit-learn calls ``embedding_dim``; not there before `fit`."""
        return len(self.weights_)

    @abstractmethod
    def predict(self, embeddings: npt.ArrayLike) -> npt.NDArray[np.str_]:
        """Return the most probable class of each embedding."""

    def score(
        self, embeddings: npt.ArrayLike, class_names: Sequence[str] | npt.NDArray[np.str_]
    ) -> float:
        """Return the fraction of embeddings whose class is predicted, from 0 to 1."""
        return float(np.mean(self.predict(embeddings) == np.asarray(class_names)))

    def __repr__(self) -> str:
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if getattr(self, name) != parameter.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn, which alone calls this, what it may pass."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(),
        )
