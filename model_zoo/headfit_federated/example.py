"""An example on one machine: three silos and a server, over TLS: ``make silos``.

Every process is the one that a silo or a server would start, on its own machine there; here they
speak over the loopback. Embeddings are made up: nothing is installed but this package.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headfit import Extractor, InputError, SoftmaxHead
from headfit.pooling import read_round
from headfit.store import ExampleStore

APP: Final = Path(__file__).with_name("app")
CLASSES: Final = ("cup", "mug", "pen")

_SILENT: Final = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
_HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 300.0
"""On a busy machine a SuperLink takes minutes to start; one that ended is not waited for."""
_RUN_PATIENCE_S: Final = 1800.0
"""An app of this example runs for seconds; where Flower cannot start it, it tries without end."""


@dataclass(slots=True)
class Federation:
    """A SuperLink and its SuperNodes, as processes of this machine; a context manager.

    Attributes
    ----------
    folder : Path
        For certificates, Flower's own files and logs.
    nodes : sequence of mapping
        The configuration of each.
    processes : dict of str to Popen
        "superlink", and "node 0", "node 1" and so on.
    """

    folder: Path
    nodes: Sequence[Mapping[str, Any]]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Federation:
        """Start the SuperLink, then the nodes."""
        certify(self.folder)
        port = free_port()
        (self.folder / "config.toml").write_text(
            "[superlink]\ndefault = 'here'\n\n[superlink.here]\n"
            f"address = '{_HOST}:{port}'\nroot-certificates = '{self.folder / 'ca.pem'}'\n"
        )
        try:
            self._start(
                "superlink",
                *("flower-superlink", "--host", _HOST, "--port", str(port)),
                *("--ssl-ca-certfile", str(self.folder / "ca.pem")),
                *("--ssl-certfile", str(self.folder / "server.pem")),
                *("--ssl-keyfile", str(self.folder / "server.key")),
                "--disable-runtime-dependency-installation",
            )
            self._wait(port)
            for number, config in enumerate(self.nodes):
                said = " ".join(f"{key}={json.dumps(value)}" for key, value in config.items())
                self._start(
                    f"node {number}",
                    *("flower-supernode", "--superlink", f"{_HOST}:{port}"),
                    *("--root-certificates", str(self.folder / "ca.pem")),
                    *("--host", _HOST, "--port", str(free_port()), "--node-config", said),
                )
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all of them."""
        for process in reversed(self.processes.values()):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, config: Mapping[str, Any]) -> str:
        """Have the server run its app, and return what it logged.

        Raises
        ------
        InputError
            If it does not end.
        """
        said = " ".join(f"{key}={json.dumps(value)}" for key, value in config.items())
        try:
            ended = subprocess.run(
                [command("flwr"), "run", str(APP), "here", "--run-config", said, "--stream"],
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=_RUN_PATIENCE_S,
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"expected the app to end within {_RUN_PATIENCE_S:g} s, found it running: "
                f"{(error.stdout or b'').decode()[-500:]}; look into the logs in {self.folder}, "
                "and try it where less else runs"
            ) from error
        return ended.stdout.decode()

    def log(self, name: str) -> str:
        """Return what a process logged."""
        return (self.folder / f"{name}.log").read_text()

    def _start(self, name: str, program: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [command(program), *arguments],
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait(self, port: int) -> None:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end and self.processes["superlink"].poll() is None:
            with socket.socket() as tried:
                if tried.connect_ex((_HOST, port)) == 0:
                    return
            time.sleep(0.2)
        raise InputError(
            f"expected a SuperLink at port {port} within {_PATIENCE_S:g} s, found none:\n"
            f"{self.log('superlink')}"
        )

    def _environment(self) -> dict[str, str]:
        # Flower's programs start each other by name.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return os.environ | _SILENT | {"FLWR_HOME": str(self.folder), "PATH": path}


def command(program: str) -> str:
    """Return the path of a program of this environment."""
    return str(Path(sys.executable).with_name(program))


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as bound:
        bound.bind((_HOST, 0))
        port: int = bound.getsockname()[1]
        return port


def certify(folder: Path) -> None:
    """Write an authority's certificate, and one of this machine's loopback with its key."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("authority of the example"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own = builder("authority of the example", authority).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    loopback = builder(_HOST, server).add_extension(
        x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address(_HOST)), x509.DNSName("localhost")]
        ),
        critical=False,
    )
    for path, made in (("ca.pem", own), ("server.pem", loopback)):
        signed = made.sign(authority, hashes.SHA256())
        (folder / path).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file = folder / "server.key"
    key_file.touch(0o600)
    key_file.write_bytes(
        server.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def make_stores(folder: Path, n_silos: int, n_photos: int = 30) -> None:
    """Write the stores ``0.store`` and so on, of made-up embeddings of the shipped extractor."""
    extractor = Extractor.open()
    rng = np.random.default_rng(0)
    centres = rng.gamma(1, 1, (len(CLASSES), extractor.embedding_dim))
    for number in range(n_silos):
        targets = rng.integers(0, len(CLASSES), n_photos)
        values = centres[targets] + rng.normal(0, 1.5, (n_photos, extractor.embedding_dim))
        with ExampleStore.open(folder / f"{number}.store", extractor) as store:
            store.add_many(
                np.maximum(values, 0).astype(np.float32), [CLASSES[target] for target in targets]
            )


def main() -> None:
    """Make silos in the folder that is named, and let them teach one head."""
    folder = Path(sys.argv[1]).resolve()
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"expected a new folder, found {folder} with files in it; name another")
    folder.mkdir(parents=True, exist_ok=True)
    make_stores(folder, 3)
    key, called, out = (str(folder / name) for name in ("caller.key", "it.round", "out"))
    asked = [word for name in CLASSES for word in ("--class", name)]
    for words in (
        ["keygen", key],
        ["round", *asked, "--key", key, "--curator", "--max-photos", "100", "-o", called],
    ):
        subprocess.run([sys.executable, "-m", "headfit", *words], check=True)
    trust = read_round(called).caller
    nodes = [
        {"store": str(folder / f"{number}.store"), "trust": trust, "plain": True}
        for number in range(3)
    ]
    with Federation(folder, nodes) as federation:
        print(federation.run({"round": called, "out": out, "rounds": 3}))
    for name in ("pooled", "averaged"):
        head = SoftmaxHead.load(Path(out) / f"{name}.head")
        with ExampleStore.open(folder / "0.store") as store:
            examples = store.load()
        score = head.score(examples.embeddings, examples.class_names)
        print(f"{name}.head is right about {score:.0%} of the first silo's photos.")


if __name__ == "__main__":
    main()
