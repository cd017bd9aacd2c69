"""SoftmaxHead: the trainable layer that turns embeddings into class probabilities."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError, NotFittedError
from headfit.files.class_names import (
    MAX_CLASSES,
    check_known,
    checked_labels,
    checked_rename,
    classes_and_targets,
    is_whole_number,
)
from headfit.files.disk import read_bounded
from headfit.files.headfile import MAX_FILE_BYTES, load_head, save_head
from headfit.files.manifest import DescribedExtractor, Manifest, check_made
from headfit.files.tensors import rounded
from headfit.learning.calibration import Calibration
from headfit.learning.evaluation import Evaluation, evaluate_head
from headfit.learning.fitted_head import FittedHead, PrivacyGuarantee
from headfit.learning.fitting import METHODS, fit_head
from headfit.learning.growing import grown
from headfit.learning.origin import WHOLE, View
from headfit.learning.parameters import Parameters
from headfit.learning.prediction import Prediction
from headfit.learning.problem import Problem
from headfit.learning.recalibrating import recalibrated
from headfit.learning.settings import DEFAULT_L2, Settings, settings_of
from headfit.learning.streaming import Stream
from headfit.learning.typicality import Typicality
from headfit.locks import brief_lock
from headfit.maths.arrays import (
    FloatArray,
    Scalar,
    check_columns,
    check_sizes,
    checked_embeddings,
    checked_groups,
    checked_weights,
    column_names,
    feature_names_in,
)
from headfit.maths.lbfgs import Progress
from headfit.privacy.noise import Privacy, fit_private
from headfit.privacy.sharing import released
from headfit.privacy.signing import verify_head_bytes


class SoftmaxHead(Parameters):
    """A linear softmax layer on embeddings.

    However it was fitted, prediction is one product and one softmax: all that training scales or
    calibrates is folded into ``weights_`` and ``bias_``. Calibration uses held-out predictions:
    each example is scored by a head fitted without it, and ``training_["sharpness"]`` is the
    factor that the logits got. The same examples in the same order give the same bits.

    It keeps scikit-learn's contract for estimators, without scikit-learn: it works in
    `sklearn.base.clone`, in a grid search and at the end of a pipeline.

    Parameters
    ----------
    method : str
        "imprint": the mean embedding of a class is its weights; best with one or two photos.
        "lda": linear discriminant analysis with a shrunk covariance. "logistic": multinomial
        logistic regression on standardised features, which minimises
        ``sum(-log p(class)) + l2 / 2 * sum(weights ** 2)`` with L-BFGS; best with many photos.
        "binary": signs for weights and for embeddings, 32 times smaller and less accurate; see
        `headfit.learning.binary`.
        "auto" (default) chooses by the number of photos, and adds heads up by how right they are
        about held-out photos: see `headfit.learning.fitting.fit_auto`.
        ``training_["method"]`` says which.
    l2 : float or None
        Strength of the penalty; scikit-learn's ``C`` is ``1 / l2``. Logistic regression only. None:
        chosen by five-fold cross-validation, at some twenty times the cost; ``training_["l2"]``
        says which.
    class_weight : None or "balanced"
        "balanced" lets every class count the same, however many photos it has. By default every
        photo counts the same, so common classes are more probable.
    label_smoothing : float
        Share of each photo's class that is spread over all classes. Logistic regression only.
    tolerance : float
        Logistic regression stops when the gradient's norm has fallen to this fraction of its first
        value. float32 reaches about 1e-6.
    max_iterations : int
        Logistic regression stops after so many steps.
    solver : "adam" or "sgd"
        How `partial_fit` steps: Adam, or gradient descent with a momentum of 0.9.
    learning_rate : float
        How far `partial_fit` steps.

    Attributes
    ----------
    fitted_ : FittedHead
        All that was learned, as one value that never changes; the other attributes are read from
        it, and none is there before `fit` or `load`.
    weights_ : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_ : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights_ + bias_``; see ``thresholds_``.
    classes_ : ndarray of shape (n_classes,), of str
        Class names in column order; `fit` sorts them. Whole numbers, if `fit` was given whole
        numbers for names; a file holds them as text.
    class_counts_ : tuple of int
        Examples of each class.
    training_ : mapping
        How the head was fitted: the method and its settings; final loss in nats, iterations and
        whether it converged; the leave-one-out accuracy, None where every photo is alone in its
        class or `add_class` came after.
    storage_ : str
        How `save` stores the weights: see `headfit.learning.fitted_head.FittedHead`.
    thresholds_ : ndarray of shape (embedding_dim,), dtype float32, or None
        Of a binary head: embeddings become +1 where they are at least this, else -1, before they
        are multiplied.
    calibration_ : Calibration or None
        How sure the head must be of a photo that counts as known, and how large conformal sets
        must be; learned from held-out examples.
    typicality_ : Typicality or None
        Where the embeddings of training lie, if the calibration asks for it.
    privacy_ : PrivacyGuarantee or None
        The differential privacy that fitting gave to each example.
    views_ : tuple of View
        How the extractor looked at each photo: `headfit.Extractor.looking` at new ones so.

    Examples
    --------
    >>> import numpy as np
    >>> embeddings = np.array([[0, 1], [0, 2], [5, 1], [6, 2]], np.float32)
    >>> head = SoftmaxHead().fit(embeddings, ["cup", "cup", "pen", "pen"])
    >>> [str(name) for name in head.classes_]
    ['cup', 'pen']
    >>> [str(name) for name in head.predict(embeddings)]
    ['cup', 'cup', 'pen', 'pen']
    """

    _estimator_type = "classifier"  # what scikit-learn before 1.6 asks for

    def __init__(
        self,
        *,
        method: str = "auto",
        l2: float | None = DEFAULT_L2,
        class_weight: str | None = None,
        label_smoothing: float = 0.0,
        tolerance: float = 1e-4,
        max_iterations: int = 500,
        solver: str = "adam",
        learning_rate: float = 0.01,
    ) -> None:
        self.method = method
        self.l2 = l2
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.solver = solver
        self.learning_rate = learning_rate
        self._fitted: FittedHead | None = None
        self._stream: Stream | None = None  # what `partial_fit` remembers of earlier batches
        self._feature_names: tuple[str, ...] | None = None  # of the table that it was fitted on
        self._counts_classes = False  # whether the caller's class names are whole numbers
        self._lock = brief_lock()  # of what goes on from what was learned before

    @classmethod
    def of(cls, fitted: FittedHead) -> SoftmaxHead:
        """Return a head that has learned this, with default parameters."""
        head = cls()
        head._fitted = fitted
        return head

    @property
    def fitted_(self) -> FittedHead:
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
    def classes_(self) -> npt.NDArray[np.str_]:
        """Class names in column order."""
        classes = np.array(self.fitted_.classes)
        return classes.astype(np.int64) if self._counts_classes else classes

    @property
    def class_counts_(self) -> tuple[int, ...]:
        """Examples of each class."""
        return self.fitted_.class_counts

    @property
    def training_(self) -> Mapping[str, Scalar]:
        """How the head was fitted."""
        return self.fitted_.training

    @property
    def storage_(self) -> str:
        """How `save` stores the weights."""
        return self.fitted_.storage

    @property
    def thresholds_(self) -> FloatArray | None:
        """Of a binary head: where embeddings become +1."""
        return self.fitted_.thresholds

    @property
    def calibration_(self) -> Calibration | None:
        """How sure the head must be, as held-out examples tell."""
        return self.fitted_.calibration

    @property
    def typicality_(self) -> Typicality | None:
        """Where the embeddings of training lie."""
        return self.fitted_.typicality

    @property
    def privacy_(self) -> PrivacyGuarantee | None:
        """The differential privacy that fitting gave to each example."""
        return self.fitted_.privacy

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
        """Names of the columns of the table that the head was fitted on; not there without them.

        Any other table must have the same, in their order. A head file does not keep them.
        """
        return feature_names_in(self._feature_names)

    def fit(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: Iterable[str | int | None] | None = None,
        extractor: DescribedExtractor | None = None,
        privacy: Privacy | None = None,
        progress: Progress | None = None,
    ) -> SoftmaxHead:
        """Forget everything, learn these examples, and return the head itself.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        class_names : sequence of str, length n_samples
            The class of each example; at least two different ones. One example is enough for a
            class. Names are kept in one form, composed (NFC) and without space around them:
            `headfit.files.normal_name`.
        sample_weight : array of shape (n_samples,), optional
            How many examples each counts for: 2 is the example twice, 0 leaves it out. By default
            1. As evidence of how right the head is, examples count one, whatever their weights;
            ``class_counts_`` are of examples.
        groups : iterable of str, int or None, length n_samples, optional
            What belongs together, for instance the frames of one video. Examples of a class with
            the same group are left out together where the head is judged by examples that it was
            made without, and count as one there; so do examples that are nearly one photo, which
            `headfit.learning.groups` finds by itself. None says nothing.
        extractor : Extractor, optional
            What made the embeddings. The head remembers it, and its file refuses any other.
        privacy : Privacy, optional
            Fit with noise, so that the head tells little of any one example; the parameters of the
            head count for nothing then, and weights and groups are refused. ``privacy_`` and the
            file say what is promised and under which assumptions, ``class_counts_`` are noised. See
            docs/privacy.md.
        progress : callable, optional
            Called as ``progress(iteration, loss)`` after every step of logistic regression; the
            other methods take no steps. An exception that it raises passes through and the head
            stays as it was: so training is cancelled.

        Raises
        ------
        InputError
            If the examples or the settings cannot be used; if an embedding's numbers are more than
            100 times those of most, which no photo's are, and which would spoil the head.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        settings = self.settings()
        feature_names = column_names(embeddings)
        embeddings = checked_embeddings(embeddings)
        if extractor is not None:
            extractor.manifest.check_width(embeddings)
        names, are_whole = checked_labels(class_names, len(embeddings))
        weights = numbers = None
        if sample_weight is not None:
            weights = checked_weights(sample_weight, len(names))
        if groups is not None:
            numbers = checked_groups(groups, len(names))
        if privacy is not None and (weights is not None or numbers is not None):
            raise InputError(
                "expected no sample_weight and no groups for a private head, found some: its noise "
                "is for examples that count one, and none is left out to judge it; leave out one "
                "or the other"
            )
        if weights is not None and not weights.all():
            kept = np.flatnonzero(weights)
            embeddings, weights = embeddings[kept], weights[kept]
            names = [names[row] for row in kept]
            numbers = None if numbers is None else numbers[kept]
        classes, targets = classes_and_targets(names, are_whole=are_whole)
        if privacy is not None:
            manifest = None if extractor is None else extractor.manifest
            view = privacy.view(embeddings.shape[1], manifest)
            generator = np.random.default_rng()  # seeded by the system: nobody may guess the noise
            fitted = fit_private(embeddings, targets, classes, privacy, view, generator)
        else:
            background = None if extractor is None else extractor.manifest.background
            problem = Problem(
                embeddings,
                targets,
                classes,
                settings,
                weights,
                numbers,
                background=background,
                progress=progress,
            )
            fitted = fit_head(problem).head
        with self._lock:
            self._counts_classes = are_whole
            return self.become(fitted, extractor, feature_names)

    def partial_fit(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
        classes: Iterable[str] | None = None,
        extractor: DescribedExtractor | None = None,
    ) -> SoftmaxHead:
        """Go on training by one step of the solver on a batch, and return the head itself.

        For examples that come in streams and are not kept; `fit` and `headfit.learner.HeadLearner`
        learn more of the same examples. The loss is that of logistic regression, `l2`,
        `class_weight` and `label_smoothing` included. Classes may be new in any batch. A head that
        goes on is no longer calibrated, nor private: nothing was left out, and no noise was added.

        What batches do not show is forgotten. So the first batch of a head that was fitted or
        loaded must show every class; to let one grow by a class, `add_class` keeps the others.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
            Some dozens: the first batches say how features are spread.
        class_names : sequence of str, length n_samples
        classes : iterable of str, optional
            Further classes that later batches will have; the first batch and these must be two at
            least.
        extractor : Extractor, optional
            As in `fit`; by default the one that the head remembers.

        Raises
        ------
        InputError
            If the examples or the settings cannot be used, or the head is binary; if a head that
            was fitted or loaded knows classes that its first batch lacks.
        ExtractorMismatchError
            If the head was fitted on another extractor.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        settings = self.settings()
        if settings.l2 is None:
            raise InputError(
                "expected a number for l2, found None; a batch cannot choose it: name it, or fit"
            )
        checked = checked_embeddings(embeddings)
        check_sizes(checked)
        if classes is not None and not isinstance(classes, (str, bytes)):
            classes = list(classes)
        with self._lock:
            check_columns(embeddings, self._feature_names)
            before = self._fitted
            if extractor is not None:
                extractor.manifest.check_width(checked)
            if before is not None:
                Stream.check(before, checked)
                if extractor is not None:
                    check_made(extractor, before, "this head")
            names, are_whole = checked_labels(class_names, len(checked))
            if not names:
                raise InputError(
                    "expected at least one example in a batch, found none; leave it out"
                )
            announced: list[str] = []
            if classes is not None:
                announced, also_whole = checked_labels(classes, len(classes))
                if also_whole != are_whole:
                    raise InputError(
                        "expected classes named alike, found text and whole numbers; use one kind"
                    )
            if before is not None and are_whole != self._counts_classes:
                kinds = ("text", "whole numbers") if are_whole else ("whole numbers", "text")
                raise InputError(
                    f"expected class names as before, which were {kinds[0]}, found {kinds[1]}"
                )
            unseen = sorted(set(before.classes) - set(names)) if before else []
            if unseen and self._stream is None:
                raise InputError(
                    "expected examples of every class that the head knows in the first batch after "
                    f"fit or load, found none of {', '.join(unseen)}, which it would forget; add a "
                    "new class by add_class, or fit the head to all examples"
                )
            if len(set(announced)) < len(announced):
                raise InputError(
                    f"expected different names of classes, found {len(announced)} of which "
                    f"{len(set(announced))} are different; name each class once"
                )
            old = before.classes if before else ()
            known, columns = classes_and_targets([*old, *announced, *names], are_whole=are_whole)
            stream = self._stream
            if before is None:
                stream = Stream.new(checked.shape[1])
            elif stream is None:
                stream = Stream.of(before.weights, before.bias, before.class_counts)
            column_of = {name: column for column, name in enumerate(old)}
            stream = stream.at_columns([column_of.get(name, -1) for name in known])
            targets = columns[len(columns) - len(names) :]
            stream, loss = stream.after(checked, targets, settings)
            reference, views = (before.extractor, before.views) if before else (None, (WHOLE,))
            if reference is None and extractor is not None:
                reference, views = extractor.manifest.reference(), tuple(extractor.views)
            fitted = FittedHead(
                weights=stream.weights,
                bias=stream.bias,
                classes=known,
                class_counts=tuple(stream.counts.tolist()),
                training=stream.training(settings, loss),
                extractor=reference,
                views=views,
            )
            self._fitted, self._stream = fitted, stream
            self._feature_names = self._feature_names or column_names(embeddings)
            self._counts_classes = are_whole
            return self

    def add_class(
        self,
        class_name: str | int,
        embeddings: npt.ArrayLike,
        *,
        extractor: DescribedExtractor | None = None,
    ) -> SoftmaxHead:
        """Learn one more class without the examples of the others, and return the head itself.

        For a head that came in a file. With the examples of all classes `fit` keeps more: taught
        five photos of a further class, it kept 89 to 99 % of what was right of the others and
        recognised 48 to 89 % of the new one. This kept 87 to 97 % and recognised 45 to 95 %, the
        least where the extractor hardly tells the classes apart (docs/choosing-parameters.md): the
        bias is set so that the new class takes about a tenth of the others. What the head knows
        of the others stays, to the bit; the new class competes with them. The threshold of
        `is_known` and the sets of `predict_sets` take the new photos in, ``typicality_`` stays.

        Parameters
        ----------
        class_name : str, or int where the head's names are whole numbers
            Of a class that the head does not know.
        embeddings : array of shape (n_samples, embedding_dim)
            Of the new class, at least two photos that differ; five or more are well.
        extractor : Extractor, optional
            What made the embeddings; it must be the one that the head was fitted on.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the name is taken or unusable, or the embeddings are nearly one photo, or out of all
            proportion to each other or to what the head was fitted to; if the head does not know
            where its examples lay, as one that was fitted to fewer than 19 photos that could be
            left out, or by `partial_fit`; if it is private. The head stays as it was.
        ExtractorMismatchError
            If the head was fitted on another extractor.
        """
        checked = checked_embeddings(embeddings)
        (name,), is_whole = checked_labels([class_name], 1)
        with self._lock:
            before = self.fitted_
            check_columns(embeddings, self._feature_names)
            if extractor is not None:
                before = self.seen_through(extractor).fitted_
            if is_whole != self._counts_classes:
                kind = "a whole number" if self._counts_classes else "text"
                raise InputError(
                    f"expected {kind} for a class name, as before, found {class_name!r}"
                )
            if name in before.classes:
                raise InputError(
                    f"expected the name of a new class, found {name!r}, which the head knows; to "
                    "learn more of it, fit the head to the examples of all classes"
                )
            if len(before.classes) >= MAX_CLASSES:
                raise InputError(
                    f"expected a head of fewer than {MAX_CLASSES} classes, found that many"
                )
            after = grown(before, name, checked)
            if after.thresholds is None:
                after = replace(after, weights=rounded(after.weights, after.storage))
            self._fitted, self._stream = after.sorted_by_name(are_whole=is_whole), None
            return self

    def calibrate(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
        groups: Iterable[str | int | None] | None = None,
        extractor: DescribedExtractor | None = None,
    ) -> SoftmaxHead:
        """Learn from examples how sure to be, not what classes look like; return the head itself.

        For a head that nothing was left out to judge: one that was pooled, is private or went on by
        `partial_fit`. Its logits get one factor, which changes no class; the threshold of
        `is_known` and the sets of `predict_sets` are those of the examples, which should not have
        taught it. They are not noised, so that a private head is private no more.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
            Of the head's classes, not necessarily of all; with fewer than 19 no photo counts as
            unknown.
        class_names : sequence of str, length n_samples
        groups : iterable of str, int or None, length n_samples, optional
            As in `fit`.
        extractor : Extractor, optional
            What made the embeddings; it must be the one that the head was fitted on.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings or the names cannot be used, or there are none.
        ExtractorMismatchError
            If the head was fitted on another extractor.
        """
        checked = checked_embeddings(embeddings)
        check_sizes(checked)
        numbers = None if groups is None else checked_groups(groups, len(checked))
        with self._lock:
            before = self.fitted_
            check_columns(embeddings, self._feature_names)
            background = before.background
            if extractor is not None:
                check_made(extractor, before, "this head")
                background = extractor.manifest.background
            names = self._labels(class_names, len(checked))
            check_known(names, before.classes)
            if not names:
                raise InputError("expected examples to calibrate on, found none; give at least one")
            columns = {name: column for column, name in enumerate(before.classes)}
            targets = np.array([columns[name] for name in names], np.intp)
            after = recalibrated(before, checked, targets, numbers, background)
            if after.thresholds is None:  # scaled, they may be held by float32 alone
                after = replace(after, storage="float32")
            self._fitted, self._stream = after, None
            return self

    def predict(self, embeddings: npt.ArrayLike) -> npt.NDArray[np.str_]:
        """Return the most probable class of each embedding.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)

        Returns
        -------
        ndarray of shape (n_samples,), dtype str

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings have another width or are not finite.
        """
        columns = self._of(embeddings).logits.argmax(axis=1)
        names: npt.NDArray[np.str_] = self.classes_[columns]
        return names

    def predict_proba(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return the probability of every class, in the order of ``classes_``.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
            Each row sums to 1.
        """
        return self._of(embeddings).probabilities()

    def decision_function(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return the logits; of two classes their difference, as scikit-learn has it.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float32
        """
        logits = self._of(embeddings).logits
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def is_known(self, embeddings: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return whether each embedding seems to show one of the classes at all.

        A photo is unknown if the head is less sure of it than of 95 % of the held-out examples: see
        `sureness`. With fewer than 19 of these nothing is known of that, and every photo counts as
        known; so it does with a head that was never calibrated.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples,), dtype bool
        """
        return self._of(embeddings).are_known()

    def sureness(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Return how sure the head is that an embedding shows any of its classes.

        By the score that the head was calibrated with, in its own unit. That of `fit` with an
        extractor that has a background is how much the embedding is like the nearest of up to 16
        classes: `headfit.learning.likeness.Likeness`. Otherwise it is how far the largest logit is
        above the mean one, less how far the embedding is from those of training; with fewer than
        19 held-out examples it is the largest probability.

        Parameters and errors are those of `predict`.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
        """
        return self._of(embeddings).sureness()

    def predict_sets(
        self, embeddings: npt.ArrayLike, coverage: float = 0.9
    ) -> list[tuple[str, ...]]:
        """Return for each embedding the classes that it may show: "A or B".

        Conformal prediction: of new photos like the old ones, taken over all classes, the share
        whose class is in the set is about ``coverage`` or more (see
        `headfit.learning.calibration.calibrate`). With too few examples to tell, all classes are
        in it.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        coverage : float
            Above 0 and below 1.

        Returns
        -------
        list of n_samples tuples of str
            Class names, the most probable first; at least one.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings or the coverage cannot be used.
        """
        return self._of(embeddings).sets(coverage)

    def top_k(self, embeddings: npt.ArrayLike, k: int) -> list[list[tuple[str, float]]]:
        """Return the ``k`` most probable classes of each embedding with their probabilities.

        Parameters and errors are those of `predict`.

        Returns
        -------
        list of n_samples lists of (class name, probability)
            Best first; fewer than ``k`` where the head has fewer classes.
        """
        return self._of(embeddings).top_k(k)

    def rename_class(self, class_name: str | int, new_name: str | int) -> None:
        """Call a class by another name; nothing is trained, and columns are sorted by name.

        Names that are whole numbers stay whole numbers, unless a class is given a text.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If there is no such class, or the new name is taken or unusable.
        """
        with self._lock:
            before = self.fitted_
            are_whole = self._counts_classes and is_whole_number(new_name)
            class_name, new_name = checked_rename(before.classes, class_name, new_name)
            after = before.renamed(class_name, new_name, are_whole=are_whole)
            if self._stream is not None:
                renamed = {new_name: class_name}
                order = [before.classes.index(renamed.get(name, name)) for name in after.classes]
                self._stream = self._stream.at_columns(order)
            self._fitted, self._counts_classes = after, are_whole

    def save(self, path: str | os.PathLike[str], *, storage: str | None = None) -> None:
        """Write a head file (docs/head-format.md), whole or not at all.

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
            If the weights cannot be stored so. Signs stay signs, and are not made by rounding: a
            binary head is fitted with ``method="binary"``.
        """
        save_head(path, self._stored(storage))

    def share(
        self, path: str | os.PathLike[str], *, storage: str | None = None, force: bool = False
    ) -> None:
        """Write a head file for others, as `save` does for the user, unless it gives photos away.

        Raises
        ------
        UnshareableHeadError
            If a class rests on fewer than three examples and the head is not private; ``force``
            writes it all the same.
        """
        save_head(path, self.released(storage=storage, force=force))

    def released(self, *, storage: str | None = None, force: bool = False) -> FittedHead:
        """Return what `share` writes, with its errors; whatever else gives heads away asks here."""
        return released(self._stored(storage), force=force)

    def _stored(self, storage: str | None) -> FittedHead:
        """Return what was learned, rounded to what a storage can hold."""
        fitted = self.fitted_
        if storage is None or storage == fitted.storage:
            return fitted
        if fitted.thresholds is not None:
            raise InputError(
                f"expected a storage of 'binary' for a binary head, found {storage!r}; fit another "
                "head"
            )
        return replace(fitted, weights=rounded(fitted.weights, storage), storage=storage)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        extractor: DescribedExtractor | None = None,
        trusted_keys: Collection[str] | None = None,
    ) -> SoftmaxHead:
        """Read a head file.

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
            If the file is no head file, or damaged.
        UntrustedHeadError
            If none of ``trusted_keys`` signed it.
        """
        if trusted_keys is None:
            fitted = load_head(path).head
        else:
            file = read_bounded(path, MAX_FILE_BYTES)
            fitted = verify_head_bytes(file, trusted_keys, os.fspath(path)).head
        if extractor is not None:
            check_made(extractor, fitted, os.fspath(path))
            fitted = replace(fitted, background=extractor.manifest.background)
        return cls.of(fitted)

    def seen_through(self, extractor: DescribedExtractor) -> SoftmaxHead:
        """Return a head that knows the same and has this extractor's background.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor, or compares with another background.
        """
        extractor.manifest.check_head(self.fitted_, "this head")
        head = self.copy()
        head._fitted = replace(self.fitted_, background=extractor.manifest.background)
        return head

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

    def score(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """Return the fraction of embeddings whose class is predicted, from 0 to 1.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        class_names : sequence of str, length n_samples
        sample_weight : array of shape (n_samples,), optional
            How much each counts, as in `fit`.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the embeddings, the names or the weights cannot be used, or there are none; if the
            names are of another kind than those of `fit`, so that none could ever be right.
        """
        predicted = self.predict(embeddings)
        names = self._labels(class_names, len(predicted))
        weights = None if sample_weight is None else checked_weights(sample_weight, len(names))
        if not names:
            raise InputError("expected examples to score, found none; give at least one")
        return float(np.average(predicted.astype(np.str_) == np.array(names), weights=weights))

    def evaluate(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
    ) -> Evaluation:
        """Return what the head gets right and wrong on examples whose classes are known.

        Parameters and errors are those of `score`; further, every class must be one of the head's.
        """
        checked = checked_embeddings(embeddings)
        names = self._labels(class_names, len(checked))
        check_known(names, self.fitted_.classes)
        check_columns(embeddings, self._feature_names)
        if not names:
            raise InputError("expected examples to evaluate on, found none; give at least one")
        return evaluate_head(self.fitted_, checked, names)

    def _labels(
        self, class_names: Sequence[str] | npt.NDArray[np.str_], n_samples: int
    ) -> list[str]:
        """Return names of classes as text, if they are of the kind that `fit` was given."""
        names, are_whole = checked_labels(class_names, n_samples)
        if names and are_whole != self._counts_classes:
            raise InputError(
                f"expected class names like {self.classes_[0]!r}, found {names[0]!r} as "
                f"{'a whole number' if are_whole else 'text'}; use the kind of names of fit"
            )
        return names

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn, which alone calls this, what it may pass."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Say to scikit-learn whether there is anything to predict with."""
        return self.is_fitted

    def settings(self) -> Settings:
        """Return the parameters, checked; for `headfit.HeadLearner`."""
        return settings_of(METHODS, **self.get_params())

    def unfitted(self) -> SoftmaxHead:
        """Return a new head with the same parameters."""
        return SoftmaxHead(**self.get_params())

    def copy(self) -> SoftmaxHead:
        """Return a head of its own that knows the same; what is learned is shared, not copied."""
        return copy.copy(self)

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=brief_lock())

    def become(
        self,
        fitted: FittedHead,
        extractor: DescribedExtractor | None,
        feature_names: tuple[str, ...] | None = None,
    ) -> SoftmaxHead:
        """Become what was fitted on this extractor's embeddings, and return the head itself.

        ``feature_names`` are those of the columns of the table that held these.
        """
        if extractor is None:
            made = replace(fitted, extractor=None, views=(WHOLE,))
        else:
            reference, views = extractor.manifest.reference(), tuple(extractor.views)
            made = replace(fitted, extractor=reference, views=views)
        with self._lock:
            self._fitted, self._stream, self._feature_names = made, None, feature_names
        return self

    def _of(self, embeddings: npt.ArrayLike) -> Prediction:
        fitted = self.fitted_
        check_columns(embeddings, self._feature_names)
        return Prediction.of(fitted, embeddings)
