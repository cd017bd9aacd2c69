"""HeadLearner: examples that come and go, and the head that follows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.files.class_names import check_class, check_rename, checked_names
from headfit.files.manifest import DescribedExtractor
from headfit.head import SoftmaxHead
from headfit.learning.class_sums import ClassSums
from headfit.learning.feedback import Feedback, feedback_on
from headfit.learning.fitting import fit_head
from headfit.learning.held_out import HeldOut
from headfit.learning.problem import Problem
from headfit.maths.arrays import FloatArray, checked_embeddings
from headfit.maths.lbfgs import Progress


class HeadLearner:
    """Keeps examples and the sums over them, and fits a head to those that are there.

    What is forgotten leaves no trace: heads of sums are, to float tolerance, those that training
    from scratch without the photo gives, and logistic regression reaches the same optimum from
    where it was. Adding or forgetting an example costs the same however many there are.

    Parameters
    ----------
    head : SoftmaxHead, optional
        Its parameters say how to fit. It is never changed: each `fit` puts a new one in its place.
    extractor : Extractor, optional
        What makes the embeddings; the head remembers it.

    Attributes
    ----------
    head : SoftmaxHead
        As of the last `fit`.
    class_counts : dict of str to int
        Examples of each class, sorted by name.

    Examples
    --------
    >>> import numpy as np
    >>> learner = HeadLearner()
    >>> cups = learner.add_examples(np.array([[0, 1], [0, 2]], np.float32), ["cup", "cup"])
    >>> pens = learner.add_examples(np.array([[5, 1], [6, 2]], np.float32), ["pen", "pen"])
    >>> learner.forget_examples(cups[:1])
    >>> head = learner.fit()
    >>> head.class_counts_
    (1, 2)
    """

    def __init__(
        self, head: SoftmaxHead | None = None, *, extractor: DescribedExtractor | None = None
    ) -> None:
        self.head = SoftmaxHead() if head is None else head
        self._extractor = extractor
        self._embeddings: dict[int, FloatArray] = {}  # by number, in the order of their coming
        self._names: dict[int, str] = {}
        self._classes: tuple[str, ...] = ()  # sorted, the columns of the sums
        self._sums = ClassSums.empty(0)
        self._next_number = 0
        self._held_out: HeldOut | None = None  # None unless the head is that of the examples
        self._optimum: tuple[tuple[str, ...], tuple[FloatArray, FloatArray]] | None = None

    @property
    def n_samples(self) -> int:
        """How many examples there are."""
        return len(self._names)

    @property
    def names(self) -> dict[int, str]:
        """The class name of each example by its number, in the order of their coming."""
        return dict(self._names)

    @property
    def class_counts(self) -> dict[str, int]:
        """Examples of each class, sorted by name."""
        counts = Counter(self._names.values())
        return {name: counts[name] for name in self._classes}

    def add_examples(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
        numbers: Sequence[int] | None = None,
    ) -> list[int]:
        """Add examples, of old classes or new ones, and return their numbers, to forget them by.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        class_names : sequence of str, length n_samples
        numbers : sequence of int, optional
            What to call them, for instance their ids in a store; by default they are counted.

        Raises
        ------
        InputError
            If they cannot be used, or a number is taken; none is added.
        """
        checked = checked_embeddings(embeddings)
        if self._extractor is not None:
            self._extractor.manifest.check_width(checked)
        names = checked_names(class_names, len(checked))
        width = len(self._sums.moments) if self._classes else checked.shape[1]
        if checked.shape[1] != width:
            raise InputError(
                f"expected embeddings of width {width} as before, found width {checked.shape[1]}; "
                "use one extractor for all"
            )
        if numbers is None:
            numbers = range(self._next_number, self._next_number + len(names))
        taken = sorted(self._names.keys() & set(numbers))
        if taken or not len(set(numbers)) == len(numbers) == len(names):
            raise InputError(
                f"expected a new number for each of {len(names)} examples, found {len(numbers)}, "
                f"of which {len(set(numbers))} are different and {len(taken)} were given before; "
                "leave numbers out to have them counted"
            )
        if not len(names):
            return []
        if not self._classes:
            self._sums = ClassSums.empty(width)
        self._arrange(set(self._classes).union(names))
        self._sums = self._sums.plus(self._sums_of(checked, names))
        numbers = list(numbers)
        self._next_number = max(self._next_number, max(numbers) + 1)
        self._embeddings.update(zip(numbers, checked.copy(), strict=True))
        self._names.update(zip(numbers, names, strict=True))
        self._held_out = None
        return numbers

    def forget_examples(self, numbers: Iterable[int]) -> None:
        """Forget examples as if they had never been.

        Raises
        ------
        InputError
            If there is no such example, or a class would lose its last; none is forgotten.
        """
        numbers = set(numbers)
        unknown = sorted(numbers - self._names.keys())
        if unknown:
            raise InputError(
                f"expected numbers that add_examples returned, found {unknown[0]}, which was never "
                "given or is forgotten"
            )
        lost = Counter(self._names[number] for number in numbers)
        for name, count in self.class_counts.items():
            if lost[name] == count:
                raise InputError(
                    f"expected an example of {name!r} to stay, found that all {count} would go; "
                    "call remove_class to forget the class"
                )
        self._forget(sorted(numbers))

    def remove_class(self, class_name: str) -> None:
        """Forget a class and all its examples.

        Raises
        ------
        InputError
            If there is no such class.
        """
        check_class(class_name, self._classes)
        self._forget([number for number, name in self._names.items() if name == class_name])
        self._arrange(set(self._classes) - {class_name})

    def rename_class(self, class_name: str, new_name: str) -> None:
        """Call a class by another name; the head too, without training.

        Raises
        ------
        InputError
            If there is no such class, or the new name is taken or unusable.
        """
        check_rename(self._classes, class_name, new_name)
        head = self.head
        if head.is_fitted and class_name in head.classes_:
            head = head.copy()  # other threads may be predicting with that one
            head.rename_class(class_name, new_name)
            self.head = head
        names = [new_name if name == class_name else name for name in self._classes]
        order = sorted(range(len(names)), key=names.__getitem__)
        self._sums = self._sums.at_columns(order)
        self._classes = tuple(names[column] for column in order)
        for number, name in self._names.items():
            if name == class_name:
                self._names[number] = new_name
        if self._held_out is not None:
            self._held_out = self._held_out.at_columns(order)

    def fit(self, *, progress: Progress | None = None) -> SoftmaxHead:
        """Fit the head to the examples that are there now, and return it.

        Parameters
        ----------
        progress : callable, optional
            As in `SoftmaxHead.fit`; not called where nothing has changed since the last fit.

        Raises
        ------
        InputError
            If there are fewer than two classes.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        self._fitted(progress)
        return self.head

    def drop_head(self) -> None:
        """Put a new head with the same parameters in the place of the head; examples stay."""
        self.head = self.head.unfitted()
        self._held_out = self._optimum = None

    def feedback(self) -> Feedback:
        """Return what leaving examples out one by one says of them; the head is fitted first.

        Raises
        ------
        InputError, TrainingDivergedError
            As `fit`.
        """
        held_out = self._fitted(None)
        embeddings = np.stack(list(self._embeddings.values()))
        numbers = list(self._names)
        return feedback_on(held_out, self._classes, numbers, embeddings, self._sums)

    def _fitted(self, progress: Progress | None) -> HeldOut:
        """Fit the head if the examples have changed; return what was held out."""
        if self._held_out is not None:
            return self._held_out
        if len(self._classes) < 2:
            raise InputError(
                f"expected at least 2 classes, found {len(self._classes)}; add examples of "
                "something else"
            )
        settings = self.head.settings()
        columns = {name: column for column, name in enumerate(self._classes)}
        targets = np.array([columns[name] for name in self._names.values()], np.intp)
        embeddings = np.stack(list(self._embeddings.values()))
        fit = fit_head(
            Problem(
                embeddings,
                targets,
                self._classes,
                settings,
                known_sums=self._sums,
                start=self._start(columns),
                progress=progress,
            )
        )
        # A head of its own: other threads may be predicting with the one before.
        self.head = self.head.unfitted().become(fit.head, self._extractor)
        self._held_out = fit.held_out
        self._optimum = fit.optimum and (self._classes, fit.optimum)
        return fit.held_out

    def _start(self, columns: dict[str, int]) -> tuple[FloatArray, FloatArray] | None:
        """Return what logistic regression knew of these classes; of new ones, nothing."""
        if self._optimum is None:
            return None
        classes, (known_weights, known_bias) = self._optimum
        weights = np.zeros((len(known_weights), len(columns)), np.float32)
        bias = np.zeros(len(columns), np.float32)
        for old, name in enumerate(classes):
            if name in columns:
                weights[:, columns[name]] = known_weights[:, old]
                bias[columns[name]] = known_bias[old]
        return weights, bias

    def _forget(self, numbers: list[int]) -> None:
        embeddings = np.array([self._embeddings.pop(number) for number in numbers], np.float32)
        names = [self._names.pop(number) for number in numbers]
        if names:
            self._sums = self._sums.minus(self._sums_of(embeddings, names))
            self._held_out = None

    def _arrange(self, classes: set[str]) -> None:
        """Give the sums a column for each of ``classes``, sorted, and no other."""
        old = {name: column for column, name in enumerate(self._classes)}
        self._classes = tuple(sorted(classes))
        self._sums = self._sums.at_columns([old.get(name, -1) for name in self._classes])

    def _sums_of(self, embeddings: FloatArray, names: list[str]) -> ClassSums:
        columns = {name: column for column, name in enumerate(self._classes)}
        targets = np.array([columns[name] for name in names], np.intp)
        return ClassSums.of(embeddings, targets, len(columns))
