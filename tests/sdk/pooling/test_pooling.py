"""What many devices contribute adds up, to the bit, to what all photos together would give."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from headfit.errors import ExtractorMismatchError, FileFormatError, InputError
from headfit.files.headfile import HeadFile, load_head_bytes, save_head_bytes
from headfit.learning.origin import WHOLE, View
from headfit.pooling import (
    Half,
    Plain,
    Roll,
    RoundFile,
    Side,
    agreed_ids,
    check_source,
    contributed,
    contributed_plain,
    half_bytes,
    opened,
    opened_plain,
    part_bytes,
    plain_bytes,
    read_half_bytes,
    read_part,
    read_plain_bytes,
    read_roll_bytes,
    roll_bytes,
)
from headfit.pooling.contributing import chosen
from headfit.pooling.opening import head_of
from headfit.pooling.part import mask, parts_of
from headfit.pooling.projection import GRID, UNITS
from headfit.pooling.vector import class_sums_of, noise_share, vector_of
from headfit.privacy.signing import new_key, public_key

from .conftest import CLASSES, RoundMaker, parts_by_side, photos, renamed, sources


@pytest.fixture(scope="module")
def called(make_round: RoundMaker) -> RoundFile:
    """Return a round of at least 20 devices with second moments."""
    return make_round()


@pytest.fixture(scope="module")
def sides(called: RoundFile) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """Return the parts of 22 devices."""
    return parts_by_side(called, 22)


def targets(names: list[str]) -> np.ndarray:
    return np.array([CLASSES.index(name) for name in names], np.intp)


def pooled(called: RoundFile, *files: list[tuple[str, bytes]]) -> tuple[Half, Half]:
    """Return the halves of side A and side B."""
    rolls = [Side(called).roll(sources(one)) for one in files]
    ids = agreed_ids(called, rolls[0], rolls[1])
    halves = [
        Side(called).half(sources(one), roll, ids) for one, roll in zip(files, rolls, strict=True)
    ]
    return halves[0], halves[1]


@settings(max_examples=60)
@given(st.data())
def test_any_partition_order_and_grouping_is_the_whole_to_the_bit(
    make_round: RoundMaker, data: st.DataObject
) -> None:
    """Against one sum over all photos in the same arithmetic, and then the same head file."""
    called = make_round(data.draw(st.sampled_from([None, 3])), epsilon=None)
    whole = photos(data.draw(st.integers(0, 99)), 40)
    order = np.array(data.draw(st.permutations(range(40))))
    cuts = sorted(data.draw(st.lists(st.integers(0, 40), max_size=12)))
    vectors = [
        vector_of(called.round, whole.embeddings[rows], targets([whole.names[r] for r in rows]))
        for rows in np.split(order, cuts)
    ]
    parts = [parts_of(called.digest, vector) for vector in vectors]
    words = [part.words(called.round.n_numbers) for pair in parts for part in pair]
    while len(words) > 1:
        one = words.pop(data.draw(st.integers(0, len(words) - 1)))
        other = words.pop(data.draw(st.integers(0, len(words) - 1)))
        words.append(one + other)
    expected = vector_of(called.round, whole.embeddings, targets(whole.names))
    np.testing.assert_array_equal(expected, words[0])
    heads = [
        opened_plain(called, [Plain(called.digest, "00" * 16, vector) for vector in vectors_])
        for vectors_ in (vectors, [expected])
    ]
    files = [
        save_head_bytes(HeadFile(replace(head, training={**head.training, "devices": 0})))
        for head in heads
    ]
    assert files[0] == files[1]


def test_the_sums_are_those_of_the_photos(called: RoundFile) -> None:
    """Counts, class sums and moments, computed otherwise."""
    whole = photos(5, 30)
    sums = class_sums_of(
        called.round, vector_of(called.round, whole.embeddings, targets(whole.names))
    )
    points = called.round.projection.projected(whole.embeddings) / GRID
    columns = targets(whole.names)
    assert sums.counts.tolist() == [(columns == c).sum() for c in range(3)]
    for column in range(3):
        assert sums.sums[column].tolist() == points[columns == column].sum(axis=0).tolist()
    np.testing.assert_allclose(points.T @ points, sums.moments, rtol=1e-14)


@pytest.mark.parametrize("width", [None, 3])
@pytest.mark.parametrize("moments", [True, False])
def test_the_whole_way(make_round: RoundMaker, width: int | None, moments: bool) -> None:
    """Parts, rolls, halves, and a head whose file says which privacy it gives."""
    called = make_round(width, moments=moments, epsilon=8.0)
    a, b = parts_by_side(called, 20)
    assert len(b[0][1]) < 8 * called.round.n_numbers + 600
    halves = pooled(called, a, b)
    head = opened(called, halves)
    read = load_head_bytes(save_head_bytes(HeadFile(head))).head
    assert read.classes == CLASSES
    assert read.extractor == called.round.extractor
    assert read.privacy is not None
    assert read.privacy.epsilon == called.round.epsilon(20) <= 8
    assert "All 20 devices" in read.privacy.assumptions
    assert read.training["devices"] == 20
    # The sum is that of the devices, but for the noise, which is as large as is said.
    total = class_sums_of(called.round, halves[0].sums + halves[1].sums)
    plain = np.zeros(called.round.n_numbers, np.uint64)
    for number in range(20):
        device = photos(number)
        plain += vector_of(called.round, device.embeddings, targets(device.names))
    expected = class_sums_of(called.round, plain)
    spread = called.round.spread(20)
    off = np.concatenate([(total.counts - expected.counts), (total.sums - expected.sums).ravel()])
    if moments:
        off = np.append(
            off, (total.moments - expected.moments)[np.triu_indices(len(total.moments))]
        )
    assert np.abs(off).max() < 6 * spread
    # Of few numbers the root mean square is off by chance: by 1 / sqrt(2 n), five times over.
    root_mean_square = np.sqrt(np.square(off).mean())
    assert root_mean_square / spread == pytest.approx(1, abs=max(0.5, 5 / np.sqrt(2 * off.size)))


def test_the_noise_is_what_the_round_says(make_round: RoundMaker) -> None:
    """Each device's own share, in every number."""
    called = make_round().round
    drawn = np.array([noise_share(called).view(np.int64) for _ in range(3000)])
    assert drawn.std() == pytest.approx(called.noise, rel=0.02)
    np.testing.assert_allclose(drawn.std(axis=0), called.noise, rtol=0.08)
    correlations = np.corrcoef(drawn.T) - np.eye(called.n_numbers)
    assert np.abs(correlations).max() < 0.12


