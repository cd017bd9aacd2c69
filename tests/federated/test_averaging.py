"""Averaging: what a node does against the loss by hand, and rounds that go on without some."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .conftest import CLASSES, KEY, WIDTH, Silos, examples

pytest.importorskip("flwr", reason="Flower has an environment of its own: make federated")

from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict

from headfit import SoftmaxHead
from headfit.pooling import round_bytes
from headfit_federated import Averaging, LocalGrid, ServerSettings
from headfit_federated.client import app as node_app
from headfit_federated.local_steps import stepped
from headfit_federated.server import main


def run(grid: LocalGrid, silos: Silos, **settings: Any) -> None:
    """Run the server; 20 rounds by default."""
    main(
        grid,
        Context(
            run_id=1,
            node_id=0,
            node_config={},
            state=RecordDict(),
            run_config=silos.run(**{"rounds": 20} | settings),
        ),
    )


def loss(head: SoftmaxHead, silos: Silos) -> float:
    """Return the mean loss on the examples of all silos."""
    embeddings = np.concatenate([one for one, _ in silos.examples])
    names = [name for _, names in silos.examples for name in names]
    columns = [list(head.classes_).index(name) for name in names]
    probabilities = head.predict_proba(embeddings)
    return float(-np.log(probabilities[np.arange(len(names)), columns]).mean())


def test_steps_lower_the_loss_that_is_stated() -> None:
    """One small step goes against its gradient, found numerically, the proximal term with it."""
    embeddings, names = examples(0)
    targets = np.array([CLASSES.index(name) for name in names])
    rng = np.random.default_rng(1)
    first = rng.normal(size=(WIDTH, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    scale = np.sqrt(np.square(embeddings.astype(np.float64)).sum() / len(embeddings))
    mu, rate = 0.5, 1e-2

    def stated(rows: np.ndarray) -> float:
        weights, bias = rows[:-1], rows[-1]  # of embeddings over their scale
        logits = embeddings / scale @ weights + bias
        logits -= logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        entropy = -np.log(probabilities[np.arange(len(targets)), targets]).mean()
        far = np.square(weights - first[0] * scale).sum() + np.square(bias - first[1]).sum()
        return float(entropy + mu / 2 * far)

    rows = np.vstack([first[0] * scale, first[1]]).astype(np.float64)
    settings = {"learning_rate": rate, "proximal_mu": mu}
    for steps in (1, 2, 3):  # the proximal term is 0 at first
        gradient = np.zeros_like(rows)
        for place in np.ndindex(rows.shape):
            for sign in (1, -1):
                moved = rows.copy()
                moved[place] += sign * 1e-5
                gradient[place] += sign * stated(moved) / 2e-5
        rows -= rate * gradient
        weights, bias = stepped(*first, embeddings, targets, steps=steps, **settings)
        np.testing.assert_allclose(weights, rows[:-1] / scale, rtol=0, atol=2e-6)
        np.testing.assert_allclose(bias, rows[-1], rtol=0, atol=2e-6)
        assert (weights.dtype, bias.dtype) == (np.float32, np.float32)


def test_a_strong_proximal_term_holds_the_head() -> None:
    embeddings, names = examples(0)
    targets = np.array([CLASSES.index(name) for name in names])
    first = np.zeros((WIDTH, 3), np.float32), np.zeros(3, np.float32)
    moved = [
        float(
            np.abs(
                stepped(*first, embeddings, targets, steps=50, learning_rate=0.5, proximal_mu=mu)[0]
            ).max()
        )
        for mu in (0.0, 0.1, 1.0)
    ]
    assert moved[0] > 2 * moved[1] > 4 * moved[2] > 0
    np.testing.assert_array_equal(first[0], 0)  # not written to


def test_examples_that_are_all_zero_are_no_division_by_zero() -> None:
    zeros = np.zeros((4, WIDTH), np.float32)
    first = np.zeros((WIDTH, 3), np.float32), np.zeros(3, np.float32)
    weights, bias = stepped(
        *first, zeros, np.zeros(4, np.intp), steps=3, learning_rate=1.0, proximal_mu=0.0
    )
    assert not weights.any()
    assert bias[0] > 0 > bias[1]


@pytest.mark.parametrize(("mu", "method"), [(0.0, "fedavg"), (0.1, "fedprox")])
def test_averaging_goes_on_from_the_pooled_head(silos: Silos, mu: float, method: str) -> None:
    silos.called()
    run(LocalGrid(node_app, silos.nodes()), silos, proximal_mu=mu)
    pooled, averaged = (
        SoftmaxHead.load(silos.folder / "out" / f"{name}.head") for name in ("pooled", "averaged")
    )
    assert loss(averaged, silos) < loss(pooled, silos)
    assert averaged.training_["method"] == method
    assert averaged.training_["rounds"] == 20
    assert list(averaged.classes_) == list(CLASSES)
    assert averaged.fingerprint_ == pooled.fingerprint_
    assert averaged.privacy_ is None


def test_one_round_is_the_mean_by_numbers_of_examples_in_any_order(silos: Silos) -> None:
    """Each node's steps by hand; who answers first changes no bit."""
    called = silos.called()
    nodes = silos.nodes()
    run(LocalGrid(node_app, nodes), silos, rounds=1)
    head = SoftmaxHead.load(silos.folder / "out" / "pooled.head").fitted_
    wanted = np.zeros_like(head.weights, np.float64)
    total = sum(len(names) for _, names in silos.examples)
    for embeddings, names in silos.examples:
        targets = np.array([head.classes.index(name) for name in names])
        weights, _ = stepped(
            head.weights,
            head.bias,
            embeddings,
            targets,
            steps=10,
            learning_rate=1.0,
            proximal_mu=0.0,
        )
        wanted += weights * (len(names) / total)
    found = SoftmaxHead.load(silos.folder / "out" / "averaged.head").weights_
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)

    class Backwards(LocalGrid):
        def pull_messages(self, message_ids: Any) -> Any:
            return [*super().pull_messages(message_ids)][::-1]

    settings = ServerSettings.of(silos.run(rounds=1))
    again = Averaging(called, round_bytes(called.round, KEY), head, settings)
    np.testing.assert_array_equal(again.run(Backwards(node_app, nodes)).weights, found)


