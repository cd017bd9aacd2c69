"""One round of sums: the head of all photos, to the bit; who cannot take part is named."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import CLASSES, FINGERPRINT, KEY, WIDTH, Silos

pytest.importorskip("flwr", reason="Flower has an environment of its own: make federated")

from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from tests.support.stores import Source

import headfit
import headfit_federated
from headfit import SoftmaxHead
from headfit.commands.main import main as command
from headfit.learning import FittedHead
from headfit.pooling import contributing, read_part
from headfit.pooling.opening import head_of
from headfit.pooling.part import Part
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words, class_sums_of, vector_of
from headfit.privacy.signing import new_key, public_key
from headfit.store import ExampleStore
from headfit_federated import LocalGrid, ServerSettings
from headfit_federated.client import app as node_app
from headfit_federated.server import main


class Troubled(LocalGrid):
    """A federation some of whose nodes are killed while they work."""

    def __init__(self, nodes: Sequence[Any], killed: Collection[int] = ()) -> None:
        super().__init__(node_app, nodes)
        self.killed = killed

    def answered(self, message: Message) -> Message | None:
        """Answer, unless the node is killed."""
        reply = super().answered(message)
        return None if message.metadata.dst_node_id in self.killed else reply


def run(grid: LocalGrid, config: dict[str, Any]) -> None:
    main(
        grid,
        Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config=config),
    )


def central(called: RoundFile, silos: Silos, numbers: Sequence[int]) -> FittedHead:
    """Return the head of all photos at once."""
    embeddings = np.concatenate([silos.examples[number][0] for number in numbers])
    names = [name for number in numbers for name in silos.examples[number][1]]
    targets = np.array([CLASSES.index(name) for name in names])
    sums = class_sums_of(called.round, vector_of(called.round, embeddings, targets))
    return head_of(called, sums, 0.0, len(numbers), None)


def check_same(found: FittedHead, wanted: FittedHead) -> None:
    np.testing.assert_array_equal(found.weights, wanted.weights)
    np.testing.assert_array_equal(found.bias, wanted.bias)
    assert found.class_counts == wanted.class_counts


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_the_head_is_that_of_all_photos(silos: Silos, order: tuple[int, ...]) -> None:
    called = silos.called()
    run(LocalGrid(node_app, [silos.node(number) for number in order]), silos.run())
    head = SoftmaxHead.load(silos.folder / "out" / "pooled.head").fitted_
    check_same(head, central(called, silos, range(4)))
    assert head.training["devices"] == 4


def test_a_killed_node_is_named_and_left_out(
    silos: Silos, caplog: pytest.LogCaptureFixture
) -> None:
    called = silos.called()
    with caplog.at_level(logging.INFO, "flwr"):
        run(Troubled(silos.nodes(), {3}), silos.run(timeout_s=5.0))
    assert "node 3: no answer within 5 s" in caplog.text
    head = SoftmaxHead.load(silos.folder / "out" / "pooled.head").fitted_
    check_same(head, central(called, silos, [0, 2, 3]))


def other_extractor(silos: Silos) -> None:
    with ExampleStore.open(silos.folder / "other.store", Source("cd" * 32, WIDTH)) as store:
        store.add_many(*silos.examples[1])


def other_classes(silos: Silos) -> None:
    with ExampleStore.open(silos.folder / "other.store", Source(FINGERPRINT, WIDTH)) as store:
        store.add_many(silos.examples[1][0], ["boat"] * 12)


def damaged(silos: Silos) -> None:
    other_classes(silos)
    with sqlite3.connect(silos.folder / "other.store") as connection:
        connection.execute("UPDATE examples SET embedding = zeroblob(length(embedding))")


def nothing(silos: Silos) -> None:
    return


TROUBLES: list[tuple[Callable[[Silos], None], dict[str, Any], str]] = [
    (other_extractor, {}, "node 3: other.store: expected examples of the extractor net"),
    (other_classes, {}, r"node 3: expected examples of the round's classes \(cup, mug, pen\)"),
    (damaged, {}, "node 3: .*other.store"),
    (nothing, {}, "node 3: expected an example store"),
    (other_classes, {"trust": "ab" * 32}, "node 3: round: expected a round called by a key that"),
    (other_classes, {"plain": False}, "node 3: expected (plain=true|examples of the round)"),
    (other_classes, {"stores": "x"}, "node 3: --node-config: expected store, trust"),
    (other_classes, {"side": "c"}, "node 3: expected side 'a' or 'b'"),
]


@pytest.mark.parametrize(("trouble", "settings", "reason"), TROUBLES)
def test_who_cannot_take_part_is_named(
    silos: Silos,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[[Silos], None],
    settings: dict[str, Any],
    reason: str,
    refused: Callable[..., Any],
) -> None:
    """The round goes on without; where too few are left it says why, and writes nothing."""
    called = silos.called()
    trouble(silos)
    nodes = silos.nodes()
    nodes[1] |= {"store": str(silos.folder / "other.store")} | settings
    with caplog.at_level(logging.INFO, "flwr"):
        run(LocalGrid(node_app, nodes), silos.run())
    (line,) = [line for line in caplog.messages if line.startswith("wrote")]
    assert re.search(reason, line)
    head = silos.folder / "out" / "pooled.head"
    check_same(SoftmaxHead.load(head).fitted_, central(called, silos, [0, 2, 3]))
    head.unlink()
    with refused(rf"(?s)expected at least 4 contributions.*found 3 \(.*{reason}"):
        run(LocalGrid(node_app, nodes), silos.run(min_nodes=4))
    assert not head.exists()


def test_too_few_nodes(silos: Silos, refused: Callable[..., Any]) -> None:
    silos.called()
    with refused("expected at least 3 nodes within 0 s, found 2; start them"):
        run(LocalGrid(node_app, silos.nodes()[:2]), silos.run())


def test_no_sums_without_consent(silos: Silos, refused: Callable[..., Any]) -> None:
    silos.called()
    nodes = [node | {"plain": False} for node in silos.nodes()]
    with refused("expected plain=true in this node's --node-config"):
        run(LocalGrid(node_app, nodes), silos.run())


class Liar(LocalGrid):
    """A federation whose first node answers what it likes."""

    def __init__(self, nodes: Sequence[Any], answer: RecordDict | Error) -> None:
        super().__init__(node_app, nodes)
        self.answer = answer

    def answered(self, message: Message) -> Message | None:
        """Answer something else."""
        if message.metadata.dst_node_id == 2:
            return Message(self.answer, reply_to=message)
        return super().answered(message)


@pytest.mark.parametrize(
    "answer",
    [
        RecordDict(),
        RecordDict({"part": ConfigRecord({"file": "text"})}),
        RecordDict({"part": ConfigRecord({"file": b"\x10\0\0\0\0\0\0\0nonsense"})}),
        Error(0),
    ],
)
def test_nonsense_is_left_out(
    silos: Silos, caplog: pytest.LogCaptureFixture, answer: RecordDict | Error
) -> None:
    called = silos.called()
    with caplog.at_level(logging.INFO, "flwr"):
        run(Liar(silos.nodes(), answer), silos.run())
    assert "(node 2: " in caplog.text
    head = SoftmaxHead.load(silos.folder / "out" / "pooled.head").fitted_
    check_same(head, central(called, silos, [1, 2, 3]))


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> list[Words]:
    """Note the noise that each silo adds."""
    added: list[Words] = []
    real = contributing.noise_share

    def noted(called: Any) -> Words:
        added.append(real(called))
        return added[-1]

    monkeypatch.setattr(contributing, "noise_share", noted)
    return added


def two_sides(silos: Silos) -> list[list[dict[str, Any]]]:
    """Return the nodes that the silos have at each of two servers."""
    return [
        [
            silos.node(n, plain=False, side=side, parts=str(silos.folder / f"{n}.parts"))
            for n in range(4)
        ]
        for side in ("a", "b")
    ]


def test_two_servers_open_what_all_photos_and_the_noise_add_up_to(
    silos: Silos, noise: list[Words], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each gets its parts by Flower; the rest are the commands of the page on pooling."""
    # So little noise that no class is lost in it: there are 12 photos or more of each.
    called = silos.called(epsilon=100.0, max_photos=12)
    assert called.round.spread(4) < 2.5
    for nodes, side in zip(two_sides(silos), "ab", strict=True):
        run(LocalGrid(node_app, nodes), silos.run(out=str(silos.folder / side)))
    assert len(noise) == 4  # once a silo, not once a node
    os.chdir(silos.folder)
    lines = [
        "pool sum it.round a/parts --own a/a.roll --other b/b.roll -o a.half",
        "pool sum it.round b/parts --own b/b.roll --other a/a.roll -o b.half",
        "pool open it.round a.half b.half -o pooled.head",
    ]
    for line in lines:
        assert command(line.split()) == 0, capsys.readouterr()
    embeddings = np.concatenate([one for one, _ in silos.examples])
    targets = np.array([CLASSES.index(name) for _, names in silos.examples for name in names])
    total = vector_of(called.round, embeddings, targets) + np.sum(noise, axis=0, dtype=np.uint64)
    wanted = head_of(called, class_sums_of(called.round, total), called.round.spread(4), 4, None)
    found = SoftmaxHead.load("pooled.head").fitted_
    check_same(found, wanted)
    assert found.privacy is not None
    assert found.privacy.epsilon == pytest.approx(100, rel=0.01)


