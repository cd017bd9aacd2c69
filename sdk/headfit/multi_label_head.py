"""MultiLabelHead: photos that show several classes at once, or none."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError, NotFittedError
from headfit.files.class_names import check_known
from headfit.files.disk import read_bounded
from headfit.files.headfile import MAX_FILE_BYTES
from headfit.files.label_sets import LabelSets, check_both_sides, checked_label_sets
from headfit.files.manifest import DescribedExtractor, Manifest, check_made
from headfit.files.multi_label_file import load_multi_label, save_multi_label
from headfit.files.tensors import rounded
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.multi_label import DEFAULT_L2, ClassProgress, fit_multi_label
from headfit.learning.multi_label_evaluation import MultiLabelEvaluation, evaluate_multi_label
from headfit.learning.origin import View
from headfit.learning.parameters import Parameters
from headfit.learning.settings import Settings, settings_of
from headfit.maths.arrays import (
    BoolArray,
    FloatArray,
    Scalar,
    check_columns,
    checked_embeddings,
    checked_groups,
    checked_weights,
    column_names,
    feature_names_in,
)
from headfit.privacy.sharing import released
from headfit.privacy.signing import verify_multi_label_bytes


class MultiLabelHead(Parameters):
    """A linear layer with a sigmoid per class: a photo may show several classes, or none.

    Each class is a penalised logistic regression of its own against all that does not show it. Its
    probability stands by itself; those of a photo do not sum to 1. As in `headfit.SoftmaxHead`,
    examples that each class was fitted without say how sharp its probabilities are, and from which
    probability on it counts as shown: docs/multi-label.md says how. The same examples give the same
    bits, in whatever order they come.

    Parameters
    ----------
    l2 : float
        Strength of the penalty: each class minimises
        ``sum(-log p(right)) + l2 / 2 * sum(weights ** 2)`` on standardised features;
        scikit-learn's ``C`` is ``1 / l2``.
    tolerance : float
        A class is fitted when the gradient's norm has fallen to this fraction of its first value.
    max_iterations : int
        Or after so many steps.

    Attributes
    ----------
    fitted_ : FittedMultiLabelHead
        All that was learned, as one value that never changes; the other attributes are read from
        it, and none is there before `fit` or `load`.
    weights_ : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_ : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights_ + bias_``.
    thresholds_ : ndarray of shape (n_classes,), dtype float32
        The probability from which on a class counts as shown.
    classes_ : ndarray of shape (n_classes,), of str
        Class names in column order.
    class_counts_ : tuple of int
        How many examples showed each class.
    training_ : mapping
        How the head was fitted.
    storage_ : str
        How `save` stores the weights if it is not told otherwise: "float32", "float16" or "int8".
    views_ : tuple of View
        How the extractor looked at each photo.

    Examples
    --------
    >>> import numpy as np
    >>> embeddings = np.array([[5, 0], [6, 1], [0, 5], [1, 6], [6, 6], [5, 5], [0, 0], [1, 0]])
    >>> label_sets = [["cup"], ["cup"], ["pen"], ["pen"], ["cup", "pen"], ["pen", "cup"], [], []]
    >>> head = MultiLabelHead(l2=0.1).fit(embeddings, label_sets)
    >>> head.predict([[5, 1], [7, 7], [0, 1]])
    [('cup',), ('cup', 'pen'), ()]
    """

    _estimator_type = "classifier"  # what scikit-learn before 1.6 asks for

    def __init__(
        self, *, l2: float = DEFAULT_L2, tolerance: float = 1e-4, max_iterations: int = 500
    ) -> None:
        self.l2 = l2
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self._fitted: FittedMultiLabelHead | None = None
        self._feature_names: tuple[str, ...] | None = None  # of the table that it was fitted on

    @classmethod
    def of(cls, fitted: FittedMultiLabelHead) -> MultiLabelHead:
        """Return a head that has learned this, with default parameters."""
        head = cls()
        head._fitted = fitted
        return head

    @property
    def fitted_(self) -> FittedMultiLabelHead:
        """All that was learned.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        """
        if self._fitted is None:
            raise NotFittedError("expected a fitted head, found a new one; call fit or load first")
        return self._fitted

    @property
    def is_fitted(self) -> bool:
        """Whether the head has learned anything yet."""
        return self._fitted is not None

    @property
    def weights_(self) -> FloatArray:
        """Shape (embedding_dim, n_classes)."""
        return self.fitted_.weights

    @property
    def bias_(self) -> FloatArray:
        """Shape (n_classes,)."""
        return self.fitted_.bias

    @property
    def thresholds_(self) -> FloatArray:
        """The probability from which on each class counts as shown."""
        return self.fitted_.thresholds

    @property
    def classes_(self) -> npt.NDArray[np.str_]:
        """Class names in column order."""
        return np.array(self.fitted_.classes)

    @property
    def class_counts_(self) -> tuple[int, ...]:
        """How many examples showed each class."""
        return self.fitted_.class_counts

    @property
    def training_(self) -> Mapping[str, Scalar]:
        """How the head was fitted."""
        return self.fitted_.training

    @property
    def storage_(self) -> str:
        """How `save` stores the weights if it is not told otherwise."""
        return self.fitted_.storage

    @property
    def views_(self) -> tuple[View, ...]:
        """How the extractor looked at each photo."""
        return self.fitted_.views

    @property
    def fingerprint_(self) -> str | None:
        """Fingerprint of the extractor that the head was fitted on, None if nobody said."""
        extractor = self.fitted_.extractor if self._fitted else None
        return extractor.fingerprint if extractor else None

    @property
    def n_features_in_(self) -> int:
        """What scikit-learn calls ``embedding_dim``."""
        return self.fitted_.embedding_dim

    @property
    def feature_names_in_(self) -> npt.NDArray[np.object_]:
        """As `headfit.SoftmaxHead.feature_names_in_`."""
        return feature_names_in(self._feature_names)

    def fit(
        self,
        embeddings: npt.ArrayLike,
        label_sets: LabelSets,
        sample_weight: npt.ArrayLike | None = None,
        *,
        classes: Iterable[str] | None = None,
        groups: Iterable[str | int | None] | None = None,
        extractor: DescribedExtractor | None = None,
        progress: ClassProgress | None = None,
    ) -> MultiLabelHead:
        """Forget everything, learn these examples, and return the head itself.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        label_sets : sequence of collections of str, or array of shape (n_samples, n_classes)
            The names of all classes that each example shows, ``[]`` for none; or an array of 0 and
            1 with ``classes``, or a table of them whose columns are named. What is not named counts
            as not shown. Names are kept in one form: `headfit.files.normal_name`.
        sample_weight : array of shape (n_samples,), optional
            How many examples each counts for, as for `headfit.SoftmaxHead.fit`.
        classes : sequence of str, optional
            The classes in the order of the columns, each shown by an example and not by all. By
            default the names that occur, sorted.
        groups : iterable of str, int or None, length n_samples, optional
            What belongs together, for instance the frames of one video, whatever each shows: as
            for `headfit.SoftmaxHead.fit`.
        extractor : Extractor, optional
            What made the embeddings. The head remembers it, and its file refuses any other.
        progress : callable, optional
            Called as ``progress(done, total)`` after every class. An exception that it raises
            passes through and the head stays as it was: so training is cancelled.

        Raises
        ------
        InputError
            If the examples or the settings cannot be used.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        settings = self._settings()
        feature_names = column_names(embeddings)
        checked = checked_embeddings(embeddings)
        if extractor is not None:
            extractor.manifest.check_width(checked)
        names, is_shown = checked_label_sets(label_sets, len(checked), classes)
        weights = numbers = None
        if sample_weight is not None:
            weights = checked_weights(sample_weight, len(checked))
        if groups is not None:
            numbers = checked_groups(groups, len(checked))
        if weights is not None and not weights.all():
            kept = np.flatnonzero(weights)
            checked, is_shown, weights = checked[kept], is_shown[kept], weights[kept]
            numbers = None if numbers is None else numbers[kept]
        check_both_sides(names, is_shown)
        fitted = fit_multi_label(checked, is_shown, names, settings, weights, numbers, progress)
        if extractor is not None:
            reference, views = extractor.manifest.reference(), tuple(extractor.views)
            fitted = replace(fitted, extractor=reference, views=views)
        self._fitted, self._feature_names = fitted, feature_names
        return self

    def decision_function(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return logits: above 0 where a class is more probable than not.

        Embeddings and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
        """
        return self._of(embeddings).logits(embeddings)

    def predict_proba(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return the probability of each class by itself, from 0 to 1.

        Embeddings and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
        """
        return self._of(embeddings).probabilities(embeddings)

    def predict(
        self, embeddings: npt.ArrayLike, *, threshold: npt.ArrayLike | None = None
    ) -> list[tuple[str, ...]]:
        """Return the names of all classes that each embedding shows.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        threshold : float, or array of shape (n_classes,), optional
            The probability from which on a class counts as shown, above 0 and at most 1; one, or
            one for each of `classes_`. By default `thresholds_`. Higher ones name less that is not
            there, and miss more that is.

        Returns
        -------
        list of n_samples tuples of str
            In the order of `classes_`; empty for what shows none.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings have another width or are not finite, or the threshold is no
            probability above 0.
        """
        fitted = self._of(embeddings)
        is_shown = fitted.shown(fitted.probabilities(embeddings), threshold)
        return [tuple(fitted.classes[column] for column in np.flatnonzero(row)) for row in is_shown]

    def evaluate(
        self,
        embeddings: npt.ArrayLike,
        label_sets: LabelSets,
        *,
        classes: Iterable[str] | None = None,
        threshold: npt.ArrayLike | None = None,
    ) -> MultiLabelEvaluation:
        """Return what the head gets right and wrong on examples whose classes are known.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        label_sets : sequence of collections of str, or array of shape (n_samples, n_classes)
            Of the head's classes.
        classes : sequence of str, optional
            The class of each column of an array, in any order: all of the head's.
        threshold : float, or array of shape (n_classes,), optional
            As for `predict`.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If embeddings, label sets or threshold cannot be used, or there are none; if they name
            classes that the head does not know.
        """
        fitted = self._of(embeddings)
        checked = checked_embeddings(embeddings)
        is_shown = self._shown(label_sets, len(checked), classes)
        if not len(checked):
            raise InputError("expected examples to evaluate on, found none; give at least one")
        return evaluate_multi_label(fitted, checked, is_shown, threshold)

    def score(
        self,
        embeddings: npt.ArrayLike,
        label_sets: LabelSets,
        *,
        classes: Iterable[str] | None = None,
        threshold: npt.ArrayLike | None = None,
    ) -> float:
        """Return the fraction of embeddings of which every class is right, from 0 to 1.

        Parameters and errors are those of `evaluate`.
        """
        found = self.evaluate(embeddings, label_sets, classes=classes, threshold=threshold)
        return found.subset_accuracy

    def _of(self, embeddings: npt.ArrayLike) -> FittedMultiLabelHead:
        """Return what was learned, if these are embeddings of columns as they were."""
        fitted = self.fitted_
        check_columns(embeddings, self._feature_names)
        return fitted

    def _shown(
        self, label_sets: LabelSets, n_samples: int, classes: Iterable[str] | None
    ) -> BoolArray:
        """Return what examples show, a column for each of the head's classes."""
        known = self.fitted_.classes
        given, is_shown = checked_label_sets(label_sets, n_samples, classes)
        check_known(given, known)
        missing = [name for name in known if name not in given]
        if classes is not None and missing:
            raise InputError(
                f"expected a column for each of the head's classes, found none for "
                f"{', '.join(missing)}; say of them too what is shown"
            )
        columns = np.zeros((n_samples, len(known)), np.bool_)
        columns[:, [known.index(name) for name in given]] = is_shown
        return columns

    def save(self, path: str | os.PathLike[str], *, storage: str | None = None) -> None:
        """Write a file (docs/multi-label-format.md), whole or not at all.

        Parameters
        ----------
        path : path
        storage : "float32", "float16" or "int8", optional
            How to store the weights, rounded if need be; by default as `storage_` says.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the storage does not suit the head.
        """
        save_multi_label(path, self._stored(storage))

    def share(
        self, path: str | os.PathLike[str], *, storage: str | None = None, force: bool = False
    ) -> None:
        """Write a file for others, as `save` does for the user, unless it gives photos away.

        Raises
        ------
        UnshareableHeadError
            If a class is shown, or not shown, by fewer than three examples; ``force`` writes it
            all the same.
        """
        save_multi_label(path, self.released(storage=storage, force=force))

    def released(self, *, storage: str | None = None, force: bool = False) -> FittedMultiLabelHead:
        """Return what `share` would write."""
        return released(self._stored(storage), force=force)

    def _stored(self, storage: str | None) -> FittedMultiLabelHead:
        """Return what was learned, rounded to what a storage can hold."""
        fitted = self.fitted_
        if storage is None or storage == fitted.storage:
            return fitted
        return replace(fitted, weights=rounded(fitted.weights, storage), storage=storage)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        extractor: DescribedExtractor | None = None,
        trusted_keys: Collection[str] | None = None,
    ) -> MultiLabelHead:
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : path
        extractor : Extractor, optional
            What will make the embeddings; the head must have been fitted on the same one, with the
            same views.
        trusted_keys : collection of str, optional
            Public keys, 64 hex digits each: one of them must have signed the file.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor, or on other views of photos.
        FileFormatError
            If the file is none of a multi-label head, or damaged.
        UntrustedHeadError
            If none of ``trusted_keys`` signed it.
        """
        if trusted_keys is None:
            fitted = load_multi_label(path).head
        else:
            file = read_bounded(path, MAX_FILE_BYTES)
            fitted = verify_multi_label_bytes(file, trusted_keys, os.fspath(path)).head
        if extractor is not None:
            check_made(extractor, fitted, os.fspath(path))
        return cls.of(fitted)

    def check_extractor(self, manifest: Manifest) -> None:
        """Refuse an extractor that this head was not fitted on.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        ExtractorMismatchError
            If the fingerprint is another than the one that the head remembers, or the width is.
        """
        manifest.check_head(self.fitted_, "this head")

    def _settings(self) -> Settings:
        if self.l2 is None:
            raise InputError("expected a number for l2, found None; leave it out for the default")
        return settings_of(("auto",), class_weight=None, **self.get_params())

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn, which alone calls this, what it may pass."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True, multi_output=True, single_output=False),
            classifier_tags=ClassifierTags(multi_label=True),
            input_tags=InputTags(),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Say to scikit-learn whether there is anything to predict with."""
        return self.is_fitted
