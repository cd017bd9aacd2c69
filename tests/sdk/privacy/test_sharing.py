"""Heads that leave the device, and heads that come from others."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headfit.commands.main import app, main
from headfit.errors import (
    FileFormatError,
    InputError,
    UnshareableHeadError,
    UntrustedHeadError,
)
from headfit.exports.tflite import export_tflite
from headfit.extractor import Extractor
from headfit.files.headfile import load_head, load_head_bytes, save_head_bytes
from headfit.files.multi_label_file import load_multi_label_bytes, save_multi_label_bytes
from headfit.head import SoftmaxHead
from headfit.multi_label_head import MultiLabelHead
from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView
from headfit.privacy.signing import (
    new_key,
    public_key,
    sign_head_bytes,
    verify_head_bytes,
    verify_multi_label_bytes,
)

# RFC 8032, section 7.1, test 1: secret and public key.
SECRET = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def head(counts: tuple[int, ...] = (3, 4), **options: object) -> SoftmaxHead:
    values = np.random.default_rng(0).normal(size=(sum(counts), 5))
    names = [f"class {i}" for i, count in enumerate(counts) for _ in range(count)]
    return SoftmaxHead().fit(values, names, **options)


def test_a_head_of_single_photos_is_not_shared_unless_forced(tmp_path: Path) -> None:
    """Saving is the user's own affair; sharing is not."""
    few = head((3, 2, 1))
    few.save(tmp_path / "own.head")
    with pytest.raises(UnshareableHeadError, match=r"found 'class 1' \(2\), 'class 2' \(1\)"):
        few.share(tmp_path / "shared.head")
    assert not (tmp_path / "shared.head").exists()
    few.share(tmp_path / "shared.head", force=True)
    head((3, 3)).share(tmp_path / "shared.head")
    assert load_head(tmp_path / "shared.head").head.class_counts == (3, 3)


def test_a_private_head_of_single_photos_is_shared(tmp_path: Path) -> None:
    """Noise hides the photo, and how many there were."""
    view = PublicView.plain(5, 2.0)
    private = head((1, 1), privacy=Privacy(1, 1e-5, public_view=view))
    private.share(tmp_path / "shared.head")
    assert SoftmaxHead.load(tmp_path / "shared.head").privacy_ == private.privacy_


DOORS = {
    "share": [],
    "sign": ["--key", "key"],
    "export-tflite": [],
    "export-json": [],
    "export-coreml": [],
    "export-onnx": ["--alone"],
    "export-web": ["--library", "a.wasm"],
}
"""Commands that make of a head what others get."""

ENDINGS = {"export-tflite": ".tflite", "export-onnx": ".onnx", "export-coreml": ".mlmodel"}

OWN = {"calibrate", "convert-head", "report"}
"""Commands that make of a head another file of the user's own."""


# The smallest library that says which plans it reads: its exports, then its code.
WASM = b"\0asm\x01\0\0\0\x07\x18\x01\x14headfit_plan_version\0\0\x0a\x06\x01\x04\0\x41\x01\x0b"


def test_every_command_that_writes_a_head_anew_is_a_door_or_the_users_own() -> None:
    """A new command of this kind has to be named above, and so to be thought about."""
    names = {
        name
        for name, command in app.commands.items()
        if {"head", "output"} <= {parameter.name for parameter in command.params}
    }
    assert names == DOORS.keys() | OWN


