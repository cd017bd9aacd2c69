"""The open project as the screens show it: values made of the store, the head and its feedback."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from headfit import Feedback, SoftmaxHead
from headfit_demo.projects import Project
from headfit_demo.views import ClassView, PhotoView, ProjectView

SHOWN = 300
"""Of each class the newest so many photos are shown."""


def project_view(
    project: Project,
    class_names: Sequence[str],
    counts: Mapping[str, int],
    head: SoftmaxHead | None,
    said: Feedback | None,
    history: Sequence[tuple[int, float]],
    *,
    can_undo: bool,
) -> ProjectView:
    """Return the project with its classes and how well its head does."""
    return ProjectView(
        key=project.key,
        name=project.name,
        classes=tuple(
            ClassView(
                name,
                counts.get(name, 0),
                accuracy=said.accuracy.get(name) if said else None,
                needs_photos=said is not None and name in said.needs_photos,
            )
            for name in class_names
        ),
        n_photos=sum(counts.values()),
        head_classes=() if head is None else head.classes_,
        head_is_fresh=head is not None
        and counts == dict(zip(head.classes_, head.class_counts_, strict=True)),
        accuracy=history[-1][1] if said and history else None,
        accuracy_history=tuple(history),
        can_undo=can_undo,
    )


def photo_views(
    class_names: Sequence[str],
    names_by_id: Mapping[int, str],
    said: Feedback | None,
    picture: Callable[[int], bytes | None],
) -> dict[str, tuple[PhotoView, ...]]:
    """Return the newest photos of each class, the newest first, and what is odd about them."""
    doubts = said.likely_mislabelled if said else ()
    likelier = {doubt.number: doubt.likelier for doubt in doubts}
    repeated = {max(pair) for pair in said.near_duplicates} if said else set()
    ids: dict[str, list[int]] = defaultdict(list)
    for example_id, name in names_by_id.items():
        ids[name].append(example_id)
    return {
        name: tuple(
            PhotoView(i, picture(i), likelier.get(i), i in repeated)
            for i in reversed(ids[name][-SHOWN:])
        )
        for name in class_names
    }
