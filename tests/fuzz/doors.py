"""The doors through which hostile bytes come in: seeds that get through, and how to knock.

A door may refuse with a `HeadfitError` or a standard file error. Anything else is a fault.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, features
from tests.support import embedded
from tests.support.foreign import weights_apart, with_metadata
from tests.support.icc import ADOBE_RGB, profile

from headfit.commands.exit_codes import EXIT_CODES
from headfit.commands.main import main
from headfit.engines.native import NativeEngine
from headfit.engines.native.compiler import MAX_ARENA
from headfit.engines.popcount.engine import PopcountEngine
from headfit.errors import ExtractorError, HeadfitError
from headfit.extractor import Extractor
from headfit.extractors.onnx_weights import with_weights
from headfit.files.blockfile import BlockData, save_blocks_bytes
from headfit.files.fields import canonical_json
from headfit.files.headfile import load_head_bytes
from headfit.files.manifest import (
    Manifest,
    Preprocessing,
    load_manifest_bytes,
    save_manifest,
)
from headfit.files.multi_label_file import load_multi_label_bytes
from headfit.finetune.tail import Tail
from headfit.head import SoftmaxHead
from headfit.learning.origin import ExtractorReference
from headfit.networks import cut, places, read_graph
from headfit.networks.onnx import read_onnx
from headfit.networks.onnx.cutting import Seen, cut_onnx, looked_into, taken_size
from headfit.networks.onnx.cutting import choose as choose_of_onnx
from headfit.networks.onnx.cutting import places as places_of_onnx
from headfit.networks.splitting import split
from headfit.networks.tflite.metadata import read_metadata
from headfit.photos import WHOLE, View
from headfit.photos.formats import VARIABLE
from headfit.photos.images import prepare_input
from headfit.pooling import (
    Half,
    Projection,
    Roll,
    Round,
    RoundFile,
    contributed,
    contributed_plain,
    half_bytes,
    part_bytes,
    plain_bytes,
    read_half_bytes,
    read_part,
    read_plain_bytes,
    read_roll_bytes,
    read_round_bytes,
    roll_bytes,
    round_bytes,
)
from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView
from headfit.privacy.signing import new_key
from headfit.store import ExampleStore, repair_store
from headfit.store.exchange import load_examples

DATA = Path(__file__).parents[1] / "data"
KEY = new_key()
MEBIBYTE = 1 << 20
_RAM = "/dev/shm" if Path("/dev/shm").is_dir() else None
MAX_PIXELS = 1 << 22
"""Of the pictures here: time and memory grow with pixels, so their bound is stated for these."""


@dataclass(frozen=True)
class Door:
    """A way in.

    Attributes
    ----------
    seeds : function to list of bytes
        Inputs that get through; mutants of these go deeper than noise does.
    enter : function of bytes
        What headfit does with them.
    memory_bytes : int
        What it may take beyond what the process has before.
    mend : function of bytes to bytes
        Repairs the lengths and checksums of a mutant, so that it is not refused for these alone.
    """

    seeds: Callable[[], list[bytes]]
    enter: Callable[[bytes], None]
    memory_bytes: int
    mend: Callable[[bytes], bytes] = bytes


def knock(door: Door, data: bytes) -> bool:
    """Return whether the input was let in rather than refused."""
    try:
        door.enter(data)
    except (HeadfitError, OSError):
        return False
    return True


def mend_container(data: bytes) -> bytes:
    """Write the length and the content hash of a head or an export again, if JSON is in it."""
    try:
        _, end = json.JSONDecoder().raw_decode(data[8:].decode("latin-1"))
        header = json.loads(data[8 : 8 + end])
        metadata = dict(header["__metadata__"])
        metadata.pop("content_sha256", None)
        padded = end + -end % 8
        body = data[8 + padded :]
        text = canonical_json({**header, "__metadata__": metadata}).encode()
        metadata["content_sha256"] = hashlib.sha256(text + body).hexdigest()
        text = canonical_json({**header, "__metadata__": metadata}).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return data
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def mend_png(data: bytes) -> bytes:
    """Write the checksums of a PNG's chunks again; leave other pictures alone."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    mended, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        mended[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(mended[: len(data)])


# Images