@pytest.mark.parametrize("kind", [SoftmaxHead, MultiLabelHead])
@pytest.mark.parametrize("name", DOORS)
def test_the_commands_refuse_and_force(
    name: str,
    kind: type,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "export-coreml":
        pytest.importorskip("coremltools", reason="not tested: pip install 'headfit[coreml]'")
    monkeypatch.chdir(tmp_path)
    known = Extractor.open(engine="popcount")
    values = np.random.default_rng(0).normal(size=(4, known.embedding_dim))
    names: list[object] = ["cup", "cup", "cup", "pen"]
    if kind is MultiLabelHead:
        names = [[name] for name in names]
    kind().fit(values, names, extractor=known).save("a.head")
    assert main(["keygen", "key"]) == 0
    Path("a.wasm").write_bytes(WASM)
    out = "out" + ENDINGS.get(name, "")
    command = [name, "a.head", "-o", out, *DOORS[name]]
    assert main(command) == 3
    assert "at least 3 photos of each class before a head is shared" in capsys.readouterr().err
    assert not Path(out).exists()
    assert main([*command, "--few-photos"]) == 0
    assert Path(out).stat().st_size > 0


def test_a_multi_label_head_is_signed_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way; any flipped bit and any other key is refused, and so is the other kind."""
    rows = np.random.default_rng(0).normal(size=(12, 4))
    MultiLabelHead().fit(rows, [["cup"], ["pen"], ["cup", "pen"], []] * 3).save(tmp_path / "a.head")
    key, path, signed = (str(tmp_path / name) for name in ("key", "a.head", "b.head"))
    assert main(["keygen", key]) == 0
    public = capsys.readouterr().out.strip()
    assert main(["verify", path, "--trust", public]) == 5
    assert main(["sign", path, "--key", key, "-o", signed]) == 0
    assert main(["verify", signed, "--trust", public]) == 0
    assert main(["inspect", signed]) == 0
    assert public in capsys.readouterr().out.replace("\n", "").replace(" ", "")
    head = MultiLabelHead.load(signed, trusted_keys=[public])
    assert head.predict(rows) == MultiLabelHead.load(path).predict(rows)
    with pytest.raises(UntrustedHeadError, match="found the key"):
        MultiLabelHead.load(signed, trusted_keys=["0" * 64])
    with pytest.raises(UntrustedHeadError, match="found none"):
        MultiLabelHead.load(path, trusted_keys=[public])
    with pytest.raises(FileFormatError, match="several classes"):
        SoftmaxHead.load(signed, trusted_keys=[public])
    file = bytearray(Path(signed).read_bytes())
    for at in range(0, len(file), 53):
        file[at] ^= 1
        with pytest.raises(FileFormatError):
            verify_multi_label_bytes(bytes(file), [public])
        file[at] ^= 1
    read = load_multi_label_bytes(bytes(file))
    other = dataclasses.replace(read, head=dataclasses.replace(read.head, n_samples=99))
    with pytest.raises(UntrustedHeadError, match="other content"):
        verify_multi_label_bytes(save_multi_label_bytes(other), [public])


def test_the_functions_behind_them_refuse_and_force() -> None:
    """Whoever calls them from Python is asked as well."""
    known = Extractor.open(engine="popcount")
    values = np.random.default_rng(0).normal(size=(4, known.embedding_dim))
    few = SoftmaxHead().fit(values, ["cup", "cup", "pen", "pen"], extractor=known)
    with pytest.raises(UnshareableHeadError):
        few.released()
    with pytest.raises(UnshareableHeadError):
        export_tflite(few.fitted_)
    with pytest.raises(UnshareableHeadError):
        sign_head_bytes(few.fitted_, new_key())
    assert few.released(force=True).class_counts == (2, 2)
    assert export_tflite(few.fitted_, force=True)
    assert sign_head_bytes(few.fitted_, new_key(), force=True)


@pytest.mark.parametrize("kind", [SoftmaxHead, MultiLabelHead])
def test_a_signature_that_conversion_drops_is_named(
    kind: type[SoftmaxHead | MultiLabelHead], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is of the old file's content; nobody should ship the new one as signed."""
    names: list[object] = ["cup", "cup", "cup", "pen", "pen", "pen"]
    rows = np.random.default_rng(0).normal(size=(6, 4))
    head = kind().fit(rows, names if kind is SoftmaxHead else [[name] for name in names])
    key = new_key()
    (tmp_path / "a.head").write_bytes(sign_head_bytes(head.fitted_, key))
    plain, small = str(tmp_path / "plain.head"), str(tmp_path / "small.head")
    arguments = [str(tmp_path / "a.head"), "--dtype", "int8", "-o", small]
    assert main(["convert-head", *arguments]) == 0
    said = capsys.readouterr()
    assert f"is not signed: {public_key(key)} signed" in " ".join(said.err.split())
    assert main(["convert-head", small, "--dtype", "float32", "-o", plain]) == 0
    assert "signed" not in capsys.readouterr().err


def test_sign_and_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way: keys, a signed file, an app that takes heads from its maker only."""
    path, out, key = (str(tmp_path / name) for name in ("a.head", "b.head", "key"))
    head().save(path)
    assert main(["keygen", key]) == 0
    public = capsys.readouterr().out.strip()
    assert Path(key).stat().st_mode & 0o777 == 0o600
    assert main(["keygen", key]) == 3  # a key is never written over
    assert main(["sign", path, "--key", key, "-o", out]) == 0
    assert main(["verify", out, "--trust", "ab" * 32, "--trust", public]) == 0
    assert main(["verify", out, "--trust", "ab" * 32]) == 5
    assert main(["verify", path, "--trust", public]) == 5
    loaded = SoftmaxHead.load(out, trusted_keys=[public])
    np.testing.assert_array_equal(head().weights_, loaded.weights_)
    assert SoftmaxHead.load(out).fitted_.classes == loaded.fitted_.classes
    with pytest.raises(UntrustedHeadError, match="found none"):
        SoftmaxHead.load(path, trusted_keys=[public])
    with pytest.raises(UntrustedHeadError, match="expected a head signed by a key that is trusted"):
        SoftmaxHead.load(out, trusted_keys=[])


def test_a_signature_is_of_one_content(tmp_path: Path) -> None:
    """Any other weights, names, counts or promise under the same signature are refused."""
    key = new_key()
    signed = load_head_bytes(_signed(head(), key))
    other = load_head_bytes(_signed(head((4, 4)), key))
    forged = save_head_bytes(dataclasses.replace(other, signature=signed.signature))
    with pytest.raises(UntrustedHeadError, match="other content"):
        verify_head_bytes(forged, [public_key(key)])


@pytest.mark.parametrize("at", range(0, 1000, 37))
def test_any_flipped_bit_is_refused(at: int) -> None:
    key = new_key()
    file = bytearray(_signed(head(), key))
    file[at % len(file)] ^= 1
    with pytest.raises(FileFormatError):
        verify_head_bytes(bytes(file), [public_key(key)])


def test_keys_are_those_of_the_standard() -> None:
    """RFC 8032's first key pair, and OpenSSL's own reading of a key that we made."""
    from cryptography.hazmat.primitives import serialization as kinds
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SECRET)).private_bytes(
        kinds.Encoding.PEM, kinds.PrivateFormat.PKCS8, kinds.NoEncryption()
    )
    assert public_key(pem) == PUBLIC
    verify_head_bytes(_signed(head(), pem), [PUBLIC.upper()])


@pytest.mark.parametrize("key", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(InputError, match="expected a private key in PEM"):
        public_key(key)


def test_one_text_is_no_collection_of_keys() -> None:
    """A text is a collection of letters: taken for keys it would refuse everything, unclearly."""
    with pytest.raises(InputError, match=r"write \[key\]"):
        verify_head_bytes(_signed(head(), new_key()), PUBLIC)


def test_without_the_library_the_message_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from headfit.privacy.signing import new_key\n"
        "from headfit.errors import MissingExtraError\n"
        "try:\n    new_key()\nexcept MissingExtraError as error:\n    print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'headfit[crypto]'" in out.stdout


def _signed(fitted: SoftmaxHead, key: bytes) -> bytes:
    return sign_head_bytes(fitted.fitted_, key)