def test_either_part_alone_is_noise(called: RoundFile) -> None:
    """Bytes, bits and serial pairs of many parts of one device are uniform, and no two alike."""
    device = photos(0)
    parts = [contributed(called, device.embeddings, device.names) for _ in range(400)]
    for side in (0, 1):
        bodies = [pair[side].body for pair in parts]
        data = np.frombuffer(b"".join(bodies), np.uint8)
        assert chisquare(np.bincount(data, minlength=256)).pvalue > 1e-6
        pairs = (data[:-1].astype(int) >> 4) * 16 + (data[1:] >> 4)
        assert chisquare(np.bincount(pairs, minlength=256)).pvalue > 1e-6
        bits = np.unpackbits(np.frombuffer(b"".join(bodies), np.uint8).reshape(400, -1), axis=1)
        assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.15  # of 400: 6 standard deviations
        assert len(set(bodies)) == 400
    masked = np.array([pair[1].words(called.round.n_numbers) for pair in parts]) / 2.0**64
    assert np.abs(np.corrcoef(masked.T) - np.eye(called.round.n_numbers)).max() < 0.3


def test_the_mask_is_shake_of_round_and_seed(called: RoundFile) -> None:
    seed = bytes(range(32))
    stream = hashlib.shake_128(b"headfit mask " + bytes.fromhex(called.digest) + seed).digest(24)
    assert mask(called.digest, seed, 3).tolist() == [
        int.from_bytes(stream[at : at + 8], "little") for at in (0, 8, 16)
    ]