def test_a_roll_that_was_summed_over_is_not_forgotten(
    silos: Silos, refused: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run again, it would let its side give a second half."""
    silos.called(epsilon=3.0, max_photos=20)
    for nodes, side in zip(two_sides(silos), "ab", strict=True):
        run(LocalGrid(node_app, nodes), silos.run(out=str(silos.folder / side)))
    monkeypatch.chdir(silos.folder)
    line = "pool sum it.round a/parts --own a/a.roll --other b/b.roll -o x"
    assert command(line.split()) == 0
    again = silos.run(out=str(silos.folder / "a"))
    before = (silos.folder / "a" / "a.roll").read_bytes()
    with refused("a.roll: expected no roll, or one that nothing was summed over"):
        run(LocalGrid(node_app, two_sides(silos)[0]), again)
    silos.called(epsilon=3.0, max_photos=20)
    with refused("a.roll: expected a file of the round .*, found one of another round"):
        run(LocalGrid(node_app, two_sides(silos)[0]), again)
    assert (silos.folder / "a" / "a.roll").read_bytes() == before


def test_a_silo_gives_a_server_one_part_however_often_it_asks(silos: Silos) -> None:
    called = silos.called(epsilon=3.0, max_photos=20)
    nodes, _ = two_sides(silos)
    parts: list[dict[str, bytes]] = []
    for out in ("first", "second"):
        run(LocalGrid(node_app, nodes), silos.run(out=str(silos.folder / out)))
        folder = silos.folder / out / "parts"
        parts.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert parts[0] == parts[1]
    read = [read_part(file, called) for file in parts[0].values()]
    assert {part.side for part in read} == {"a"}
    kept = silos.folder / "0.parts"
    assert [path.name for path in kept.iterdir()] == [called.digest]
    assert kept.stat().st_mode & 0o77 == 0


def test_two_nodes_of_a_silo_that_are_asked_at_once_make_one_contribution(
    silos: Silos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other node is done while this one makes its parts: its are taken, these are not kept."""
    from headfit_federated import client

    called = silos.called(epsilon=3.0, max_photos=20)
    ours, theirs = (nodes[:1] for nodes in two_sides(silos))
    real = client.contributed
    config = silos.run(min_nodes=1)

    def overtaken(*arguments: Any) -> tuple[Part, Part]:
        monkeypatch.setattr(client, "contributed", real)
        run(LocalGrid(node_app, theirs), config | {"out": str(silos.folder / "b")})
        return real(*arguments)

    monkeypatch.setattr(client, "contributed", overtaken)
    run(LocalGrid(node_app, ours), config | {"out": str(silos.folder / "a")})
    files = [next((silos.folder / side / "parts").iterdir()).read_bytes() for side in "ab"]
    one, other = (read_part(file, called) for file in files)
    assert one.contribution == other.contribution
    assert [path.name for path in (silos.folder / "0.parts").iterdir()] == [called.digest]


def test_a_full_disk_leaves_no_half_a_contribution(
    silos: Silos, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., Any]
) -> None:
    silos.called(epsilon=3.0, max_photos=20)
    nodes, _ = two_sides(silos)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with refused("No space left on device"):
        run(LocalGrid(node_app, nodes), silos.run())
    assert [*(silos.folder / "0.parts").iterdir()] == []


