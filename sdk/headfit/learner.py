"""HeadLearner: examples that come and go, and the head that follows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.files.class_names import (
    checked_class,
    checked_class_name,
    checked_merge,
    checked_names,
    checked_rename,
)
from headfit.files.manifest import DescribedExtractor
from headfit.head import SoftmaxHead
from headfit.learning.class_sums import Example, RunningSums
from headfit.learning.feedback import Feedback, feedback_on
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitting import fit_head
from headfit.learning.held_out import HeldOut
from headfit.learning.problem import Problem
from headfit.locks import brief_lock, long_lock
from headfit.maths.arrays import (
    BoolArray,
    FloatArray,
    HashArray,
    TargetArray,
    check_column_names,
    check_sizes,
    checked_embeddings,
    checked_groups,
    checked_hashes,
    checked_numbers,
    column_names,
    listed,
    listed_groups,
)
from headfit.maths.grid import Grid
from headfit.maths.lbfgs import Progress

_LOCKS = ("_lock", "_fitting")


def checked_head(head: SoftmaxHead | None) -> SoftmaxHead | None:
    """Return what a caller passes as a head of one class a photo.

    Raises
    ------
    InputError
        If it is something else: a head of several, or what a head learned.
    """
    if not isinstance(head, (SoftmaxHead, type(None))):
        raise InputError(
            f"expected a SoftmaxHead, which gives each photo one class, found "
            f"{type(head).__name__}; pass one, or leave it out"
        )
    return head


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    """The examples that a head was fitted to, and what fitting found out.

    Attributes
    ----------
    head : SoftmaxHead
    fitted : FittedHead
        What the head knew then: its own methods may have taught it other things since.
    parameters : dict of str to object
        Of the head, then.
    classes : tuple of str
    numbers : tuple of int
        Of the examples, in the order of the embeddings.
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        A number for each class.
    photo_hashes : ndarray of shape (n_samples,), dtype uint64
    held_out : HeldOut
    version : int
        Of the examples.
    """

    head: SoftmaxHead
    fitted: FittedHead
    parameters: dict[str, Any]
    classes: tuple[str, ...]
    numbers: tuple[int, ...]
    embeddings: FloatArray
    targets: TargetArray
    photo_hashes: HashArray
    held_out: HeldOut
    version: int

    def is_known_by(self, head: SoftmaxHead) -> bool:
        """Return whether a head knows what it learned of these examples, and nothing else."""
        known = head.fitted_ if head.is_fitted else None
        return known is self.fitted and head.get_params() == self.parameters


class HeadLearner:
    """Keeps examples and the sums over them, and fits a head to those that are there.

    The head depends on which examples there are and on nothing else: not on the order in which they
    came, nor on others that came and were forgotten. It has the same bits, save where logistic
    regression on more than `headfit.learning.logistic.COLD_UP_TO` numbers begins at the optimum of
    before: there it stops at the same optimum within its tolerance; and save after `rename_class`,
    which trains nothing: of columns in another order some sums are rounded otherwise.

    It is safe to use from several threads. While one of them fits, others may add and forget; what
    they forget does not live on in the head.

    Parameters
    ----------
    head : SoftmaxHead, optional
        Its parameters say how to fit. It is never changed: each `fit` puts a new one in its place,
        that knows the examples and nothing of what this one was taught: a class without examples
        here is gone, and so are weights, calibration and thresholds of before;
        `SoftmaxHead.add_class` lets a head grow without its examples.
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
    1
    >>> head = learner.fit()
    >>> head.class_counts_
    (1, 2)
    """

    def __init__(
        self, head: SoftmaxHead | None = None, *, extractor: DescribedExtractor | None = None
    ) -> None:
        self.head = checked_head(head) or SoftmaxHead()
        self._extractor = extractor
        self._examples: dict[int, Example] = {}  # by number, in the order of their coming
        self._groups: dict[int, str | int] = {}  # of those that were given one
        self._hashes: dict[int, int] = {}  # of those whose photo has one
        self._feature_names: tuple[str, ...] | None = None  # of tables that examples came in
        self._next_number = 0
        self._version = 0  # counts what changes the examples
        self._losses = 0  # of these, what takes something away
        self._lesson: _Lesson | None = None
        self._optimum: tuple[tuple[str, ...], tuple[FloatArray, FloatArray]] | None = None
        self._sums = RunningSums()
        self._lock = brief_lock()  # of all above but the sums
        self._fitting = long_lock()  # held by the thread that fits; of the sums

    def __getstate__(self) -> dict[str, Any]:
        with self._fitting, self._lock:
            head, lesson = self.head.copy(), self._lesson  # whoever has the copy may teach its head
            if lesson is not None:
                lesson = replace(
                    lesson, head=head if lesson.head is self.head else lesson.head.copy()
                )
            state = dict(
                vars(self),
                head=head,
                _lesson=lesson,
                _examples=dict(self._examples),
                _groups=dict(self._groups),
                _hashes=dict(self._hashes),
                _sums=RunningSums(),
            )
        return {name: value for name, value in state.items() if name not in _LOCKS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=brief_lock(), _fitting=long_lock())

    @property
    def n_samples(self) -> int:
        """How many examples there are."""
        return len(self._examples)

    @property
    def names(self) -> dict[int, str]:
        """The class name of each example by its number, in the order of their coming."""
        with self._lock:
            return {number: name for number, (name, _) in self._examples.items()}

    @property
    def class_counts(self) -> dict[str, int]:
        """Examples of each class, sorted by name."""
        return dict(sorted(Counter(self.names.values()).items()))

    def add_examples(
        self,
        embeddings: npt.ArrayLike,
        class_names: Sequence[str] | npt.NDArray[np.str_],
        *,
        numbers: Sequence[int] | None = None,
        groups: Iterable[str | int | None] | None = None,
        photo_hashes: Sequence[int] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> list[int]:
        """Add examples, of old classes or new ones, and return their numbers, to forget them by.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        class_names : sequence of str, length n_samples
        numbers : sequence of int, optional
            What to call them, for instance their ids in a store; by default they are counted.
        groups : iterable of str, int or None, length n_samples, optional
            What belongs together, among examples of before too: see `SoftmaxHead.fit`.
        photo_hashes : sequence of int, length n_samples, optional
            `headfit.photos.perceptual_hash` of each photo, 0 for none: by it fewer photos are
            taken for near copies than by embeddings alone.
        feature_names : sequence of str, optional
            What the columns are called, as `headfit.store.Examples` has it; by default as in the
            table that ``embeddings`` is. Columns in another order than before are refused.

        Raises
        ------
        InputError
            If they cannot be used, or a number is taken; none is added.
        """
        checked = checked_embeddings(embeddings)
        if self._extractor is not None:
            self._extractor.manifest.check_width(checked)
        names = checked_names(class_names, len(checked))
        labels = [None] * len(names) if groups is None else listed_groups(groups, len(names))
        hashes = [0] * len(names) if photo_hashes is None else checked_hashes(photo_hashes)
        if len(hashes) != len(names):
            raise InputError(
                f"expected as many photo hashes as embeddings, found {len(hashes)} and "
                f"{len(names)}; give 0 where there is none"
            )
        if numbers is not None:
            numbers = checked_numbers(listed(numbers, "numbers"))
        columns = column_names(embeddings) if feature_names is None else tuple(feature_names)
        with self._lock:
            first = next(iter(self._examples.values()), None)
            known_columns = None if first is None else self._feature_names
            check_column_names(columns, known_columns)
            width = checked.shape[1] if first is None else len(first[1])
            if checked.shape[1] != width:
                raise InputError(
                    f"expected embeddings of width {width} as before, found width "
                    f"{checked.shape[1]}; use one extractor for all"
                )
            if numbers is None:
                numbers = list(range(self._next_number, self._next_number + len(names)))
            taken = sorted(self._examples.keys() & set(numbers))
            if taken or not len(set(numbers)) == len(numbers) == len(names):
                raise InputError(
                    f"expected a new number for each of {len(names)} examples, found "
                    f"{len(numbers)}, of which {len(set(numbers))} are different and {len(taken)} "
                    "were given before; leave numbers out to have them counted"
                )
            if numbers:
                self._feature_names = known_columns or columns
                self._next_number = max(self._next_number, max(numbers) + 1)
                new = zip(names, checked.copy(), strict=True)
                self._examples.update(zip(numbers, new, strict=True))
                self._groups.update(
                    (number, label)
                    for number, label in zip(numbers, labels, strict=True)
                    if label is not None
                )
                pairs = zip(numbers, hashes, strict=True)
                self._hashes.update((number, value) for number, value in pairs if value)
                self._version += 1
            return numbers

    def examples(self) -> tuple[FloatArray, list[str], list[str | int | None]]:
        """Return the examples that are there, in the order of their coming.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        class_names : list of str
        groups : list of str, int or None
            As they were given.
        """
        with self._lock:
            there = list(self._examples.values())
            groups = [self._groups.get(number) for number in self._examples]
        names = [name for name, _ in there]
        return np.array([embedding for _, embedding in there], np.float32), names, groups

    def contains(self, embeddings: npt.ArrayLike, class_names: Sequence[str]) -> BoolArray:
        """Return which examples are here already: the same embedding under the same name.

        Parameters
        ----------
        embeddings : array of shape (n_samples, embedding_dim)
        class_names : sequence of str, length n_samples

        Returns
        -------
        ndarray of shape (n_samples,), dtype bool

        Raises
        ------
        InputError
            If they cannot be used, as in `add_examples`.
        """
        with self._lock:
            here = {(name, embedding.tobytes()) for name, embedding in self._examples.values()}
            check_column_names(column_names(embeddings), self._feature_names if here else None)
        checked = checked_embeddings(embeddings)
        pairs = zip(checked_names(class_names, len(checked)), checked, strict=True)
        return np.array([(name, row.tobytes()) in here for name, row in pairs], np.bool_)

    def forget_examples(self, numbers: Iterable[int]) -> int:
        """Forget examples as if they had never been; return how many.

        A class whose last example goes is forgotten with it.

        Raises
        ------
        InputError
            If there is no such example; none is forgotten.
        """
        wanted = set(checked_numbers(numbers))
        with self._lock:
            self._check_numbers(wanted)
            self._forget(wanted)
        return len(wanted)

    def remove_class(self, class_name: str | int) -> int:
        """Forget a class and all its examples; return how many.

        Raises
        ------
        InputError
            If there is no such class.
        """
        with self._lock:
            class_name = checked_class(class_name, self.class_counts)
            return self.forget_examples(self.numbers_of(class_name))

    def move_examples(self, numbers: Iterable[int], class_name: str) -> int:
        """Give examples another class, a new one perhaps; return how many were of another.

        It is as if they had been taught so at once. A class that is left without examples is gone.
        The head learns of it at the next `fit`.

        Raises
        ------
        InputError
            If there is no such example, or ``class_name`` is unusable; none is moved.
        """
        wanted = set(checked_numbers(numbers))
        class_name = checked_class_name(class_name)
        with self._lock:
            self._check_numbers(wanted)
            moved = {n for n in wanted if self._examples[n][0] != class_name}
            for number in moved:
                self._examples[number] = class_name, self._examples[number][1]
            if moved:
                self._version += 1
                self._losses += 1
        return len(moved)

    def merge_classes(self, class_name: str | int, *, into: str | int) -> int:
        """Move all examples of a class to another one, as `move_examples`; return how many.

        Raises
        ------
        InputError
            If one of them is not there, or they are the same; none is moved.
        """
        with self._lock:
            class_name, into = checked_merge(self.class_counts, class_name, into)
            return self.move_examples(self.numbers_of(class_name), into)

    def numbers_of(self, class_name: str) -> list[int]:
        """Return the numbers of the examples of a class, in the order of their coming."""
        class_name = checked_class_name(class_name)
        return [number for number, name in self.names.items() if name == class_name]

    def rename_class(self, class_name: str | int, new_name: str | int) -> None:
        """Call a class by another name; the head too, without training.

        Raises
        ------
        InputError
            If there is no such class, or the new name is taken or unusable.
        """
        with self._lock:
            given = new_name  # a head that was given may have whole numbers for names
            class_name, new_name = checked_rename(self.class_counts, class_name, new_name)
            head, lesson = self.head, self._lesson
            if lesson and not (lesson.version == self._version and lesson.is_known_by(head)):
                lesson = None
            if head.is_fitted and class_name in head.fitted_.classes:
                head = head.copy()  # other threads may be predicting with that one
                head.rename_class(class_name, given)
            for number, (name, embedding) in self._examples.items():
                if name == class_name:
                    self._examples[number] = new_name, embedding
            self._version += 1
            self._losses += 1
            if lesson is not None:
                names = [new_name if name == class_name else name for name in lesson.classes]
                order = sorted(range(len(names)), key=names.__getitem__)
                self._lesson = replace(
                    lesson,
                    head=head,
                    fitted=head.fitted_,
                    classes=tuple(names[column] for column in order),
                    held_out=lesson.held_out.at_columns(order),
                    version=self._version,
                )
            self.head = head

    def fit(self, *, progress: Progress | None = None) -> SoftmaxHead:
        """Fit the head to the examples that are there now, and return it.

        Parameters
        ----------
        progress : callable, optional
            As in `SoftmaxHead.fit`; not called where nothing has changed since the last fit.

        Raises
        ------
        InputError
            If there are fewer than two classes, or some embeddings are out of all proportion.
        TrainingDivergedError
            If training leaves the finite numbers. The head stays as it was.
        """
        return self._learned(progress).head

    def drop_head(self) -> None:
        """Put a new head with the same parameters in the place of the head; examples stay."""
        with self._lock:
            self.head = self.head.unfitted()
            self._lesson = self._optimum = None
            self._losses += 1

    def feedback(self) -> Feedback:
        """Return what leaving examples out says of them; the head is fitted first.

        What is nearly one photo is left out together: see `headfit.learning.groups`.

        Raises
        ------
        InputError, TrainingDivergedError
            As `fit`.
        """
        lesson = self._learned(None)
        return feedback_on(
            lesson.held_out,
            lesson.classes,
            lesson.numbers,
            lesson.embeddings,
            lesson.targets,
            lesson.photo_hashes,
        )

    def effective_counts(self) -> dict[str, int]:
        """Return how many photos of each class there effectively are; the head is fitted first.

        As `Feedback.effective_counts`, and at no cost beside the fit.

        Raises
        ------
        InputError, TrainingDivergedError
            As `fit`.
        """
        lesson = self._learned(None)
        return dict(zip(lesson.classes, lesson.held_out.group_counts.tolist(), strict=True))

    def _learned(self, progress: Progress | None) -> _Lesson:
        """Fit the head if the examples have changed; return what was learned of them.

        What is added meanwhile waits for the next time; what is taken away does not: then it is
        fitted again.
        """
        with self._fitting:
            while True:
                with self._lock:
                    known = self._lesson
                    if known and known.version == self._version and known.is_known_by(self.head):
                        return known
                    version, losses = self._version, self._losses
                    examples, groups = dict(self._examples), dict(self._groups)
                    hashes, like = dict(self._hashes), self.head
                lesson, optimum = self._fit(examples, groups, hashes, like, version, progress)
                with self._lock:
                    if self._losses == losses:
                        self.head, self._lesson = lesson.head, lesson
                        self._optimum = optimum and (lesson.classes, optimum)
                        return lesson

    def _fit(
        self,
        examples: dict[int, Example],
        groups: dict[int, str | int],
        hashes: dict[int, int],
        like: SoftmaxHead,
        version: int,
        progress: Progress | None,
    ) -> tuple[_Lesson, tuple[FloatArray, FloatArray] | None]:
        classes = tuple(sorted({name for name, _ in examples.values()}))
        if len(classes) < 2:
            raise InputError(
                f"expected at least 2 classes, found {len(classes)}; add examples of something else"
            )
        columns = {name: column for column, name in enumerate(classes)}
        targets = np.array([columns[name] for name, _ in examples.values()], np.intp)
        embeddings = np.concatenate([embedding for _, embedding in examples.values()])
        embeddings = embeddings.reshape(len(targets), -1)
        check_sizes(embeddings, tuple(examples), "example")
        grid = Grid.of(embeddings)
        photo_hashes = np.array([hashes.get(n, 0) for n in examples], np.uint64)
        fit = fit_head(
            Problem(
                embeddings,
                targets,
                classes,
                like.settings(),
                given_groups=checked_groups(map(groups.get, examples), len(examples)),
                photo_hashes=photo_hashes,
                known_grid=grid,
                known_sums=self._sums.of(examples, classes, grid),
                start=self._start(columns),
                background=self._extractor.manifest.background if self._extractor else None,
                progress=progress,
            )
        )
        # A head of its own: other threads may be predicting with the one before.
        head = like.unfitted().become(fit.head, self._extractor, self._feature_names)
        lesson = _Lesson(
            head=head,
            fitted=head.fitted_,
            parameters=head.get_params(),
            classes=classes,
            numbers=tuple(examples),
            embeddings=embeddings,
            targets=targets,
            photo_hashes=photo_hashes,
            held_out=fit.held_out,
            version=version,
        )
        return lesson, fit.optimum

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

    def _check_numbers(self, numbers: set[int]) -> None:
        for number in numbers - self._examples.keys():
            raise InputError(
                f"expected numbers that adding returned, found {number!r}, which was never given "
                "or is forgotten; see the numbers of those that are there"
            )

    def _forget(self, numbers: set[int]) -> None:
        for number in numbers:
            del self._examples[number]
            self._groups.pop(number, None)
            self._hashes.pop(number, None)
        if numbers:
            self._version += 1
            self._losses += 1
