"""``headfit audit``: attack heads like this one, and say what they tell of the photos."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from headfit.errors import ExtractorMismatchError
from headfit.examples import ExampleStore
from headfit.fitting import DEFAULT_L2
from headfit.head import SoftmaxHead
from headfit.leakage import FALSE_ALARMS, Fitting, measure_leakage
from headfit.privacy import METHODS, Privacy
from headfit.public_view import PublicView

MAX_EXAMPLES = 2000
"""More are drawn from at random: an attack on so many is sure to a percent."""


@click.command()
@click.argument("head", metavar="HEAD", type=click.Path(path_type=Path))
@click.argument("store", metavar="STORE", type=click.Path(path_type=Path))
@click.option("--heads", default=32, show_default=True, help="How many heads to fit and attack.")
@click.option(
    "--epsilon",
    default=1.0,
    show_default=True,
    help="Of the private heads beside it, unless HEAD is private itself.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines.")
def audit(head: Path, store: Path, heads: int, epsilon: float, as_json: bool) -> None:
    """Measure what HEAD tells of the photos in STORE, which taught it.

    Fits heads on random halves of STORE, as HEAD was fitted and with noise, and attacks each:
    which photos did it see? The attacker knows the photos and the method.
    """
    fitted = SoftmaxHead.load(head)
    with ExampleStore.open(store) as opened:
        if fitted.fingerprint_ not in (None, opened.fingerprint):
            raise ExtractorMismatchError(
                f"{store}: expected examples of the extractor {fitted.fingerprint_}, as the head's "
                f"are, found those of {opened.fingerprint}; give the store that taught this head"
            )
        examples = opened.load()
    drawn = np.sort(np.random.default_rng(0).permutation(len(examples.ids))[:MAX_EXAMPLES])
    embeddings = examples.embeddings[drawn]
    names = [examples.class_names[row] for row in drawn]
    privacy = _privacy(fitted, embeddings, epsilon)
    is_private = fitted.privacy_ is not None
    found = {
        "plain": measure_leakage(
            embeddings, names, _plain(fitted), n_heads=heads, head=None if is_private else fitted
        ),
        "private": measure_leakage(
            embeddings,
            names,
            lambda values, of: SoftmaxHead().fit(values, of, privacy=privacy),
            n_heads=heads,
            head=fitted if is_private else None,
        ),
    }
    if as_json:
        rows = {kind: asdict(leakage) for kind, leakage in found.items()}
        promised = {"epsilon": privacy.epsilon, "delta": privacy.delta, "method": privacy.method}
        click.echo(json.dumps({**rows, "privacy": promised}, indent=2))
        return
    click.echo(f"Attacked {heads} heads of each kind, each taught by half of {len(names)} photos:")
    for kind, leakage in found.items():
        what = f"private, epsilon {privacy.epsilon:g}" if kind == "private" else "plain"
        click.echo(f"  {what:22} AUC {leakage.auc:.3f}, {_recognised(leakage.tpr)}")
    (itself,) = [leakage.recognised for leakage in found.values() if leakage.recognised is not None]
    click.echo(f"  {'HEAD itself':22} {_recognised(itself)}")
    click.echo(
        f"Guessing has AUC 0.5 and recognises {FALSE_ALARMS:.0%}. Recognised means: said to have "
        f"taught the head, where {FALSE_ALARMS:.0%} of photos that did not are said so too. "
        "HEAD saw twice as many photos as the attacked heads: a low share of it is no all-clear."
    )


def _recognised(share: float) -> str:
    return f"{share:.1%} of the photos that taught it recognised"


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
    return lambda values, names: SoftmaxHead(
        method=like.method, l2=like.l2, class_weight=like.class_weight
    ).fit(values, names)


def _privacy(head: SoftmaxHead, embeddings: npt.NDArray[np.float32], epsilon: float) -> Privacy:
    """Return the privacy of heads like this one; a head file does not hold its public view."""
    norm = head.training_.get("view_norm")
    same_width = head.training_.get("view_width") == embeddings.shape[1]
    if not isinstance(norm, float) or not same_width:
        norm = float(np.median(np.linalg.norm(embeddings, axis=1))) or 1.0
    method = str(head.training_.get("method", "")).removeprefix("private-")
    promise = head.privacy_
    return Privacy(
        epsilon=epsilon if promise is None else promise.epsilon,
        delta=1e-5 if promise is None else promise.delta,
        public_view=PublicView.plain(embeddings.shape[1], norm),
        method=method if method in METHODS else METHODS[0],
    )
