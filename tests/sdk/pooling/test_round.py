"""Round files: signed, checked field by field, and honest about the privacy that they give."""

from __future__ import annotations

import hashlib
import json
import logging
import math

import numpy as np
import pytest

from headfit.errors import FileFormatError, InputError, UntrustedHeadError
from headfit.files.fields import canonical_json
from headfit.pooling import RoundFile, contributed_plain, read_round_bytes, round_bytes
from headfit.pooling.projection import UNITS
from headfit.privacy.signing import new_key, public_key, signature_of

from .conftest import KEY, RoundMaker, photos


def resigned(document: dict[str, object]) -> bytes:
    """Return a round of this content whose signature is right, if nothing else is."""
    content = {key: value for key, value in document.items() if key != "signature"}
    digest = hashlib.sha256(canonical_json(content).encode()).digest()
    signature = signature_of(b"headfit round " + digest, KEY)
    content["signature"] = {
        "algorithm": "ed25519",
        "public_key": signature.public_key,
        "signature": signature.signature,
    }
    return json.dumps(content).encode()


def document(called: RoundFile) -> dict[str, object]:
    parsed: dict[str, object] = json.loads(round_bytes(called.round, KEY))
    return parsed


@pytest.mark.parametrize("width", [None, 3])
@pytest.mark.parametrize("moments", [True, False])
def test_what_is_written_is_read(make_round: RoundMaker, width: int | None, moments: bool) -> None:
    called = make_round(width, moments=moments, device_keys=["CD" * 32, "ab" * 32])
    written = round_bytes(called.round, KEY)
    read = read_round_bytes(written, [public_key(KEY).upper()])
    assert round_bytes(read.round, KEY) == written
    assert (read.digest, read.caller) == (called.digest, public_key(KEY))
    for name in ("classes", "moments", "max_photos", "noise", "devices", "min_devices", "views"):
        assert getattr(read.round, name) == getattr(called.round, name)
    assert read.round.device_keys == ("ab" * 32, "cd" * 32)
    np.testing.assert_array_equal(
        read.round.projection.directions, called.round.projection.directions
    )
    expected = 3 + 3 * read.round.width + (read.round.width + 1) * read.round.width // 2 * moments
    assert read.round.n_numbers == expected


def test_another_signer_or_content_is_refused(make_round: RoundMaker) -> None:
    called = make_round()
    with pytest.raises(UntrustedHeadError, match="a key that is trusted"):
        read_round_bytes(round_bytes(called.round, KEY), [public_key(new_key())])
    changed = document(called) | {"max_photos": 900}
    with pytest.raises(UntrustedHeadError, match="found other content"):
        read_round_bytes(json.dumps(changed).encode())
    assert read_round_bytes(resigned(changed)).round.max_photos == 900


WRONG: dict[str, object] = {
    "format": "headfit-head",
    "format_version": 2,
    "round_id": "xy",
    "extractor": None,
    "views": [],
    "classes": ["pen", "cup"],  # not sorted
    "projection": {},
    "moments": 1,
    "max_photos": 1025,
    "noise": (1 << 18) - 1,
    "delta": 0,
    "devices": 1,
    "min_devices": 21,
    "device_keys": [],
    "more": 1,
}


@pytest.mark.parametrize("name", WRONG)
def test_every_field_is_checked(make_round: RoundMaker, name: str) -> None:
    changed = document(make_round()) | {name: WRONG[name]}
    with pytest.raises(FileFormatError):
        read_round_bytes(resigned(changed))


@pytest.mark.parametrize("name", ["cafe\u0301", " pen", "a\u200bb", "", 7])
def test_a_file_holds_names_in_normal_form(make_round: RoundMaker, name: object) -> None:
    changed = document(make_round()) | {"classes": [name, "zebra"]}
    with pytest.raises(FileFormatError, match="in normal form"):
        read_round_bytes(resigned(changed))


def test_names_have_one_form(make_round: RoundMaker) -> None:
    """However the caller and the devices typed them."""
    called = make_round(classes=["cafe\u0301 ", "pen", "tea"], epsilon=None)
    assert called.round.classes == ("caf\xe9", "pen", "tea")
    embeddings = photos(1, 4).embeddings
    written = [
        contributed_plain(called, embeddings, names)
        for names in (["caf\xe9", "pen", "tea", "tea"], [" cafe\u0301", "pen", "tea ", "tea"])
    ]
    np.testing.assert_array_equal(written[0].sums, written[1].sums)
    with pytest.raises(InputError, match="of which 1 are different"):
        make_round(classes=["caf\xe9", "cafe\u0301"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 4), ("centre", "AAAA"), ("centre", "no base64"), ("unit_exponent", 65),
     ("embedding_dim", 5000), ("directions", "////fw==" * 6), ("scale_exponent", 1.0)],
)  # fmt: skip
def test_the_projection_is_checked(make_round: RoundMaker, name: str, value: object) -> None:
    whole = document(make_round())
    whole["projection"] = dict(whole["projection"]) | {name: value}  # type: ignore[call-overload]
    with pytest.raises(FileFormatError):
        read_round_bytes(resigned(whole))


@pytest.mark.parametrize(
    "settings",
    [{"epsilon": 0}, {"delta": 0.5}, {"devices": 1}, {"min_devices": 21}, {"max_photos": 0},
     {"max_photos": 1025}, {"device_keys": ["abc"]}, {"device_keys": []},
     {"epsilon": 100.0, "devices": 1 << 20, "max_photos": 1}],
    ids=str,
)  # fmt: skip
def test_what_makes_no_round_is_refused(
    make_round: RoundMaker, settings: dict[str, object]
) -> None:
    with pytest.raises(InputError):
        make_round(**settings)


@pytest.mark.parametrize("moments", [True, False])
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0, 8.0])
def test_epsilon_is_googles(make_round: RoundMaker, epsilon: float, moments: bool) -> None:
    """Of the sum of so many shares, as one Gaussian on what one device changes."""
    dp_accounting = pytest.importorskip("dp_accounting")
    logging.getLogger("absl").setLevel(logging.ERROR)
    called = make_round(epsilon=epsilon, devices=1000, max_photos=20, moments=moments).round
    for n_devices in (1000, 900, 500):
        change = 20 * math.sqrt(3 if moments else 2)
        multiplier = called.noise * math.sqrt(n_devices) / UNITS / change
        google = dp_accounting.rdp.RdpAccountant()
        google.compose(dp_accounting.GaussianDpEvent(multiplier))
        assert called.epsilon(n_devices) == pytest.approx(google.get_epsilon(1e-5), rel=0.01)
    assert called.epsilon(1000) == pytest.approx(epsilon, rel=3e-3)
    assert called.epsilon(1000) <= epsilon


def test_fewer_devices_have_less_privacy(make_round: RoundMaker) -> None:
    """As docs/privacy.md says: 3 becomes 3.2 at 90 %, 4.4 at half."""
    called = make_round(devices=1000).round
    assert [round(called.epsilon(n), 1) for n in (1000, 900, 500)] == [3.0, 3.2, 4.4]
    assert called.min_devices == 500
    assert make_round(devices=30).round.min_devices == 20
    assert make_round(devices=5).round.min_devices == 5
    assert make_round(epsilon=None).round.epsilon(20) == math.inf
