"""``headfit audit``: membership inference attacks on a head, and on heads like it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from headfit.commands import terminal
from headfit.commands.examples import examples_of
from headfit.commands.options import HEAD, JSON, PATH, STORE
from headfit.commands.paths import Command
from headfit.errors import InputError
from headfit.head import SoftmaxHead
from headfit.learning.settings import DEFAULT_L2
from headfit.maths.arrays import FloatArray
from headfit.privacy.leakage import FALSE_ALARMS, Fitting, Leakage, measure_leakage
from headfit.privacy.noise import METHODS, Privacy
from headfit.privacy.public_view import PublicView

VIEW_WIDTH = 64


@click.command(cls=Command)
@HEAD
@STORE
@click.option("--heads", default=64, show_default=True, help="How many heads to fit and attack.")
@click.option(
    "--epsilon",
    default=1.0,
    show_default=True,
    help="Of the private heads beside it, unless HEAD is private itself.",
)
@click.option(
    "--public",
    metavar="STORE",
    type=PATH,
    help="Embeddings of public pictures: the view of private heads is made of them.",
)
@JSON
def audit(
    head: Path, store_path: Path, heads: int, epsilon: float, public: Path | None, as_json: bool
) -> None:
    """Measure what HEAD tells of the photos in STORE, which taught it.

    Fits heads on all of STORE but an eighth of the photos, as HEAD was fitted and with noise, and
    attacks them and HEAD: which photos did each see? The attacker knows the photos and the method.
    """
    fitted = SoftmaxHead.load(head)
    examples = examples_of(store_path, fitted, head)
    view = None if public is None else examples_of(public, fitted, head).embeddings
    privacy = _privacy(fitted, examples.embeddings, epsilon, view)
    is_private = fitted.privacy_ is not None
    ways: dict[str, Fitting] = {
        "plain": _plain(fitted),
        "private": lambda values, names: SoftmaxHead().fit(values, names, privacy=privacy).fitted_,
    }
    found = {
        kind: measure_leakage(
            examples.embeddings,
            examples.class_names,
            fit,
            n_heads=heads,
            head=fitted.fitted_ if is_private == (kind == "private") else None,
        )
        for kind, fit in ways.items()
    }
    counted = tuple(examples.class_names.count(name) for name in fitted.fitted_.classes)
    # A private head's counts are noised.
    is_whole = is_private or (
        counted == fitted.class_counts_ and sum(counted) == len(examples.class_names)
    )
    if as_json:
        rows = {kind: asdict(leakage) for kind, leakage in found.items()}
        promised = {"epsilon": privacy.epsilon, "delta": privacy.delta, "method": privacy.method}
        terminal.print_json(**rows, privacy=promised, counts_agree=is_whole)
        return
    _print(found, privacy, is_whole)


def _print(found: dict[str, Leakage], privacy: Privacy, is_whole: bool) -> None:
    asked = found["plain"].n_samples
    terminal.echo(f"Attacked {found['plain'].n_heads} heads of each kind, about {asked} photos:")
    for kind, leakage in found.items():
        what = f"private, epsilon {privacy.epsilon:g}" if kind == "private" else "plain"
        terminal.echo(_line(what, leakage.auc, leakage.tpr))
        if leakage.head_auc is not None and leakage.head_tpr is not None:
            terminal.echo(_line("HEAD itself", leakage.head_auc, leakage.head_tpr))
    terminal.echo(
        f"Guessing has AUC 0.5 and recognises {FALSE_ALARMS:.0%}. Recognised means: said to have "
        f"taught the head, where {FALSE_ALARMS:.0%} of photos that did not are said so too."
    )
    if not is_whole:
        terminal.echo(
            "STORE has not as many photos of each class as taught HEAD: what is said of HEAD "
            "itself is not to be relied on."
        )


def _line(what: str, auc: float, tpr: float) -> str:
    return f"  {what:22} AUC {auc:.3f}, {tpr:.1%} of the photos that taught it recognised"


def _plain(head: SoftmaxHead) -> Fitting:
    """Return how to fit heads as this one was, as far as its file says."""
    training = head.training_
    method, l2 = training.get("asked_for"), training.get("l2")
    like = SoftmaxHead(
        method=method if isinstance(method, str) else "auto",
        l2=l2 if isinstance(l2, float) else DEFAULT_L2,
        class_weight="balanced" if training.get("balanced") is True else None,
    )
    like.settings()  # refuse now what no head can be fitted with
    return lambda values, names: like.unfitted().fit(values, names).fitted_


def _privacy(
    head: SoftmaxHead, embeddings: FloatArray, epsilon: float, public: FloatArray | None
) -> Privacy:
    """Return the privacy of heads like this one; a head file says little of its public view."""
    training, promise = head.training_, head.privacy_
    width, norm = training.get("view_width"), training.get("view_norm")
    dim = embeddings.shape[1]
    if promise is None:
        width, norm = min(VIEW_WIDTH, dim), None
    if public is not None:
        view = PublicView.of(public, width if isinstance(width, int) else VIEW_WIDTH)
        if norm is not None and not np.isclose(view.norm, float(norm), rtol=1e-6):
            raise InputError(
                f"expected the public pictures of the head's own view, of which the median norm is "
                f"{norm}, found {view.norm}; give the same pictures"
            )
    elif promise is not None and width != dim:
        raise InputError(
            f"expected --public STORE for a head with a public view of {width} directions, found "
            "none: heads like it need the pictures that the view was made of"
        )
    else:
        usual = float(np.median(np.linalg.norm(embeddings, axis=1))) or 1.0
        view = PublicView.plain(dim, usual if norm is None else float(norm))
    method = str(training.get("method", "")).removeprefix("private-")
    steps = {
        name: training[name]
        for name in ("expected_samples", "sampling_rate", "steps", "clip_norm", "learning_rate")
        if promise is not None and name in training
    }
    return Privacy(
        epsilon=epsilon if promise is None else promise.epsilon,
        delta=1e-5 if promise is None else promise.delta,
        public_view=view,
        method=method if method in METHODS else METHODS[0],
        **steps,  # type: ignore[arg-type]
    )
