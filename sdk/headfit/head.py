"""SoftmaxHead: the trainable layer that turns embeddings into class probabilities."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

import headfit
from headfit.errors import InputError
from headfit.estimator import Estimator
from headfit.fields import Scalar
from headfit.files import read_bounded
from headfit.fitting import Fit, fit_head
from headfit.headblocks import PrivacyGuarantee
from headfit.headfile import MAX_FILE_BYTES, HeadData, load_head, save_head
from headfit.inputs import (
    DescribedExtractor,
    check_extractor,
    check_rename,
    check_width,
    checked_embeddings,
    classes_and_targets,
)
from headfit.manifest import ExtractorReference, Manifest
from headfit.predictor import Predictor
from headfit.privacy import Privacy, fit_private
from headfit.settings import DEFAULT_L2, Settings, check_settings
from headfit.sharing import released
from headfit.signing import verify_head_bytes
from headfit.solvers import Progress
from headfit.storage import rounded

FloatArray: TypeAlias = npt.NDArray[np.float32]


class SoftmaxHead(Predictor, Estimator):
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
        `headfit.binary_head`.
        "auto" chooses by the number of photos, and adds heads up as they are right about photos
        that they are made without: see `headfit.fitting.fit_head`. ``training_["method"]`` says
        which.
    l2 : float
        Strength of the penalty; scikit-learn's ``C`` is ``1 / l2``. Logistic regression only.
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
        How `save` stores the weights: see `headfit.headfile.HeadData`.
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

    class_counts_: tuple[int, ...]
    training_: Mapping[str, Scalar]
    storage_: str
    privacy_: PrivacyGuarantee | None

    def __init__(
        self,
        *,
        method: str = "auto",
        l2: float = DEFAULT_L2,
        class_weight: str | None = None,
        label_smoothing: float = 0.0,
        tolerance: float = 1e-4,
        max_iterations: int = 500,
    ) -> None:
        self.method = method
        self.l2 = l2
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self._extractor: ExtractorReference | None = None

    @property
    def fingerprint_(self) -> str | None:
        """Fingerprint of the extractor that the head was fitted on, None if nobody said."""
        return self._extractor.fingerprint if self._extractor else None

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
        classes, targets = classes_and_targets(class_names, len(embeddings))
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
        save_head(path, self.data(storage))

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

    def released(self, *, storage: str | None = None, force: bool = False) -> HeadData:
        """Return what `share` writes, with its errors; whatever else gives heads away asks here."""
        return released(self.data(storage), force=force)

    def data(self, storage: str | None = None) -> HeadData:
        """Return what `save` writes; for `headfit.signing`."""
        self.require_fitted()
        weights, storage = self.weights_, storage or self.storage_
        if storage != self.storage_:
            if self.thresholds_ is not None:
                raise InputError(
                    f"expected a storage of 'binary' for a binary head, found {storage!r}; fit "
                    "another head"
                )
            weights = rounded(weights, storage)
        return HeadData(
            weights=weights,
            bias=self.bias_,
            classes=self.classes_,
            class_counts=self.class_counts_,
            extractor=self._extractor,
            training=self.training_,
            headfit_version=headfit.__version__,
            storage=storage,
            thresholds=self.thresholds_,
            calibration=self.calibration_,
            typicality=self.typicality_,
            privacy=self.privacy_,
        )

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
            What will make the embeddings; the head must have been fitted on the same one.
        trusted_keys : collection of str, optional
            Public keys, 64 hex digits each: one of them must have signed the file.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file, or damaged.
        UntrustedHeadError
            If none of ``trusted_keys`` signed it.
        MissingExtraError
            If the library that checks signatures is not installed.
        """
        if trusted_keys is None:
            data = load_head(path)
        else:
            file = read_bounded(path, MAX_FILE_BYTES)
            data = verify_head_bytes(file, trusted_keys, os.fspath(path))
        if extractor is not None:
            check_extractor(data.extractor, len(data.weights), extractor.manifest, os.fspath(path))
        head = cls()
        head.weights_, head.bias_ = data.weights, data.bias
        head.classes_, head.class_counts_ = data.classes, data.class_counts
        head.training_, head._extractor = data.training, data.extractor
        head.storage_, head.thresholds_ = data.storage, data.thresholds
        head.calibration_, head.typicality_ = data.calibration, data.typicality
        head.privacy_ = data.privacy
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
        self.require_fitted()
        check_extractor(self._extractor, len(self.weights_), manifest, "this head")

    def settings(self) -> Settings:
        """Return the parameters, checked; for `headfit.learner`."""
        if self.class_weight not in (None, "balanced"):
            raise InputError(
                f"expected a class_weight of None or 'balanced', found {self.class_weight!r}"
            )
        settings = Settings(
            method=self.method,
            l2=self.l2,
            balanced=self.class_weight == "balanced",
            label_smoothing=self.label_smoothing,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        check_settings(settings)
        return settings

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
        self.thresholds_ = fit.thresholds
        self.storage_ = "float32" if fit.thresholds is None else "binary"
        self.calibration_, self.typicality_, self.privacy_ = fit.calibration, fit.typicality, None
        self._extractor = None if extractor is None else ExtractorReference.of(extractor.manifest)