class Faulty(LocalGrid):
    """A federation whose node 3 answers well at first, and otherwise from a round on."""

    def __init__(self, silos: Silos, spoil: Callable[[Message], Message | None], good: int) -> None:
        super().__init__(node_app, silos.nodes())
        self.spoil, self.good = spoil, good

    def answered(self, message: Message) -> Message | None:
        """Answer."""
        reply = super().answered(message)
        if message.metadata.dst_node_id != 3 or message.metadata.message_type != "train":
            return reply
        self.good -= 1
        return reply if self.good >= 0 else self.spoil(message)


def answer(weights: Any, bias: Any, count: Any = 12) -> Callable[[Message], Message]:
    content = RecordDict(
        {
            "arrays": ArrayRecord({"weights": Array(weights), "bias": Array(bias)}),
            "metrics": MetricRecord({"num-examples": count}),
        }
    )
    return lambda message: Message(content, reply_to=message)


GOOD = np.zeros((WIDTH, 3), np.float32), np.zeros(3, np.float32)
FAULTS = {
    "no answer within": lambda message: None,
    r"shape \(6, 3\) and float32, found \(6, 1\)": answer(GOOD[0][:, :1], GOOD[1]),
    "found .* and float64": answer(GOOD[0].astype(np.float64), GOOD[1]),
    "expected finite numbers": answer(GOOD[0] + np.nan, GOOD[1]),
    "expected 1 to 50 examples, found 100000": answer(*GOOD, 100000),
    "expected 1 to 50 examples, found -1": answer(*GOOD, -1),
    "expected a whole number of examples": answer(*GOOD, 1.5),
    "expected the records": lambda message: Message(RecordDict(), reply_to=message),
}


@pytest.mark.parametrize("reason", FAULTS)
def test_rounds_go_on_without_a_node_that_fails(
    silos: Silos, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    silos.called()
    with caplog.at_level(logging.INFO, "flwr"):
        run(Faulty(silos, FAULTS[reason], 1), silos, rounds=3)
    said = [line for line in caplog.messages if "goes on without" in line]
    assert [line[:8] for line in said] == ["round 2 ", "round 3 "]
    assert all(re.search(f"node 3: .*{reason}", line) for line in said)
    averaged = SoftmaxHead.load(silos.folder / "out" / "averaged.head")
    pooled = SoftmaxHead.load(silos.folder / "out" / "pooled.head")
    assert averaged.training_["rounds"] == 3
    assert loss(averaged, silos) < loss(pooled, silos)


def test_a_round_of_too_few_changes_nothing_and_says_so(
    silos: Silos, caplog: pytest.LogCaptureFixture
) -> None:
    silos.called()
    with caplog.at_level(logging.INFO, "flwr"):
        run(Faulty(silos, lambda _: None, 1), silos, rounds=3, min_nodes=4)
    (first, second) = [line for line in caplog.messages if "stays as it was" in line]
    assert first.startswith("round 2: expected at least 4 answers that can be used, found 3")
    assert "node 3: no answer" in second
    one = SoftmaxHead.load(silos.folder / "out" / "averaged.head")
    assert one.training_["rounds"] == 1
    run(LocalGrid(node_app, silos.nodes()), silos, rounds=1, out=str(silos.folder / "again"))
    again = SoftmaxHead.load(silos.folder / "again" / "averaged.head")
    np.testing.assert_array_equal(one.weights_, again.weights_)


def test_nodes_that_leave_are_not_waited_for_for_ever(
    silos: Silos, caplog: pytest.LogCaptureFixture
) -> None:
    """Flower's own strategy would wait until they are back; here the round says why it is none."""

    class Leaving(LocalGrid):
        def __init__(self) -> None:
            super().__init__(node_app, silos.nodes())
            self.asked = 0

        def get_node_ids(self) -> Any:
            self.asked += 1
            return [*super().get_node_ids()][: 4 if self.asked <= 2 else 2]

    silos.called()
    with caplog.at_level(logging.INFO, "flwr"):
        run(Leaving(), silos, rounds=3)
    assert "round 2: expected at least 3 answers that can be used, found 0" in caplog.text
    assert "after 1 of 3 rounds" in caplog.text


def test_a_node_trains_only_for_rounds_that_it_may(
    silos: Silos, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that skips the sums gets nothing more than its nodes' settings allow."""
    called = silos.called()
    run(LocalGrid(node_app, silos.nodes()), silos, rounds=0)
    head = SoftmaxHead.load(silos.folder / "out" / "pooled.head").fitted_
    noisy = silos.called(epsilon=3.0)
    settings = ServerSettings.of(silos.run(rounds=1))
    modest = [node | {"plain": False} for node in silos.nodes()]
    for asked, nodes, reason in (
        (noisy, silos.nodes(), "expected a round without noise to train in"),
        (called, modest, "expected plain=true in this node's --node-config"),
    ):
        caplog.clear()
        averaging = Averaging(asked, round_bytes(asked.round, KEY), head, settings)
        with caplog.at_level(logging.INFO, "flwr"):
            assert averaging.run(LocalGrid(node_app, nodes)) is head
        assert caplog.text.count(reason) == 4
