"""What commands write: nothing of the user's is overwritten, and the door is tried first.

The commands are found in click's tree: a new one is held to all of this, or fails here.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from tests.support import embedded
from tests.support.foreign import DATA as FOREIGN
from tests.support.headfiles import golden_path
from tests.support.small_disk import SmallDisk

from headfit.commands import paths
from headfit.commands.main import app, main
from headfit.commands.paths import Command, InputPath, OutputFolder, OutputPath, StorePath
from headfit.extractor import Extractor
from headfit.files import disk
from headfit.files.container import pack
from headfit.head import SoftmaxHead
from headfit.multi_label_head import MultiLabelHead
from headfit.networks.onnx.appending import head_alone
from headfit.pooling import half, part, plain, roll
from headfit.store import exchange

DATA = Path(__file__).parents[2] / "data"
ENGINE_DATA = DATA / "engines"


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


COMMANDS = dict(commands(app))
WRITERS = {
    names: parameter
    for names, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter.type, OutputPath) and parameter.name != "curator"
}
FILLERS = {
    names: next(one for one in command.params if isinstance(one.type, OutputFolder))
    for names, command in COMMANDS.items()
    if any(isinstance(one.type, OutputFolder) for one in command.params)
}
REQUIRED = {
    "round": ["--class", "cup", "--class", "pen", "--key", "nowhere"],
    "contribute": ["--trust", "ab" * 32],
    "sum": ["--own", "nowhere", "--other", "nowhere"],
    "cut": ["--at", "x"],
    "convert-head": ["--dtype", "int8"],
    "sign": ["--key", "nowhere"],
}
"""What a command needs beside its paths, to get as far as the check."""


def words(names: tuple[str, ...], output: Path | str, read: str = "nowhere") -> list[str]:
    """Return a command line that writes to ``output`` and reads what is not there."""
    given = [*names]
    for parameter in COMMANDS[names].params:
        if parameter is WRITERS[names]:
            option = [] if isinstance(parameter, click.Argument) else [parameter.opts[0]]
            given += [*option, *[str(output), "another.y"][: parameter.nargs]]
        elif isinstance(parameter, click.Argument):
            given += [read] * max(parameter.nargs, 1)
    return given + [read if word == "nowhere" else word for word in REQUIRED.get(names[-1], [])]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


NETWORKS = (paths.CLASSIFIER, paths.NEW_NETWORK)
ONCE = (paths.KEY, paths.CALLED, paths.HALF, paths.CONTRIBUTED, paths.NEW_NETWORK)
"""What is made once: nothing but force replaces it."""


@pytest.fixture
def kinds() -> dict[paths.Kind, bytes]:
    """Return a file of every kind."""
    network = (ENGINE_DATA / "residual.tflite").read_bytes()
    manifest = embedded.MANIFEST
    return {
        paths.HEAD_FILE: golden_path("plain").read_bytes(),
        paths.BLOCK_FILE: (DATA / "blocks_v1.block").read_bytes(),
        paths.NETWORK: network,
        paths.NEW_NETWORK: network,
        paths.CLASSIFIER: head_alone(np.eye(2), np.zeros(2), None, ["a", "b"]),
        paths.MANIFEST: manifest.read_bytes(),
        paths.PAGE: f"<!DOCTYPE html>\n<html><head>{paths.GENERATOR}</head>".encode(),
        paths.EXAMPLES: pack({"__metadata__": {"format": exchange.FORMAT}}, b""),
        paths.KEY: b"-----BEGIN PRIVATE KEY-----\n",
        paths.CORE_ML: b"\x08\x01\x12\x02\x0a\x00 A head of headfit: x",
        paths.HEAD_JSON: b'{\n"format": "headfit-head-json",\n',
        paths.ROUND: b'{"format": "headfit-round"}',
        paths.PART: pack({"__metadata__": {"format": part.PART.name}}, b""),
        paths.PLAIN: pack({"__metadata__": {"format": plain.PLAIN.name}}, b""),
        paths.ROLL: pack({"__metadata__": {"format": roll.ROLL.name, "agreed": ""}}, b""),
        paths.HALF: pack({"__metadata__": {"format": half.HALF.name}}, b""),
        paths.CALLED: b'{"format": "headfit-round"}',
        paths.CONTRIBUTED: pack({"__metadata__": {"format": part.PART.name}}, b""),
    }


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_path_says_whether_it_is_read_or_written(names: tuple[str, ...]) -> None:
    """So that no command forgets the check: it is made by the class of the command."""
    command = COMMANDS[names]
    assert isinstance(command, Command)
    for parameter in command.params:
        if isinstance(parameter.type, (click.Path, click.File)):
            assert isinstance(parameter.type, (InputPath, OutputPath, OutputFolder)), parameter
    writes = any(isinstance(one.type, (OutputPath, OutputFolder)) for one in command.params)
    assert writes == any(one.name == "force" for one in command.params)
    given_out = [one for one in command.params if one.name == "output"]
    assert all(isinstance(one.type, (OutputPath, OutputFolder)) for one in given_out)


def outcome(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    return code, err.replace("\n", " ")


@pytest.mark.parametrize("names", WRITERS, ids=" ".join)
def test_another_kind_of_file_stays(
    names: tuple[str, ...], kinds: dict[paths.Kind, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """A photo, a text, a private key, whatever headfit writes otherwise: refused and untouched."""
    kind = WRITERS[names].type.kind
    others = {one.name: data for one, data in kinds.items() if one is not kind}
    others |= {"photo": b"\xff\xd8\xff\xe0 photo", "text": b"dear diary", "zeros": bytes(99)}
    for what, data in others.items():
        Path("mine.x").write_bytes(data)
        code, err = outcome(capsys, words(names, "mine.x"))
        assert (what, code) == (what, 3)
        assert f"expected a new name, or a {kind.name} to replace" in err, what
        assert Path("mine.x").read_bytes() == data
        assert os.listdir() == ["mine.x"]


@pytest.mark.parametrize("names", WRITERS, ids=" ".join)
@pytest.mark.parametrize("there", ["nothing", "an empty file", "the same kind", "another, forced"])
def test_what_may_be_replaced(
    names: tuple[str, ...],
    there: str,
    kinds: dict[paths.Kind, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command goes on, to find that what it should read is not there. A key stays a key."""
    kind = WRITERS[names].type.kind
    data = {"an empty file": b"", "the same kind": kinds[kind], "another, forced": b"x"}.get(there)
    if data is not None:
        Path("mine.x").write_bytes(data)
    force = ["--force"] if there == "another, forced" else []
    code = main([*words(names, "mine.x"), *force])
    err = capsys.readouterr().err
    refused = "expected a new name" in err
    assert refused == (kind in ONCE and there == "the same kind")
    if not refused and kind is not paths.KEY:
        assert code == 3
        assert "nowhere" in err
        assert not data or Path("mine.x").read_bytes() == data


