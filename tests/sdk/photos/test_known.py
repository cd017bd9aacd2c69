"""A folder against what was taught of it: every photo is matched once, nothing falls out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from headfit.learning.origin import Preprocessing
from headfit.photos import FLIPPED, WHOLE, PhotoFile
from headfit.photos.known import compare, digests_of

KEYS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([b"1", b"2", b"3"])), max_size=8)
PREPROCESSING = Preprocessing(8, 8, "shorter-side", 8, "bilinear", (0.0,) * 3, (1.0,) * 3)


@given(now=KEYS, before=KEYS)
def test_what_is_done_makes_the_store_the_folder(
    now: list[tuple[str, bytes]], before: list[tuple[str, bytes]]
) -> None:
    """And embeds as few photos as there can be."""
    photos = [PhotoFile(Path(str(i)), name) for i, (name, _) in enumerate(now)]
    digests = {photo.path: digest for photo, (_, digest) in zip(photos, now, strict=True)}
    changes = compare(photos, digests, dict(enumerate(before)))
    left = {number: key for number, key in enumerate(before) if number not in changes.gone}
    for number, name in changes.moved.items():
        assert left[number][0] != name
        left[number] = name, left[number][1]
    added = [(photo.class_name, digests[photo.path]) for photo in changes.new]
    assert Counter([*left.values(), *added]) == Counter(now)
    assert len(changes.known) == sum((Counter(now) & Counter(before)).values())
    contents = Counter(digest for _, digest in now), Counter(digest for _, digest in before)
    assert len(changes.new) == sum((contents[0] - contents[1]).values())
    assert len(changes.gone) == sum((contents[1] - contents[0]).values())


def test_a_digest_is_of_content_and_preparation(tmp_path: Path) -> None:
    """Not of the name; a file that cannot be read has none."""
    for name, content in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        (tmp_path / name).write_bytes(content)
    photos = [PhotoFile(tmp_path / name, "cat") for name in "abcd"]
    found = digests_of(photos, PREPROCESSING, (WHOLE,))
    assert [found.get(photo.path) == found[tmp_path / "a"] for photo in photos] == [
        True, True, False, False,
    ]  # fmt: skip
    flipped = digests_of(photos, PREPROCESSING, FLIPPED)
    assert not set(found.values()) & set(flipped.values())
    assert {len(digest) for digest in found.values()} == {32}