def test_a_round_with_noise_needs_two_sides_and_no_averaging(
    silos: Silos, refused: Callable[..., Any]
) -> None:
    silos.called(epsilon=3.0, max_photos=20)
    with refused("expected side and parts in this node's --node-config, found none"):
        run(LocalGrid(node_app, silos.nodes()), silos.run())
    with refused("expected rounds=0 with a round that has noise, found 2"):
        run(LocalGrid(node_app, silos.nodes()), silos.run(rounds=2))


def test_signed_parts(silos: Silos) -> None:
    """Where a round names keys, a silo signs, and whoever has none is named."""
    keys = [new_key() for _ in range(3)]
    silos.called(
        epsilon=3.0, max_photos=20, device_keys=[public_key(key) for key in keys], devices=3
    )
    nodes, _ = two_sides(silos)
    for number, key in enumerate([*keys, KEY]):
        path = silos.folder / f"{number}.key"
        path.write_bytes(key)
        nodes[number]["key"] = str(path)
    run(LocalGrid(node_app, nodes), silos.run())
    with pytest.raises(Exception, match=r"node 5: signed by \w+, who is not of the round"):
        run(LocalGrid(node_app, nodes), silos.run(min_nodes=4))
    assert (silos.folder / "out" / "a.roll").is_file()