def test_no_plain_sum_is_in_any_file(called: RoundFile) -> None:
    """In whatever form of a number: in parts, rolls, halves and the head."""
    a, b = parts_by_side(called, 20)
    rolls = [Side(called).roll(sources(one)) for one in (a, b)]
    halves = pooled(called, a, b)
    head = save_head_bytes(HeadFile(opened(called, halves)))
    files = [data for _, data in (*a, *b)]
    files += [roll_bytes(roll) for roll in rolls] + [half_bytes(half) for half in halves] + [head]
    everything = b"|".join(files)
    searched = 0
    for number in range(20):
        device = photos(number)
        vector = vector_of(called.round, device.embeddings, targets(device.names))
        for value in vector.view(np.int64)[len(CLASSES) :].tolist():
            if abs(value) < 1 << 20:  # three bytes may be anywhere by chance
                continue
            forms = [np.array([value], kind).tobytes() for kind in ("<i8", ">i8", "<f8", "<f4")]
            forms += [str(value).encode(), np.array([value / UNITS], "<f8").tobytes()]
            searched += 1
            assert not any(form in everything for form in forms)
    assert searched > 200
    plain = contributed_plain(called, photos(0).embeddings, photos(0).names)
    value = plain.sums.view(np.int64)[-1:]
    assert value.tobytes() in plain_bytes(plain)  # where it is, it is found


# What may go wrong on the way