@pytest.mark.parametrize("names", [names for names in WRITERS if len(words(names, "x")) > 2])
@pytest.mark.parametrize("link", ["same name", "hard link", "symbolic link"])
def test_what_is_read_is_not_written(
    names: tuple[str, ...],
    link: str,
    kinds: dict[paths.Kind, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Under whatever name, and though it is of the right kind or forced."""
    if not any(isinstance(one.type, InputPath) for one in COMMANDS[names].params):
        pytest.skip("it reads nothing")
    data = kinds[WRITERS[names].type.kind]
    if any(isinstance(one.type, StorePath) for one in COMMANDS[names].params):
        data = b"SQLite format 3\0"  # what else is there is no store
    Path("read.x").write_bytes(data)
    output = "read.x"
    if link != "same name":
        output = "other.x"
        (os.link if link == "hard link" else os.symlink)("read.x", output)
    for force in ([], ["--force"]):
        code, err = outcome(capsys, [*words(names, output, "read.x"), *force])
        assert code == 3
        if force or WRITERS[names].type.kind not in ONCE:
            assert "expected another file than those that are read" in err
        assert Path("read.x").read_bytes() == data


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["plain", "forced"])
@pytest.mark.parametrize(
    "command",
    [
        ["train", "photos", "-o", "photos/cat/01.jpg"],
        ["report", "x.head", "photos", "-o", "photos/cat/01.jpg"],
        ["report", "x.head", "nowhere", "--unknown", "photos", "-o", "link/cat/01.jpg"],
        ["embed", "photos", "-o", "photos/embeddings"],
        ["embed", "link", "-o", "photos/cat/embeddings"],
    ],
    ids=" ".join,
)
def test_nothing_is_written_among_the_photos(
    command: list[str], force: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No photo of a folder that is read is replaced; no folder of embeddings becomes a class."""
    photo = Path("photos/cat/01.jpg")
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a cat")
    Path("link").symlink_to("photos")
    code, err = outcome(capsys, [*command, *force])
    assert code == 3
    assert "read, found one" in err
    assert photo.read_bytes() == b"a cat"
    assert len(list(Path("photos").rglob("*"))) == 2


@pytest.mark.parametrize("names", WRITERS, ids=" ".join)
@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("nowhere/x.y", "nowhere/x.y: expected a folder to write into, found none"),
        (".", "expected the name of a file to write, found a folder"),
        ("pipe", "pipe: expected the name of a file to write, found a device or a pipe"),
        ("/dev/null", "/dev/null: expected the name of a file to write, found a device or a pipe"),
        ("x" * 300, "File name too long"),
    ],
)
def test_where_no_file_can_be(
    names: tuple[str, ...], output: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said before any work; a device is not replaced by a file, not even by root."""
    os.mkfifo("pipe")
    for force in ([], ["--force"]):
        code, err = outcome(capsys, [*words(names, output), *force])
        assert code == 3
        assert message in err
    assert os.listdir() == ["pipe"]
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("names", WRITERS, ids=" ".join)
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "mine.x: Permission denied"),
        (errno.EROFS, "mine.x: Read-only file system"),
        (errno.ENOSPC, "mine.x: the disk at {} is full; free some space, or write elsewhere"),
    ],
)
def test_the_door_is_tried_before_any_work(
    names: tuple[str, ...],
    number: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A shut folder or a full disk is said at once, of the user's file, and which disk it is."""

    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    code, err = outcome(capsys, words(names, "mine.x"))
    assert code == 3
    assert message.format(disk.disk_of("mine.x")) in err
    assert ".tmp" not in err
    assert os.listdir() == []


def test_a_full_disk_after_the_proof(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It fills while the command works: the user's file and the disk are named, nothing is left."""
    monkeypatch.setattr(paths, "prove_writable", lambda path: small_disk.fill())
    head = golden_path("plain")
    output = small_disk.folder / "copy.head"
    assert main(["share", str(head), "-o", str(output), "--few-photos"]) == 3
    said = capsys.readouterr().err.replace("\n", "")
    assert f"{output}: the disk at {small_disk.folder} is full" in said
    assert sorted(os.listdir(small_disk.folder)) == ["ballast"]


@pytest.mark.parametrize(
    ("arguments", "there", "message"),
    [
        (["cut", "in.tflite", "--at", "x", "-o", "package.tflite"], "package.json", "manifest"),
        (["cut", "in.tflite", "--at", "x", "-o", "x.json"], None, "leaves room for the file"),
        (["finetune", "photos", "-o", "model.head"], "model.block", "block file"),
        (["finetune", "photos", "-o", "model.block"], None, "leaves room for the file"),
    ],
)
def test_the_file_beside_is_checked_too(
    arguments: list[str], there: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both files of finetune and of cut."""
    if there is not None:
        Path(there).write_text('{"name": "package"}')
    code, err = outcome(capsys, arguments)
    assert code == 3
    assert message in err
    assert there is None or Path(there).read_text() == '{"name": "package"}'


def test_a_second_finetune_does_not_take_the_blocks_of_the_first(
    kinds: dict[paths.Kind, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """`model.a` and `model.b` would both have `model.block`; again to `model.a` is all right."""
    Path("model.a").write_bytes(kinds[paths.HEAD_FILE])
    Path("model.block").write_bytes(kinds[paths.BLOCK_FILE])
    code, err = outcome(capsys, ["finetune", "photos", "-o", "model.b"])
    assert code == 3
    assert "model.block: expected a new name, found a block file that belongs to another" in err
    code, err = outcome(capsys, ["finetune", "photos", "-o", "model.a"])
    assert "photos" in err
    assert "model.block" not in err


@pytest.mark.parametrize("network", [None, b""])
def test_a_picture_of_somebody_elses_is_no_golden_one(
    network: bytes | None, kinds: dict[paths.Kind, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is taken for one only beside its network; an empty file is none."""
    if network is not None:
        Path("eye.tflite").write_bytes(network)
    Path("eye.golden.png").write_bytes(b"\x89PNG\r\n of a holiday")
    code, err = outcome(capsys, words(("cut",), "eye.tflite"))
    assert code == 3
    assert "eye.golden.png: expected a new name, found a golden picture that belongs to" in err


@pytest.mark.parametrize("names", [n for n in WRITERS if WRITERS[n].type.kind in NETWORKS])
def test_an_extractor_with_its_manifest_stays(
    names: tuple[str, ...], kinds: dict[paths.Kind, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """A network is of the same kind, but the manifest beside would fit it no more."""
    Path("x.tflite").write_bytes(kinds[paths.NETWORK])
    Path("x.json").write_bytes(kinds[paths.MANIFEST])
    _, err = outcome(capsys, words(names, "x.tflite"))
    assert "x.tflite: expected a new name, found an extractor with its manifest x.json" in err
    _, err = outcome(capsys, [*words(names, "x.tflite"), "--force"])
    assert "x.tflite" not in err
    Path("x.json").unlink()
    Path("x.tflite").write_bytes(kinds[paths.NETWORK])
    _, err = outcome(capsys, words(names, "x.tflite"))
    assert "x.tflite: expected a new name, or a" in err


@pytest.mark.parametrize("ending", ["tflite", "onnx", "mlmodel"])
def test_a_network_of_somebody_else_stays(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the same format is not one of ours; what the command wrote it writes again."""
    known = Extractor.open(engine="popcount")
    rows = np.random.default_rng(0).normal(size=(6, known.embedding_dim))
    for name, head in (
        ("one.head", SoftmaxHead(method="imprint").fit(rows, ["a", "b"] * 3, extractor=known)),
        ("two.head", MultiLabelHead().fit(rows, [["a"], []] * 3, extractor=known)),
    ):
        head.save(name)
    export = {"tflite": "export-tflite", "onnx": "export-onnx", "mlmodel": "export-coreml"}[ending]
    alone = ["--alone"] if ending == "onnx" else []
    if ending == "mlmodel":
        pytest.importorskip("coremltools", reason="not tested: pip install 'headfit[coreml]'")
    foreign = {
        "tflite": (ENGINE_DATA / "residual.tflite").read_bytes(),
        "onnx": (FOREIGN / "classifier.onnx").read_bytes(),
        "mlmodel": b"\x08\x01\x12\x02\x0a\x00 a model of flowers",
    }[ending]
    output = Path(f"mine.{ending}")
    output.write_bytes(foreign)
    for name in ("one.head", "two.head"):
        command = [export, name, "-o", str(output), *alone]
        assert main(command) == 3
        assert "of this command to replace, found another kind" in capsys.readouterr().err
        assert output.read_bytes() == foreign
        assert main([*command, "--force"]) == 0
        assert output.read_bytes() != foreign
        assert main(command) == 0
        output.write_bytes(output.read_bytes()[: output.stat().st_size // 2])  # was cut short
        assert main([*command, "--force"]) == 0
        output.write_bytes(foreign)


def test_an_extractor_is_an_input(kinds: dict[paths.Kind, bytes]) -> None:
    """What --extractor names is read as well."""
    Path("x.tflite").write_bytes(kinds[paths.NETWORK])
    for given in ("x.tflite", "./x.tflite"):
        arguments = ["export-tflite", "a.head", "-o", "x.tflite", "--extractor", given, "--force"]
        assert main(arguments) == 3
    assert Path("x.tflite").read_bytes() == kinds[paths.NETWORK]


@pytest.mark.parametrize("names", FILLERS, ids=" ".join)
def test_a_folder_of_the_users_is_not_filled(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """One with other files, a file, a folder that cannot be made, one that is read."""
    photo = Path("mine/photos/train/cat/01.jpg")
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a cat")
    params = COMMANDS[names].params
    reads = any(isinstance(one, click.Argument) for one in params)
    opts = [opt for one in params for opt in one.opts]
    tail = [next(opt for opt in opts if opt.startswith("--extractor")), "no-such"]
    for output, message in {
        "mine": "expected a new or empty folder",
        str(photo): "expected a folder, found a file",
        f"{photo}/x": "expected a folder, found the file",
    }.items():
        given = [*names, *(["nowhere"] if reads else []), FILLERS[names].opts[0], output, *tail]
        code, err = outcome(capsys, given)
        assert code == 3
        assert message in err
    if reads:
        code, err = outcome(capsys, [*names, "mine", FILLERS[names].opts[0], "mine", "--force"])
        assert code == 3
        assert "expected another file than those that are read" in err
    assert photo.read_bytes() == b"a cat"
    assert [path.name for path in Path("mine").rglob("*") if path.is_file()] == ["01.jpg"]


def test_a_forced_key_is_the_owners_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever could read what was there cannot read the key."""
    Path("key").touch(0o644)
    assert main(["keygen", "key"]) == 0
    assert stat.S_IMODE(os.stat("key").st_mode) == 0o600
    before = Path("key").read_bytes()
    assert main(["keygen", "key"]) == 3
    assert Path("key").read_bytes() == before
    os.chmod("key", 0o644)
    assert main(["keygen", "key", "--force"]) == 0
    assert Path("key").read_bytes() != before
    assert stat.S_IMODE(os.stat("key").st_mode) == 0o600


def test_errors_name_the_users_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the temporary one, whichever step fails; and nothing is left over."""
    names: list[Any] = []
    for step in ("open", "fsync", "replace"):
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise OSError(errno.EIO, "Input/output error")

            if step == "open":
                with pytest.raises(OSError, match="No such file") as caught:
                    disk.write_atomically("nowhere/x.y", b"data")
            else:
                patch.setattr(os, step, fail)
                with pytest.raises(OSError, match="Input/output") as caught:
                    disk.write_atomically("x.y", b"data")
            names.append((caught.value.filename, caught.value.filename2))
            assert str(caught.value).endswith(f"{caught.value.filename!r}")  # and nothing behind it
    assert names == [("nowhere/x.y", None), ("x.y", None), ("x.y", None)]
    assert os.listdir() == []


def test_a_damaged_head_may_be_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    """Its header says that it is one; that is why one trains again."""
    head = SoftmaxHead().fit(np.eye(4, dtype=np.float32), ["a", "a", "b", "b"])
    head.save("a.head")
    data = Path("a.head").read_bytes()
    Path("a.head").write_bytes(data[:-8])
    assert paths.HEAD_FILE.is_of(Path("a.head"))
    Path("a.head").write_bytes(data[:12])
    assert not paths.HEAD_FILE.is_of(Path("a.head"))


@pytest.mark.parametrize("names", WRITERS, ids=" ".join)
def test_what_is_write_protected_stays(
    names: tuple[str, ...], kinds: dict[paths.Kind, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """Though it is of the same kind: somebody wanted to keep it."""
    data = kinds[WRITERS[names].type.kind]
    Path("mine.x").write_bytes(data)
    os.chmod("mine.x", 0o444)
    code, err = outcome(capsys, words(names, "mine.x"))
    assert code == 3
    assert "write-protected" in err or WRITERS[names].type.kind in ONCE
    assert Path("mine.x").read_bytes() == data


def test_no_text_is_no_path(capsys: pytest.CaptureFixture[str]) -> None:
    """`headfit predict x.head "$UNSET"` is not about this folder."""
    for command in (["predict", "x.head", ""], ["train", "", "-o", "x"], ["embed", "x", "-o", ""]):
        code, err = outcome(capsys, command)
        assert code == 2
        assert "expected a path, found an empty text" in err


def test_a_folder_to_fill_is_named_as_the_user_did(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(paths, "prove_writable", refuse)
    Path("there").mkdir()
    for output in ("there", "there/new", "new"):
        assert outcome(capsys, ["embed", "photos", "-o", output]) == (
            3,
            f"headfit: {output}: Permission denied ",
        )