def test_settings_are_checked(silos: Silos, refused: Callable[..., Any]) -> None:
    silos.called()
    for settings, reason in (
        ({"nodes": 2}, "expected min-nodes up to nodes, 2, found 3"),
        ({"nodes": "4"}, "expected nodes of type int, found '4'"),
        ({"rounds": True}, "expected rounds of type int, found True"),
        ({"timeout-s": float("inf")}, "expected timeout-s of at least 0.001, found inf"),
        ({"steps": 0}, "expected steps of at least 1, found 0"),
        ({"round": ""}, "expected round, found none"),
        ({"stepps": 1}, "expected round, out, nodes, .*, found stepps"),
    ):
        with refused(reason):
            run(LocalGrid(node_app, silos.nodes()), silos.run() | settings)


def test_the_store_is_only_read(silos: Silos) -> None:
    before = {path: path.read_bytes() for path in silos.folder.glob("*.store")}
    silos.called()
    run(LocalGrid(node_app, silos.nodes()), silos.run(rounds=1))
    assert {path: path.read_bytes() for path in silos.folder.glob("*.store")} == before
    assert not Path(silos.folder / "0.parts").exists()


def test_the_bundle_sends_no_code_and_the_settings_there_are() -> None:
    """`flwr run` takes no setting that the bundle does not name."""
    tomllib = pytest.importorskip("tomllib")
    folder = Path(headfit_federated.__file__).with_name("app")
    assert [path.name for path in folder.rglob("*")] == ["pyproject.toml"]
    bundle = tomllib.loads((folder / "pyproject.toml").read_text())
    assert bundle["project"]["version"] == headfit.__version__
    config = bundle["tool"]["flwr"]["app"]["config"]
    required = {"round": "r", "out": "o"}
    assert {**config, **required} == {
        field.name.replace("_", "-"): getattr(ServerSettings(**required), field.name)
        for field in fields(ServerSettings)
    }
