"""SoftmaxHead: the trainable layer that turns embeddings into class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.estimator import Estimator
from headfit.filed_head import FiledHead
from headfit.files.class_names import (
    DescribedExtractor,
    check_rename,
    check_streamable,
    check_width,
    checked_embeddings,
    checked_names,
    classes_and_targets,
)
from headfit.files.manifest import ExtractorReference
from headfit.learning.fitting import Fit, fit_head
from headfit.learning.settings import DEFAULT_L2, Settings, settings_of
from headfit.learning.streaming import Stream
from headfit.maths.lbfgs import Progress
from headfit.privacy.noise import Privacy, fit_private

FloatArray: TypeAlias = npt.NDArray[np.float32]


class SoftmaxHead(FiledHead, Estimator):
    """A linear softmax layer on embeddings.

    However it was fitted, prediction is one product and one softmax: all that training scales or
    calibrates is folded into ``weights_`` and ``bias_``. Calibrated is by what the head, made
    without an example, says of it: ``training_["sharpness"]`` is the factor that the logits got.
    The same examples in the same order give the same bits.

    Parameters
    ----------
    method : str
        "imprint": the mean embedding of a class is its weights; best with one or two photos.
        "lda": linear discriminant analysis with a shrunk covariance. "logistic": multinomial
        logistic regression on standardised features, which minimises
        ``sum(-log p(class)) + l2 / 2 * sum(weights ** 2)`` with L-BFGS; best with many photos.
        "binary": signs for weights and for embeddings, 32 times smaller and less accurate; see
        `headfit.learning.binary`.
        "auto" chooses by the number of photos, and adds heads up as they are right about photos
        that they are made without: see `headfit.learning.fitting.fit_head`.
        ``training_["method"]`` says which.
    l2 : float or None
        Strength of the penalty; scikit-learn's ``C`` is ``1 / l2``. Logistic regression only. None:
        as leaving fifths out bids, at some twenty times the cost; ``training_["l2"]`` says which.
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
    weights_ : ndarray of shape (embedding_dim, n_classes), dtype float32
    bias_ : ndarray of shape (n_classes,), dtype float32
        ``logits = embeddings @ weights_ + bias_``; see ``thresholds_``.
    classes_ : tuple of str
        Class names in column order, sorted.
    class_counts_ : tuple of int
        Examples of each class.
    training_ : mapping
        How the head was fitted: the method and its settings; final loss in nats, iterations and
        whether it converged; the leave-one-out accuracy, None where every photo is alone in its
        class.
    storage_ : str
        How `save` stores the weights: see `headfit.files.headfile.HeadData`.
    thresholds_ : ndarray of shape (embedding_dim,), dtype float32, or None
        Of a binary head: embeddings become +1 where they are at least this, else -1, before they
        are multiplied.
    calibration_ : Calibration or None
        How sure the head must be of a photo that counts as known, and how large conformal sets
        must be; learned of examples that the head was made without.
    typicality_ : Typicality or None
        Where the embeddings of training lie, if the calibration asks for it.
    privacy_ : PrivacyGuarantee or None
        The differential privacy that fitting gave to each example.

    Examples
    --------
    >>> import numpy as np
    >>> embeddings = np.array([[0, 1], [0, 2], [5, 1], [6, 2]], np.float32)
    >>> head = SoftmaxHead().fit(embeddings, ["cup", "cup", "pen", "pen"])
    >>> head.classes_
    ('cup', 'pen')
    >>> [str(name) for name in head.predict(embeddings)]
    ['cup', 'cup', 'pen', 'pen']
    """

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
        self._stream: Stream | None = None  # what `partial_fit` remembers of earlier batches

    def fit(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
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
            class.
        extractor : Extractor, optional
            What made the embeddings. The head remembers it, and its file refuses any other.
        privacy : Privacy, optional
            Fit with noise, so that the head tells little of any one example; the parameters of the
            head count for nothing then. ``privacy_`` and the file say what is promised and under
            which assumptions, ``class_counts_`` are noised. See docs/privacy.md.
        progress : callable, optional
            Called as ``progress(iteration, loss)`` after every step of logistic regression; the
            other methods take no steps. An exception that it raises passes through and the head
            stays as it was: so training is cancelled.

        Raises
        ------
        InputError
            If the examples or the settings cannot be used.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        settings = self.settings()
        embeddings = checked_embeddings(embeddings)
        check_width(embeddings, extractor)
        names = checked_names(class_names, len(embeddings))
        classes, targets = classes_and_targets(names)
        if privacy is not None:
            manifest = None if extractor is None else extractor.manifest
            view = privacy.view(embeddings.shape[1], manifest)
            generator = np.random.default_rng()  # seeded by the system: nobody may guess the noise
            noised = fit_private(embeddings, targets, len(classes), privacy, view, generator)
            noised_fit = Fit(noised.weights, noised.bias, noised.training)
            self.become(noised_fit, classes, noised.class_counts, extractor)
            self.privacy_ = noised.guarantee
            return self
        fit = fit_head(embeddings, targets, len(classes), settings, progress=progress)
        counts = np.bincount(targets, minlength=len(classes)).tolist()
        self.become(fit, classes, counts, extractor)
        return self

    def partial_fit(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
        classes: Sequence[str] | None = None,
        extractor: DescribedExtractor | None = None,
    ) -> SoftmaxHead:
        """Go on training by one step of the solver on a batch, and return the head itself.

        For examples that come in streams and are not kept; `fit` and `headfit.learner.HeadLearner`
        learn more of the same examples. The loss is that of logistic regression, `l2`,
        `class_weight` and `label_smoothing` included. Classes may be new in any batch. A head that
        goes on is no longer calibrated, nor private: nothing was left out, and no noise was added.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
            Some dozens: the first batches say how features are spread.
        class_names : sequence of str, length n_samples
        classes : sequence of str, optional
            Further classes that later batches will have; the first batch and these must be two at
            least.
        extractor : Extractor, optional
            As in `fit`; by default the one that the head remembers.

        Raises
        ------
        InputError
            If the examples or the settings cannot be used, or the head is binary.
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
        check_width(checked, extractor)
        is_new = not hasattr(self, "weights_")
        if not is_new:
            check_streamable(self.weights_, self.thresholds_, checked)
            if extractor is not None:
                self.check_extractor(extractor.manifest)
        before = () if is_new else self.classes_
        names = checked_names(class_names, len(checked))
        if not names:
            raise InputError("expected at least one example in a batch, found none; leave it out")
        announced = [] if classes is None else checked_names(classes, len(classes))
        if len(set(announced)) < len(announced):
            raise InputError(
                f"expected different names of classes, found {len(announced)} of which "
                f"{len(set(announced))} are different; name each class once"
            )
        known, columns = classes_and_targets([*before, *announced, *names])
        stream = self._stream
        if is_new:
            stream = Stream.new(checked.shape[1])
        elif stream is None:
            stream = Stream.of(self.weights_, self.bias_, self.class_counts_)
        old = {name: column for column, name in enumerate(before)}
        stream = stream.at_columns([old.get(name, -1) for name in known])
        targets = columns[len(columns) - len(names) :]
        stream, loss = stream.after(checked, targets, settings)
        training = stream.training(settings, loss)
        remembered = self._extractor
        fit = Fit(stream.weights, stream.bias, training)
        self.become(fit, known, stream.counts.tolist(), extractor)
        self._extractor = self._extractor or remembered
        self._stream = stream
        return self

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name; nothing is trained, and columns stay sorted by name.

        Raises
        ------
        InputError
            If there is no such class, or the new name is taken or unusable.
        """
        self.require_fitted()
        check_rename(self.classes_, class_name, new_name)
        names = [new_name if name == class_name else name for name in self.classes_]
        order = sorted(range(len(names)), key=names.__getitem__)
        self.weights_ = np.ascontiguousarray(self.weights_[:, order])
        self.bias_ = self.bias_[order]
        self.classes_ = tuple(names[column] for column in order)
        self.class_counts_ = tuple(self.class_counts_[column] for column in order)
        self._stream = self._stream and self._stream.at_columns(order)

    def settings(self) -> Settings:
        """Return the parameters, checked; for `headfit.learner`."""
        return settings_of(**self.get_params())

    def unfitted(self) -> SoftmaxHead:
        """Return a new head with the same parameters; for `headfit.teaching`."""
        return SoftmaxHead(**self.get_params())

    def become(
        self,
        fit: Fit,
        classes: tuple[str, ...],
        class_counts: Sequence[int],
        extractor: DescribedExtractor | None,
    ) -> None:
        """Become what was fitted; for `headfit.learner`."""
        self.weights_, self.bias_, self.training_ = fit.weights, fit.bias, fit.training
        self.classes_, self.class_counts_ = classes, tuple(class_counts)
        self.thresholds_, self._stream = fit.thresholds, None
        self.storage_ = "float32" if fit.thresholds is None else "binary"
        self.calibration_, self.typicality_, self.privacy_ = fit.calibration, fit.typicality, None
        self._extractor = None if extractor is None else ExtractorReference.of(extractor.manifest)