_PREPROCESSING = Preprocessing(
    height=64, width=64, resize="shorter-side", resize_to=64, interpolation="bicubic",
    mean=(127.5,) * 3, std=(64.0,) * 3,
)  # fmt: skip


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def image_seeds() -> list[bytes]:
    """Small pictures of every format, kind of pixel and kind of compression that is decoded."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [image.rotate(90 * turn) for turn in range(3)]
    plain = {
        "PNG": [{}, {"optimize": True}],
        "JPEG": [{}, {"progressive": True}, {"exif": exif}, {"quality": 1}],
        "WEBP": [{}, {"lossless": True}, {"exif": exif}],
        "GIF": [{}, {"save_all": True, "append_images": frames}],
        "BMP": [{}],
    }
    seeds = [_encoded(image, kind, **options) for kind, all_ in plain.items() for options in all_]
    for mode in ("L", "LA", "RGBA", "P", "1", "CMYK", "I;16"):
        other = (
            Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257)
            if mode == "I;16"
            else image.convert(mode)
        )
        seeds.append(_encoded(other, "JPEG" if mode == "CMYK" else "PNG"))
    seeds.append(_encoded(image.convert("P"), "PNG", transparency=1))
    seeds.append(_encoded(image, "PNG", save_all=True, append_images=frames))
    seeds.append(_encoded(image.convert("P"), "BMP"))
    seeds.append(_encoded(image.convert("RGBA"), "WEBP"))
    for kind in ("PNG", "JPEG", "WEBP"):
        seeds.append(_encoded(image, kind, icc_profile=profile("Adobe RGB", ADOBE_RGB)))
    seeds.append(_encoded(image.resize((300, 200)), "JPEG"))  # decoded at half the size
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        seeds.append(_encoded(image, "TIFF", compression=compression))
    seeds.append(_encoded(image.convert("1"), "TIFF", compression="group4"))
    if features.check("avif"):
        seeds.append(_encoded(image, "AVIF"))
    if find_spec("pi_heif"):
        seeds.append((DATA / "photo.heic").read_bytes())
    return seeds


def enter_image(data: bytes) -> None:
    """Decode with every decoder there is, those that have to be asked for too."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "avif,tiff"
    try:
        prepare_input(data, _PREPROCESSING, max_pixels=MAX_PIXELS)
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


# Head files, manifests, networks


def head_seeds() -> list[bytes]:
    """Every golden file, an ordinary head and a private one."""
    rng = np.random.default_rng(0)
    values, names = rng.normal(size=(8, 4)), ["cup", "größe 网"] * 4
    view = PublicView.of(rng.normal(size=(9, 4)), 3)
    heads = [
        SoftmaxHead().fit(values, names),
        SoftmaxHead().fit(values, names, privacy=Privacy(1, 1e-5, public_view=view)),
    ]
    seeds = [path.read_bytes() for path in sorted(DATA.glob("head_*.bin"))]
    with tempfile.TemporaryDirectory() as folder:
        for head in heads:
            head.save(Path(folder) / "head")
            seeds.append((Path(folder) / "head").read_bytes())
    return seeds


def enter_head(data: bytes) -> None:
    load_head_bytes(data)


def labels_seeds() -> list[bytes]:
    """Every golden file."""
    return [path.read_bytes() for path in sorted(DATA.glob("labels_*.bin"))]


def enter_labels(data: bytes) -> None:
    load_multi_label_bytes(data)


def manifest_seeds() -> list[bytes]:
    whole = embedded.MANIFEST.read_bytes()
    document = json.loads(whole)
    document["golden"] = None
    return [whole, json.dumps(document).encode()]


def enter_manifest(data: bytes) -> None:
    load_manifest_bytes(data)


def network_seeds() -> list[bytes]:
    return [path.read_bytes() for path in sorted((DATA / "engines").glob("*.tflite"))]


def enter_network(data: bytes) -> None:
    engine = PopcountEngine(data)
    engine.run(np.zeros(engine.input_shape, np.float32))


def enter_native(data: bytes) -> None:
    """In our own C: a fault there ends the process."""
    engine = NativeEngine(data)
    engine.run(np.zeros(engine.input_shape, np.float32))


# Networks of others, before they are cut: bytes that nobody has checked

FOREIGN = DATA / "foreign"


def foreign_seeds() -> list[bytes]:
    """Float, half and quantised files, and one that says how pictures are prepared."""
    names = ("float32", "float16", "uint8", "flattened")
    return [(FOREIGN / f"{name}.tflite").read_bytes() for name in names]