def test_parts_that_cannot_be_used_are_named_and_the_rest_goes_on(
    called: RoundFile, make_round: RoundMaker, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    """Lost, doubled, truncated, damaged, foreign, too long, of the other side, another's seed."""
    a, b = (list(one) for one in sides)
    a.pop(3)
    b.pop(4)
    first = read_part(b[0][1], called)
    longer = renamed(first, body=first.body + bytes(8))
    seed = read_part(a[0][1], called)
    (foreign,), (foreign_b,) = parts_by_side(make_round(), 1)
    assert foreign[0] == "a0"
    wrong_a = [
        ("again", a[0][1]),
        ("other side", b[5][1]),
        ("seed", renamed(seed, body=bytes(32))),
        ("foreign", foreign[1]),
        ("text", b"dear diary"),
    ]
    wrong_b = [
        ("cut", b[0][1][:-1]),
        ("flipped", b[0][1][:-9] + bytes([b[0][1][-9] ^ 1]) + b[0][1][-8:]),
        ("longer", longer),
        ("foreign", foreign_b[1]),
        ("empty", b""),
    ]
    reasons = [
        "the same part as a0", "a part of side b, among those of a", "expected the seed of",
        "of another round", "expected a file of headfit",
        "bytes of tensors", "found other content", "expected", "of another round",
        "at least 8 bytes",
    ]  # fmt: skip
    side_a, side_b = Side(called), Side(called)
    rolls = side_a.roll(sources(a + wrong_a)), side_b.roll(sources(wrong_b + b))
    named = dict(side_a.left_out + [(f"b {n}", why) for n, why in side_b.left_out])
    assert len(named) == len(wrong_a) + len(wrong_b)
    for (name, _), reason in zip(
        wrong_a + [(f"b {n}", data) for n, data in wrong_b], reasons, strict=True
    ):
        assert reason in named[name], name
    ids = agreed_ids(called, *rolls)
    assert len(ids) == 20  # 22 less one that each side lost
    halves = (
        Side(called).half(sources(a + wrong_a), rolls[0], ids),
        Side(called).half(sources(wrong_b + b), rolls[1], ids),
    )
    assert opened(called, halves).training["devices"] == 20


def test_two_different_parts_of_one_contribution_are_both_left_out(
    called: RoundFile, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    """Nobody can tell which is right."""
    _, b = sides
    part = read_part(b[0][1], called)
    other = renamed(part, body=bytes(len(part.body)))
    side = Side(called)
    roll = side.roll(sources([*b, ("other", other)]))
    assert part.contribution not in roll.signers
    assert dict(side.left_out).keys() == {"other", b[0][0]}


def test_what_comes_late_is_left_out(
    called: RoundFile, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    a, b = sides
    rolls = Side(called).roll(sources(a[:20])), Side(called).roll(sources(b))
    ids = agreed_ids(called, *rolls)
    side = Side(called)
    half = side.half(sources(a), rolls[0], ids)
    assert side.left_out == [
        ("a20", "came after the roll was written"),
        ("a21", "came after the roll was written"),
    ]
    assert (
        opened(called, (half, Side(called).half(sources(b), rolls[1], ids))).training["devices"]
        == len(ids)
        == 20
    )


def test_parts_that_are_gone_are_missed(
    called: RoundFile, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    a, b = sides
    rolls = Side(called).roll(sources(a)), Side(called).roll(sources(b))
    with pytest.raises(InputError, match="found 2 missing"):
        Side(called).half(sources(a[2:]), rolls[0], agreed_ids(called, *rolls))


def test_nothing_is_opened_below_the_minimum(
    called: RoundFile, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    a, b = sides
    rolls = Side(called).roll(sources(a[:19])), Side(called).roll(sources(b))
    with pytest.raises(InputError, match="at least 20 contributions on both rolls, found 19"):
        agreed_ids(called, *rolls)
    halves = pooled(called, a, b)
    few = [replace(half, ids=half.ids[:19]) for half in halves]
    with pytest.raises(InputError, match="at least 20 contributions, found 19"):
        opened(called, (few[0], few[1]))


def test_a_side_gives_one_half(
    called: RoundFile, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    """The difference of two sums would be one device's, with its own noise alone."""
    a, b = sides
    own, other = Side(called).roll(sources(a)), Side(called).roll(sources(b))
    spent = own.over(agreed_ids(called, own, other))
    assert read_roll_bytes(roll_bytes(spent), called).agreed == spent.agreed != ""
    assert spent.over(agreed_ids(called, spent, other)).agreed == spent.agreed
    fewer = Side(called).roll(sources(b[1:]))
    with pytest.raises(InputError, match="a second sum would show"):
        spent.over(agreed_ids(called, spent, fewer))


def test_halves_that_do_not_fit_are_refused(
    called: RoundFile, make_round: RoundMaker, sides: tuple[list[tuple[str, bytes]], ...]
) -> None:
    a, b = pooled(called, *sides)
    assert opened(called, (b, a)).training["devices"] == 22
    with pytest.raises(InputError, match="two of side a"):
        opened(called, (a, a))
    with pytest.raises(InputError, match="the same contributions, found 1 that are in the first"):
        opened(called, (a, replace(b, ids=b.ids[1:])))
    with pytest.raises(InputError, match="halves of the round"):
        opened(make_round(), (a, b))
    rolls = [Side(called).roll(sources(one)) for one in sides]
    with pytest.raises(InputError, match="the rolls of both sides"):
        agreed_ids(called, rolls[0], rolls[0])
    with pytest.raises(InputError, match="the rolls of both sides"):
        agreed_ids(make_round(), *rolls)


@pytest.mark.parametrize("at", [0, 2, -1])
@pytest.mark.parametrize("amount", [1 << 40, -(1 << 40), 1 << 63])
def test_what_no_device_can_send_makes_no_head(
    called: RoundFile, sides: tuple[list[tuple[str, bytes]], ...], at: int, amount: int
) -> None:
    """Masked it cannot be seen; in the sum it can."""
    a, b = pooled(called, *sides)
    sums = a.sums.copy()
    sums[[at]] += np.uint64(amount % (1 << 64))  # wraps
    with pytest.raises(InputError, match="a device sent what none can"):
        opened(called, (replace(a, sums=sums), b))


def test_signed_parts(make_round: RoundMaker) -> None:
    """Only those of the round's keys count, and of one key one."""
    keys = [new_key() for _ in range(21)]
    called = make_round(device_keys=[public_key(key) for key in keys[:20]])
    a, b = parts_by_side(called, 21, keys)
    unsigned, _ = parts_by_side(called, 1)
    twice_a, twice_b = parts_by_side(called, 1, keys)
    forged = renamed(read_part(a[1][1], called))
    damaged = a[2][1].replace(public_key(keys[2]).encode(), public_key(keys[3]).encode())
    files = [*a, ("unsigned", unsigned[0][1]), ("forged", forged), ("twice", twice_a[0][1])]
    side = Side(called)
    rolls = (
        side.roll(sources([*files, ("damaged", damaged)])),
        Side(called).roll(sources([*b, ("twice", twice_b[0][1])])),
    )
    named = dict(side.left_out)
    assert "who is not of the round" in named.pop("a20")
    assert named.pop("unsigned") == named.pop("forged") == "not signed"
    assert "damaged" in named.pop("damaged")
    assert list(named.values()) == ["doubled"]
    assert Counter(rolls[0].signers.values())[public_key(keys[0])] == 2
    ids = agreed_ids(called, *rolls)
    assert len(ids) == 20
    halves = (
        Side(called).half(sources(files), rolls[0], ids),
        Side(called).half(sources([*b, ("twice", twice_b[0][1])]), rolls[1], ids),
    )
    assert opened(called, halves).training["devices"] == 20


def test_a_signature_is_of_one_part(make_round: RoundMaker) -> None:
    """Another seed under it is refused, though every hash is mended."""
    key = new_key()
    called = make_round(device_keys=[public_key(key)])
    (one, _), (another, _) = (
        contributed(called, photos(n).embeddings, photos(n).names) for n in (0, 1)
    )
    from tests.fuzz.doors import mend_container

    file = part_bytes(one, key)
    other = part_bytes(another, key)
    forged = other[:-32] + one.body
    forged = forged.replace(another.contribution.encode(), one.contribution.encode())
    with pytest.raises(FileFormatError, match="found other content under its name"):
        read_part(mend_container(forged), called)
    assert read_part(file, called).signer == public_key(key)


def test_signed_parts_where_nobody_should_sign_are_left_out(called: RoundFile) -> None:
    """A signature would tell the sides who contributed."""
    key = new_key()
    a, _ = parts_by_side(called, 2, [key, key])
    plain, _ = parts_by_side(called, 1)
    side = Side(called)
    side.roll(sources([*a, *plain]))
    assert {why for _, why in side.left_out} == {"signed, where nobody should"}


# What devices give


def test_no_more_photos_count_than_the_round_takes(called: RoundFile) -> None:
    """Those that do are drawn, each as likely."""
    names = [*CLASSES * 10, "stranger"]
    rows = [chosen(called.round, names).tolist() for _ in range(400)]
    assert {len(one) for one in rows} == {8}
    assert all(30 not in one for one in rows)
    often = np.bincount([row for one in rows for row in one], minlength=30)
    assert chisquare(often[:30]).pvalue > 1e-6
    whole = photos(0, 60)
    plain = contributed_plain(called, whole.embeddings, whole.names)
    assert class_sums_of(called.round, plain.sums).counts.sum() == 8


def test_what_cannot_be_contributed_is_refused(called: RoundFile, make_round: RoundMaker) -> None:
    device = photos(0)
    with pytest.raises(InputError, match="found dog; rename classes"):
        contributed(called, device.embeddings, ["dog"] * 5)
    with pytest.raises(InputError, match="found width 4"):
        contributed(called, device.embeddings[:, :4], device.names)
    with pytest.raises(InputError, match="expected a round with noise"):
        contributed(make_round(epsilon=None), device.embeddings, device.names)
    with pytest.raises(ExtractorMismatchError, match="of the extractor net"):
        check_source(called.round, "cd" * 32, (WHOLE,), "a.store")
    with pytest.raises(ExtractorMismatchError, match="of the views"):
        check_source(called.round, "ab" * 32, (WHOLE, View(is_flipped=True)), "a.store")
    check_source(called.round, "ab" * 32, (WHOLE,), "a.store")


@pytest.mark.parametrize(
    ("at", "amount"), [(0, 1), (0, -(9 * UNITS)), (0, 9 * UNITS), (3, 1 << 32), (-1, 1 << 40)]
)
def test_plain_sums_that_no_device_has_are_refused(called: RoundFile, at: int, amount: int) -> None:
    plain = contributed_plain(called, photos(0).embeddings, photos(0).names)
    assert read_plain_bytes(plain_bytes(plain), called).sums.tolist() == plain.sums.tolist()
    sums = plain.sums.copy()
    sums[[at]] += np.uint64(amount % (1 << 64))  # wraps
    with pytest.raises(FileFormatError):
        read_plain_bytes(plain_bytes(replace(plain, sums=sums)), called)


def test_classes_that_nobody_has_are_left_out(called: RoundFile) -> None:
    device = photos(1, 30)
    rows = [row for row, name in enumerate(device.names) if name != "mug"]
    embeddings, names = device.embeddings[rows], [device.names[row] for row in rows]
    head = opened_plain(called, [contributed_plain(called, embeddings, names)])
    assert head.classes == ("cup", "pen")
    with pytest.raises(
        InputError, match=r"at least two classes, found 0 of 'cup', 0 of 'mug', 1 of 'pen'; call"
    ):
        opened_plain(called, [contributed_plain(called, embeddings[:1], names[:1])])
    with pytest.raises(InputError, match="at least one contribution"):
        opened_plain(called, [])
    nothing = class_sums_of(called.round, np.zeros(called.round.n_numbers, np.uint64))
    with pytest.raises(InputError, match=r"0 of 'pen', give or take 35 by noise; call a new"):
        head_of(called, nothing, 35.2, 20, None)


@pytest.mark.parametrize("kind", ["part a", "part b", "roll", "half", "plain"])
@given(data=st.data())
@settings(max_examples=60)
def test_any_change_of_a_file_is_refused_or_changes_nothing(
    called: RoundFile,
    sides: tuple[list[tuple[str, bytes]], ...],
    kind: str,
    data: st.DataObject,
) -> None:
    """A bit, or the end."""
    a, b = sides
    n = called.round.n_numbers
    read: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
        "part a": (a[0][1], lambda file: part_bytes(read_part(file, called))),
        "part b": (b[0][1], lambda file: part_bytes(read_part(file, called))),
        "roll": (
            roll_bytes(Roll(called.digest, "a", {"ab" * 16: None, "cd" * 16: "ef" * 32})),
            lambda file: roll_bytes(read_roll_bytes(file, called)),
        ),
        "half": (
            half_bytes(Half(called.digest, "b", ("ab" * 16,), np.zeros(n, np.uint64))),
            lambda file: half_bytes(read_half_bytes(file, called)),
        ),
        "plain": (
            plain_bytes(contributed_plain(called, photos(0).embeddings, photos(0).names)),
            lambda file: plain_bytes(read_plain_bytes(file, called)),
        ),
    }
    file, again = read[kind]
    assert again(file) == file
    changed = bytearray(file)
    if data.draw(st.booleans()):
        del changed[data.draw(st.integers(0, len(file) - 1)) :]
    else:
        changed[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        result = again(bytes(changed))
    except (FileFormatError, InputError):  # the latter if it names another round now
        return
    assert result == file
