"""A SuperLink and SuperNodes over TLS, of which one is killed in the round."""

from __future__ import annotations

import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.support.stores import Source

from .conftest import CLASSES, WIDTH, Silos

pytest.importorskip("flwr", reason="Flower has an environment of its own: make federated")

from headfit import InputError, SoftmaxHead
from headfit.commands.main import main as command
from headfit.pooling.opening import head_of
from headfit.pooling.vector import class_sums_of, vector_of
from headfit.store import ExampleStore
from headfit_federated import example
from headfit_federated.example import Federation, certify

PATIENCE_S = 120

# Each waits for a dozen processes of Flower's to start, which takes minutes on a busy machine.
pytestmark = pytest.mark.timeout(15 * 60)


def kill_at_work(federation: Federation, name: str) -> None:
    """Kill a node as soon as it was asked."""
    end = time.monotonic() + PATIENCE_S
    while "Receiving: query.contribute" not in federation.log(name):
        assert time.monotonic() < end, federation.log(name)
        time.sleep(0.05)
    federation.processes[name].kill()


def shakes_hands(folder: Path, authority: Path) -> bool:
    """Return whether the SuperLink's certificate is of an authority."""
    port = re.search(r":(\d+)'", (folder / "config.toml").read_text())
    assert port is not None
    trusting = ssl.create_default_context(cafile=authority)
    with socket.create_connection(("127.0.0.1", int(port[1])), 10) as raw:
        try:
            with trusting.wrap_socket(raw, server_hostname="127.0.0.1"):
                return True
        except ssl.SSLCertVerificationError:
            return False


def test_a_federation_goes_on_without_a_killed_node(silos: Silos, tmp_path: Path) -> None:
    """The head is that of the photos of the others, to the bit.

    A minute after it was last heard of, the SuperLink takes the node for gone, and the round ends.
    """
    called = silos.called()
    folder, stranger = tmp_path / "federation", tmp_path / "stranger"
    for made in (folder, stranger):
        made.mkdir()
    certify(stranger)
    with Federation(folder, silos.nodes()[:3]) as federation, ThreadPoolExecutor(1) as killer:
        assert shakes_hands(folder, folder / "ca.pem")
        assert not shakes_hands(folder, stranger / "ca.pem")
        killed = killer.submit(kill_at_work, federation, "node 1")
        said = federation.run(
            silos.run(nodes=3, min_nodes=2, wait_s=float(PATIENCE_S), timeout_s=200.0)
        )
        killed.result()
        logs = "\n".join(federation.log(name) for name in federation.processes)
    wrote = re.search(r"wrote \S+pooled.head \((node \d+: .+)\)", said)
    assert wrote, said + logs
    assert wrote[1].count("node ") == 1
    head = SoftmaxHead.load(silos.folder / "out" / "pooled.head").fitted_
    embeddings = np.concatenate([silos.examples[number][0] for number in (0, 2)])
    names = [name for number in (0, 2) for name in silos.examples[number][1]]
    targets = np.array([CLASSES.index(name) for name in names])
    sums = class_sums_of(called.round, vector_of(called.round, embeddings, targets))
    wanted = head_of(called, sums, 0.0, 2, None)
    np.testing.assert_array_equal(head.weights, wanted.weights)
    np.testing.assert_array_equal(head.bias, wanted.bias)


def test_two_servers_over_tls_open_a_round_with_noise(
    silos: Silos,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each in its turn, with the parts of its side; who cannot take part says why over the wire."""
    called = silos.called(epsilon=100.0, max_photos=12, devices=2)
    strangers = {"another extractor": ("cd" * 32, CLASSES[0]), "other classes": ("ab" * 32, "boat")}
    others = []
    for number, (fingerprint, name) in enumerate(strangers.values(), start=2):
        store = tmp_path / f"stranger{number}.store"
        with ExampleStore.open(store, Source(fingerprint, WIDTH)) as opened:
            opened.add_many(silos.examples[number][0], [name] * len(silos.examples[number][1]))
        others.append({"store": str(store)})
    for side, more in (("a", others), ("b", [])):
        folder = tmp_path / f"federation {side}"
        folder.mkdir()
        settings = [{}, {}, *more]
        nodes = [
            silos.node(n, plain=False, side=side, parts=str(silos.folder / f"{n}.parts")) | own
            for n, own in enumerate(settings)
        ]
        config = {"nodes": len(nodes), "min_nodes": 2, "out": str(silos.folder / side)}
        with Federation(folder, nodes) as federation:
            said = federation.run(
                silos.run(**config, wait_s=2.0 * PATIENCE_S, timeout_s=float(PATIENCE_S))
            )
            logs = "\n".join(federation.log(name) for name in federation.processes)
        assert f"wrote 2 parts and {silos.folder / side / side}.roll" in said, said + logs
        assert ("expected examples of the extractor net" in said) == bool(more)
        assert ("expected examples of the round's classes" in said) == bool(more)
    monkeypatch.chdir(silos.folder)
    for line in (
        "pool sum it.round a/parts --own a/a.roll --other b/b.roll -o a.half",
        "pool sum it.round b/parts --own b/b.roll --other a/a.roll -o b.half",
        "pool open it.round a.half b.half -o pooled.head",
    ):
        assert command(line.split()) == 0, capsys.readouterr()
    head = SoftmaxHead.load("pooled.head").fitted_
    assert head.training["round"] == called.digest
    assert head.training["devices"] == 2
    counts = dict(zip(head.classes, head.class_counts, strict=True))
    for name in CLASSES:  # twelve photos each, all of which count
        there = sum(silos.examples[number][1].count(name) for number in (0, 1))
        assert abs(counts.get(name, 0) - there) < 6 * called.round.spread(2) + 1


def test_what_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine too busy to start apps Flower tries again and again."""
    program = tmp_path / "flwr"
    program.write_text("#!/bin/sh\necho starting\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(example, "command", lambda name: str(tmp_path / name))
    monkeypatch.setattr(example, "_RUN_PATIENCE_S", 0.5)
    with pytest.raises(InputError, match=r"(?s)within 0\.5 s, found it running: starting"):
        Federation(tmp_path, []).run({})