def enter_foreign(data: bytes) -> None:
    """Read it leniently, list its places, cut it, and read what was written."""
    graph = read_graph(data, keep_unknown=True)
    places(graph)
    read_graph(cut(data))


def metadata_seeds() -> list[bytes]:
    """A file that says everything, its labels in an archive behind."""
    said = {"author": "me", "licence": "MIT", "labels": ["tench", "goldfish"]}
    model = (FOREIGN / "uint8.tflite").read_bytes()
    return [with_metadata(model, mean=[127.5], std=[127.5], **said)]


def enter_metadata(data: bytes) -> None:
    """Read what a .tflite says of itself; what is none says nothing, and is refused elsewhere."""
    if data[4:8] != b"TFL3":
        raise ExtractorError("no .tflite")
    read_metadata(data)


def onnx_seeds() -> list[bytes]:
    return [path.read_bytes() for path in sorted(FOREIGN.glob("*.onnx"))]


def enter_onnx(data: bytes) -> None:
    """Read it, and write what a runtime would look into; no runtime sees it."""
    model = read_onnx(data)
    taken_size(model, (24, 32))
    looked, names = looked_into(model, (24, 32))
    read_onnx(looked)
    seen = {name: Seen("float32", (1, 24, 6, 8)) for name in names}
    found = places_of_onnx(model, seen)
    i = choose_of_onnx(model, seen, None)
    read_onnx(cut_onnx(model, seen, found[i], "mean", (24, 32)))


class WeightsDoor:
    """Puts the weights of a file beside an ONNX network inside it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=_RAM)

    def seeds(self) -> list[bytes]:
        """A network whose weights lie in that file."""
        network, weights = weights_apart((FOREIGN / "classifier.onnx").read_bytes())
        (Path(self._folder.name) / "net.onnx.data").write_bytes(weights)
        return [network]

    def enter(self, data: bytes) -> None:
        """Read what comes of it."""
        read_onnx(with_weights(data, Path(self._folder.name)))


# Block files: retrained blocks of a small network, which lies beside them


class BlockDoor:
    """Opens an extractor with the blocks of a file, and runs it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=_RAM)

    def seeds(self) -> list[bytes]:
        """One block and two, with the signs that the network has."""
        manifest = _extractor_in(Path(self._folder.name)).manifest
        model = (Path(self._folder.name) / "net.tflite").read_bytes()
        seeds = []
        for n_blocks in (1, 2):
            tail = Tail(split(model, n_blocks).tail)
            blocks = BlockData(
                blocks=tail.packed(tail.start(0.1)),
                extractor=manifest.reference(),
                training={"method": "none"},
                headfit_version="0.1.0",
            )
            seeds.append(save_blocks_bytes(blocks))
        return seeds

    def enter(self, data: bytes) -> None:
        """Embed a picture with it."""
        path = Path(self._folder.name) / "mutant.block"
        path.write_bytes(data)
        extractor = Extractor.open(path, engine="popcount")
        extractor.embed([np.zeros((64, 64, 3), np.uint8)])


# Stores


@dataclass(frozen=True)
class Source:
    """What a store knows of an extractor."""

    fingerprint: str = "ab" * 32
    embedding_dim: int = 8
    views: tuple[View, ...] = (WHOLE,)


def _filled(path: Path) -> ExampleStore:
    store = ExampleStore.open(path, Source())
    values = np.random.default_rng(0).normal(size=(12, 8))
    store.add_many(values, ["cup", "jug", "pen"] * 4, thumbnails=[b"small", *[None] * 11])
    store.rename_class("jug", "mug")
    return store


def store_seeds() -> list[bytes]:
    """A database and its log in one text: the length of the first, the first, the second."""
    with tempfile.TemporaryDirectory(dir=_RAM) as folder:
        path = Path(folder) / "store"
        with _filled(path) as store:
            store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a short log is faster
            store.add(np.ones(8), "new")
            pairs = [(path.read_bytes(), path.with_name("store-wal").read_bytes())]
        pairs.append((path.read_bytes(), b""))
    return [struct.pack("<I", len(database)) + database + log for database, log in pairs]


def enter_store(data: bytes) -> None:
    """Open, check, load, and repair the same bytes."""
    length = int.from_bytes(data[:4], "little")
    with tempfile.TemporaryDirectory(dir=_RAM) as folder:
        path = Path(folder) / "store"
        for use in (_read_store, _repair_store):
            for old in Path(folder).iterdir():
                old.unlink()
            path.write_bytes(data[4 : 4 + length])
            if log := data[4 + length :]:
                path.with_name("store-wal").write_bytes(log)
            with contextlib.suppress(HeadfitError):
                use(path)


def _read_store(path: Path) -> None:
    with ExampleStore.open(path) as store:
        store.check()
        assert np.isfinite(store.load().embeddings).all()
        assert sum(store.class_counts.values()) == store.n_samples


def _repair_store(path: Path) -> None:
    repair_store(path, Source())
    _read_store(path)


def export_seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory(dir=_RAM) as folder:
        with _filled(Path(folder) / "store") as store:
            store.export_to(Path(folder) / "export")
        return [(Path(folder) / "export").read_bytes()]


def enter_export(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=_RAM) as file:
        file.write(data)
        file.flush()
        load_examples(file.name)


# What rounds are made of


class PoolingDoor:
    """Reads a file as whatever it may be: a round, a part, a roll, a half, plain sums."""

    def __init__(self) -> None:
        self._called: RoundFile | None = None

    def _round(self) -> RoundFile:
        if self._called is None:
            self._called = read_round_bytes(self._file())
        return self._called

    def _file(self) -> bytes:
        reference = ExtractorReference("net", 1, "ab" * 32, _PREPROCESSING)
        public = np.random.default_rng(0).gamma(1, 1, (9, 4))
        projection = Projection.of(PublicView.of(public, 3), 4.0)
        return round_bytes(Round.call(reference, ["cup", "größe 网"], projection, epsilon=3), KEY)

    def seeds(self) -> list[bytes]:
        """One of each, and a signed part."""
        called = self._round()
        values = np.random.default_rng(0).gamma(1, 1, (4, 4)).astype(np.float32)
        names = ["cup", "größe 网"] * 2
        a, b = contributed(called, values, names)
        roll = Roll(called.digest, "a", {a.contribution: None, "ff" * 16: "ab" * 32})
        half = Half(called.digest, "b", (b.contribution,), b.words(called.round.n_numbers))
        return [
            self._file(),
            part_bytes(a),
            part_bytes(b),
            part_bytes(a, KEY),
            roll_bytes(roll),
            half_bytes(half),
            plain_bytes(contributed_plain(called, values, names)),
        ]

    def enter(self, data: bytes) -> None:
        """Read it by what it says that it is."""
        if data[:1] == b"{":
            read_round_bytes(data)
            return
        called = self._round()
        readers: list[Callable[[], object]] = [
            lambda: read_part(data, called),
            lambda: read_roll_bytes(data, called),
            lambda: read_half_bytes(data, called),
            lambda: read_plain_bytes(data, called),
        ]
        for read in readers[:-1]:
            with contextlib.suppress(HeadfitError):
                read()
                return
        readers[-1]()


# The command line: one argument per line, in a folder of files of every kind.


class CommandDoor:
    """Runs commands in a folder of their own, which is laid out anew now and then."""

    seeds_text = (
        "train photos -o new.head --extractor net.tflite --engine popcount --json",
        "predict a.head photo.png --extractor net.tflite --engine popcount",
        "predict a.head note.txt huge.png --strict --extractor net.tflite",
        "evaluate a.head photos --extractor net.tflite --engine popcount",
        "inspect a.head --json",
        "inspect damaged.head",
        "cut net.tflite --list",
        "cut net.tflite --at x -o cut.tflite",
        "cut net.tflite --at 1 --mean 127.5 --std 64,64,64 --pool max -o cut.tflite --json",
        "cut net.onnx --list",
        "cut note.txt --size 32x24 -o cut.tflite",
        "lower net.tflite -o low.tflite",
        "store info a.store --json",
        "store repair a.store",
        "store forget a.store cup --yes",
        "store wipe a.store --yes",
        "store export a.store new.examples",
        "store import a.store a.examples",
        "--help",
        "--version",
        "train --help",
    )

    def __init__(self) -> None:
        self._template = tempfile.TemporaryDirectory(dir=_RAM)
        self._work = tempfile.TemporaryDirectory(dir=_RAM)
        self._knocks = 0

    def seeds(self) -> list[bytes]:
        """Lay out the folder; return commands that work there, and some that do not."""
        folder = Path(self._template.name)
        image = Image.fromarray(np.full((16, 24, 3), 77, np.uint8))
        for name in ("red", "blue"):
            (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
            image.save(folder / "photos" / name / "0.png")
        image.save(folder / "photo.png")
        (folder / "note.txt").write_text("dear diary")
        (folder / "huge.png").write_bytes(_png_header(60_000, 60_000))
        extractor = _extractor_in(folder)
        values = np.random.default_rng(0).normal(size=(8, extractor.embedding_dim))
        SoftmaxHead().fit(values, ["red", "blue"] * 4, extractor=extractor).save(folder / "a.head")
        (folder / "damaged.head").write_bytes((folder / "a.head").read_bytes()[:-1])
        if not (folder / "a.store").exists():
            with _filled(folder / "a.store") as store:
                store.export_to(folder / "a.examples")
        return [text.replace(" ", "\n").encode() for text in self.seeds_text]

    def enter(self, data: bytes) -> None:
        """Run one command with nothing on its input; its exit code must be one that is stated."""
        # No argument may lead out of the folder.
        text = data.decode(errors="surrogateescape").replace("/", "_").replace("..", "__")
        arguments = text.replace("\0", "").split("\n")
        if "doctor" in arguments:  # starts a process for each engine, for seconds
            return
        if self._knocks % 50 == 0:
            shutil.rmtree(self._work.name)
            shutil.copytree(self._template.name, self._work.name)
            os.chdir(self._work.name)
        self._knocks += 1
        stdin, sys.stdin = sys.stdin, io.StringIO("")
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):
                code = main(arguments)
        finally:
            sys.stdin = stdin
        assert code in EXIT_CODES
        assert code != 1


def _extractor_in(folder: Path) -> Extractor:
    """Write a small network with random weights and its manifest."""
    model = (DATA / "engines" / "residual.tflite").read_bytes()
    (folder / "net.tflite").write_bytes(model)
    manifest = Manifest(
        name="net", version=1, fingerprint=hashlib.sha256(model).hexdigest(),
        size_bytes=len(model), embedding_dim=160, preprocessing=_PREPROCESSING,
        description="Random weights.", licence="Apache-2.0", golden=None,
    )  # fmt: skip
    save_manifest(manifest, folder / "net.json")
    return Extractor.open(folder / "net.tflite", engine="popcount")


def _png_header(width: int, height: int) -> bytes:
    fields = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0)
    end = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    length, checksum = struct.pack(">I", 13), struct.pack(">I", zlib.crc32(fields))
    return b"\x89PNG\r\n\x1a\n" + length + fields + checksum + end


_BLOCK = BlockDoor()
_COMMAND = CommandDoor()
_POOLING = PoolingDoor()
_WEIGHTS = WeightsDoor()

DOORS = {
    "image": Door(image_seeds, enter_image, 256 * MEBIBYTE, mend_png),
    "head": Door(head_seeds, enter_head, 128 * MEBIBYTE, mend_container),
    "labels": Door(labels_seeds, enter_labels, 128 * MEBIBYTE, mend_container),
    "manifest": Door(manifest_seeds, enter_manifest, 128 * MEBIBYTE),
    "network": Door(network_seeds, enter_network, 512 * MEBIBYTE),
    "native": Door(network_seeds, enter_native, MAX_ARENA + 256 * MEBIBYTE),
    "foreign": Door(foreign_seeds, enter_foreign, 256 * MEBIBYTE),
    "metadata": Door(metadata_seeds, enter_metadata, 128 * MEBIBYTE),
    "onnx": Door(onnx_seeds, enter_onnx, 256 * MEBIBYTE),
    "weights": Door(_WEIGHTS.seeds, _WEIGHTS.enter, 256 * MEBIBYTE),
    "block": Door(_BLOCK.seeds, _BLOCK.enter, 256 * MEBIBYTE, mend_container),
    "store": Door(store_seeds, enter_store, 128 * MEBIBYTE),
    "export": Door(export_seeds, enter_export, 128 * MEBIBYTE, mend_container),
    "pooling": Door(_POOLING.seeds, _POOLING.enter, 128 * MEBIBYTE, mend_container),
    "command": Door(_COMMAND.seeds, _COMMAND.enter, 512 * MEBIBYTE),
}
