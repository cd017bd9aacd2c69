"""The session: projects, heads that come and go, what is recognised; no window."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from tests.support.photos import THINGS, OtherExtractor, frames, jpeg, outdate, picked

from headfit import (
    DamagedStoreError,
    ExtractorMismatchError,
    FileFormatError,
    InputError,
    MultiLabelHead,
    SoftmaxHead,
    StoreError,
)
from headfit_demo.language import sentence
from headfit_demo.session import (
    MAX_NAME,
    Certainty,
    NoExtractorError,
    NoProjectError,
    PickedFile,
    Session,
    certainty_of,
)

BALLOON, BOAT, FLOWER = THINGS


def test_the_session_needs_no_window() -> None:
    """Importing and using it loads nothing of Kivy."""
    code = "import sys, headfit_demo.session; print('kivy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_teach_train_recognise_and_start_again(taught: Session, tmp_path: Path) -> None:
    """Two things of five photos: new photos of both are recognised, today and after a restart."""
    view = taught.project.view()
    assert [(one.name, one.n_photos) for one in view.classes] == [(BALLOON, 5), (BOAT, 5)]
    assert view.head_is_fresh
    assert view.accuracy is not None
    assert view.accuracy > 0.9  # of drawings that are nearly one, each counts as a part
    taught.close()

    again = Session(tmp_path / "data", isolate=False)
    (card,) = again.projects()
    assert (card.name, len(card.class_names), card.n_photos, card.has_head) == ("Toys", 2, 10, True)
    again.open_project(card.key)
    assert again.project.view().head_classes == tuple(sorted((BALLOON, BOAT)))
    for thing in (BALLOON, BOAT):
        found = again.recognise(picked(thing, 1, seed=9)[0])
        assert found.ranking[0][0] == thing
        assert found.is_known
        assert sum(chance for _, chance in found.ranking) == pytest.approx(1, abs=1e-5)
        assert found.milliseconds > 0
    again.close()


def test_flowers_of_real_photos(session: Session, shared_data: object) -> None:
    """Three kinds of flowers, twenty photos each: more than half of new photos are right."""
    archive = ZipFile(shared_data("flowers5-128.zip"))  # type: ignore[operator]
    kinds = ("daisy", "rose", "sunflower")
    names = {
        kind: [n for n in archive.namelist() if kind in n.split("/") and n.endswith(".jpg")]
        for kind in kinds
    }
    session.create_project("Flowers")
    for kind in kinds:
        session.project.add_class(kind)
        session.project.add_photos(kind, [PickedFile(n, archive.read(n)) for n in names[kind][:20]])
    session.project.train()
    answers = [
        session.recognise(PickedFile(n, archive.read(n))).ranking[0][0] == kind
        for kind in kinds
        for n in names[kind][20:40]
    ]
    assert np.mean(answers) > 0.5  # by chance a third


def test_what_the_head_does_not_know_is_none_of_these(taught: Session) -> None:
    """New boats are known, most of them, noise is not; of fewer photos the head refuses none.

    It takes many drawings: boats of one colour at one place count as one photo, and 19 are needed.
    """
    noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), np.uint8)
    assert taught.recognise(noise).is_known
    for thing in (BALLOON, BOAT):
        taught.project.add_photos(thing, frames(thing, 40, seed=1))
    taught.project.settle()
    known = [taught.recognise(boat).is_known for boat in frames(BOAT, 10, seed=9)]
    assert sum(known) >= 8
    assert not taught.recognise(noise).is_known


def test_the_camera_is_named_once_its_frames_agree(taught: Session) -> None:
    """The first frames decide nothing, one of another thing changes nothing; then begin anew."""
    boats, (balloon,) = frames(BOAT, 6, seed=9), frames(BALLOON, 1, seed=9)
    seen = [taught.watch(frame, is_first=n == 0) for n, frame in enumerate(boats)]
    assert [one.class_name for one in seen[:3]] == [None] * 3
    assert {one.certainty for one in seen[:3]} == {Certainty.UNDECIDED}
    assert seen[-1].class_name == BOAT
    assert taught.watch(balloon, is_first=False).class_name == BOAT
    assert taught.watch(balloon, is_first=True).certainty is Certainty.UNDECIDED


@pytest.mark.parametrize(
    ("ranking", "certainty"),
    [
        ([("a", 0.8), ("b", 0.2)], Certainty.SURE),
        ([("a", 0.79), ("b", 0.21)], Certainty.PROBABLE),
        ([("a", 0.55), ("b", 0.4), ("c", 0.05)], Certainty.UNSURE),
        ([("a", 0.49), ("b", 0.26), ("c", 0.25)], Certainty.UNSURE),
    ],
)
def test_how_sure_is_put_into_words(ranking: list[tuple[str, float]], certainty: Certainty) -> None:
    assert certainty_of("a", ranking) is certainty


def test_the_greeting_recognises_without_a_project(session: Session) -> None:
    for thing in THINGS:
        assert session.recognise(frames(thing, 1, seed=5)[0]).ranking[0][0] == thing
    facts = session.facts()
    assert facts.head_bytes is not None
    assert facts.head_bytes < facts.extractor_bytes / 20


@pytest.mark.parametrize("name", [" ", "x" * (MAX_NAME + 1), "two\nlines"])
def test_a_project_name_that_cannot_be_is_refused(session: Session, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        session.create_project(name)
    assert session.projects() == ()


def test_a_project_without_a_name_is_called_by_its_things(session: Session) -> None:
    """Until it is given one, which cannot be empty; many names are cut where they are too many."""
    key = session.create_project("")
    assert session.project.view().name == ""
    assert session.create_project("") == key  # an unused one is not made twice
    for thing in (BALLOON, BOAT):
        session.project.add_class(thing)
    assert session.project.view().name == f"{BALLOON}, {BOAT}"
    assert session.create_project("") != key
    session.open_project(key)
    for number in range(20):
        session.project.add_class(f"thing number {number}")
    name = session.project.view().name
    assert len(name) <= MAX_NAME
    assert name == f"{BALLOON}, {BOAT}, thing number 0, thing number 1 + 18"
    with pytest.raises(InputError, match="name"):
        session.rename_project(key, "")
    session.rename_project(key, "Desk")
    assert session.project.view().name == "Desk"


def test_several_projects_keep_apart(taught: Session) -> None:
    first = taught.project.key
    taught.create_project("Ünïcode ☕ проект")
    second = taught.project.key
    assert taught.project.view().n_photos == 0
    assert {card.name for card in taught.projects()} == {"Toys", "Ünïcode ☕ проект"}
    taught.rename_project(first, "Things")
    taught.rename_project(second, "Empty")
    assert {card.name for card in taught.projects()} == {"Things", "Empty"}
    taught.delete_project(second)
    assert [card.key for card in taught.projects()] == [first]
    taught.open_project(first)
    assert taught.project.view().n_photos == 10


def test_a_head_goes_out_and_comes_in_elsewhere(taught: Session, tmp_path: Path) -> None:
    """It recognises on the other device, where no photo came along."""
    taught.project.export_head(tmp_path / "toys.head")
    other = Session(tmp_path / "other", isolate=False)
    other.import_head(PickedFile("toys.head", (tmp_path / "toys.head").read_bytes()))
    view = other.project.view()
    assert (view.name, view.n_photos) == ("toys", 0)
    assert not view.can_train
    assert other.recognise(frames(BOAT, 1, seed=7)[0]).ranking[0][0] == BOAT
    assert other.project.stored().n_examples == 0
    other.close()


def test_an_imported_head_is_taught_on_once_all_its_things_have_photos(
    taught: Session, tmp_path: Path
) -> None:
    taught.project.export_head(tmp_path / "toys.head")
    taught.import_head(PickedFile("toys.head", tmp_path / "toys.head"))
    key = taught.project.key
    taught.project.add_photos(BOAT, frames(BOAT, 3))
    assert not taught.project.view().can_train
    with pytest.raises(InputError, match=BALLOON):
        taught.project.train()
    taught.project.add_photos(BALLOON, frames(BALLOON, 3))
    taught.project.train()
    assert taught.project.view().head_is_fresh
    assert taught.project.key == key


def test_a_head_of_another_extractor_is_refused(session: Session, tmp_path: Path) -> None:
    other = OtherExtractor()
    embeddings = np.eye(4, other.embedding_dim, dtype=np.float32)
    head = SoftmaxHead().fit(embeddings, ["a", "a", "b", "b"], extractor=other)
    head.save(tmp_path / "other.head")
    with pytest.raises(ExtractorMismatchError):
        session.import_head(PickedFile("other.head", tmp_path / "other.head"))
    assert session.projects() == ()


def test_what_is_no_head_is_refused(session: Session) -> None:
    with pytest.raises(FileFormatError):
        session.import_head(PickedFile("toys.head", b"no head at all"))
    assert session.projects() == ()


def test_a_head_of_several_classes_a_photo_is_refused_by_a_sentence_of_its_own(
    session: Session, tmp_path: Path
) -> None:
    MultiLabelHead().fit(np.eye(4), [["a"], ["a", "b"], ["b"], []]).save(tmp_path / "many.head")
    with pytest.raises(FileFormatError) as caught:
        session.import_head(PickedFile("many.head", tmp_path / "many.head"))
    assert sentence(caught.value).startswith("This skill gives a photo several names at once.")
    assert session.projects() == ()


def test_without_an_extractor_it_says_so_and_lists_projects(
    taught: Session, tmp_path: Path
) -> None:
    (card,) = taught.projects()
    taught.close()
    without = Session(tmp_path / "data", extractor="not-installed", isolate=False)
    assert [one.name for one in without.projects()] == ["Toys"]
    with pytest.raises(NoExtractorError):
        without.open_project(card.key)
    with pytest.raises(NoExtractorError):
        without.recognise(frames(BOAT, 1)[0])


def test_a_project_of_another_extractor_is_refused_and_not_touched(
    taught: Session, tmp_path: Path
) -> None:
    """As happens when headfit brings a new extractor."""
    from headfit.store import ExampleStore

    with ExampleStore.open(tmp_path / "old.store", OtherExtractor()) as store:
        store.add(np.ones(store.embedding_dim, np.float32), "cup")
    taught.create_project("Old")
    key = taught.project.key
    taught.close()
    shutil.copy(tmp_path / "old.store", tmp_path / "data" / "projects" / key / "examples.store")
    with pytest.raises(ExtractorMismatchError) as caught:
        taught.open_project(key)
    assert sentence(caught.value).endswith("Begin a project and teach the photos again.")
    assert next(card for card in taught.projects() if card.key == key).n_photos == 1


def teach_many(session: Session) -> None:
    """Teach so many photos that the head compares with a background."""
    for thing in (BALLOON, BOAT):
        session.project.add_photos(thing, frames(thing, 35, seed=8))
    session.project.settle()


def test_a_head_of_another_background_is_made_again_of_its_photos(
    taught: Session, tmp_path: Path
) -> None:
    """As happens when headfit measures anew what it compares with; the photos are not touched."""
    key = taught.project.key
    teach_many(taught)
    assert not taught.project.view().learns_again
    taught.close()
    path = tmp_path / "data" / "projects" / key / "trained.head"
    outdate(path)
    taught.open_project(key)
    view = taught.project.view()
    assert (view.n_photos, view.head_is_fresh, view.learns_again) == (80, True, True)
    assert taught.recognise(frames(BOAT, 1, seed=2)[0]).ranking[0][0] == BOAT
    taught.close()
    taught.open_project(key)
    assert not taught.project.view().learns_again


def test_a_head_of_another_background_stays_while_photos_of_it_are_missing(
    taught: Session, tmp_path: Path
) -> None:
    """Nothing could make it again: it came as a file, or some of its photos were erased."""
    key = taught.project.key
    teach_many(taught)
    taught.project.forget_photos([taught.project.view().classes[0].photos[0].example_id])
    taught.close()
    path = tmp_path / "data" / "projects" / key / "trained.head"
    outdate(path)  # it was trained on the photo, too
    before = path.read_bytes()
    with pytest.raises(ExtractorMismatchError):
        taught.open_project(key)
    assert path.read_bytes() == before
    assert next(card for card in taught.projects() if card.key == key).n_photos == 79


def test_a_lost_description_and_a_damaged_head_cost_no_photo(
    taught: Session, tmp_path: Path
) -> None:
    key = taught.project.view().key
    taught.close()
    folder = tmp_path / "data" / "projects" / key
    (folder / "project.json").write_text("{")
    (folder / "trained.head").write_bytes(b"rubbish")
    taught.open_project(key)
    view = taught.project.view()
    assert view.n_photos == 10
    assert view.head_is_fresh  # trained anew from what was taught
    assert taught.recognise(frames(BOAT, 1, seed=2)[0]).ranking[0][0] == BOAT


def test_a_damaged_store_is_an_error_and_not_the_end(taught: Session, tmp_path: Path) -> None:
    key = taught.project.view().key
    taught.close()
    store = tmp_path / "data" / "projects" / key / "examples.store"
    content = bytearray(store.read_bytes())
    content[100:] = bytes(len(content) - 100)
    store.write_bytes(content)
    with pytest.raises(StoreError):
        taught.open_project(key)
    taught.create_project("Next")
    assert taught.project.view().n_photos == 0


def test_a_skill_that_came_as_a_file_and_is_damaged_is_not_taken_for_none(
    taught: Session, tmp_path: Path
) -> None:
    """There is no photo to learn it again of."""
    taught.project.export_head(tmp_path / "toys.head")
    taught.import_head(PickedFile("toys.head", tmp_path / "toys.head"))
    assert not taught.project.view().has_lost_head
    key = taught.project.key
    taught.close()
    (tmp_path / "data" / "projects" / key / "trained.head").write_bytes(b"rubbish")
    taught.open_project(key)
    view = taught.project.view()
    assert (view.has_lost_head, view.head_classes) == (True, ())
    assert [one.name for one in view.classes] == [BALLOON, BOAT]


@pytest.mark.parametrize("left", [None, b"", b"rubbish"])
def test_lost_examples_are_not_taken_for_none(
    taught: Session, tmp_path: Path, left: bytes | None
) -> None:
    """Neither in the list nor when it is opened; what it learned outlives them."""
    key = taught.project.view().key
    taught.close()
    store = tmp_path / "data" / "projects" / key / "examples.store"
    store.unlink()
    store.with_name("examples.store-room").unlink()
    if left is not None:
        store.write_bytes(left)
    assert [card.n_photos for card in taught.projects()] == [None]
    with pytest.raises(DamagedStoreError):
        taught.open_project(key)
    assert taught.repair_project(key) == 0
    assert [card.n_photos for card in taught.projects()] == [0]
    view = taught.project.view()
    assert ([one.name for one in view.classes], view.n_photos) == ([BALLOON, BOAT], 0)
    assert taught.recognise(frames(BOAT, 1, seed=2)[0]).ranking[0][0] == BOAT


def test_repair_reads_the_log_of_lost_examples(taught: Session, tmp_path: Path) -> None:
    """At once: what was taught last may be in the log only. An earlier copy is not emptied."""
    key = taught.project.view().key
    store = tmp_path / "data" / "projects" / key / "examples.store"
    taught.project.add_photos(BOAT, frames(BOAT, 2, seed=5))
    log = store.with_name("examples.store-wal").read_bytes()
    taught.close()
    store.unlink()
    store.with_name("examples.store-wal").write_bytes(log)
    store.with_name("examples.store.damaged").write_bytes(b"of an earlier repair")
    assert taught.repair_project(key) > 0
    taught.close()
    store.write_bytes(b"")
    store.with_name("examples.store.damaged").write_bytes(b"of an earlier repair")
    assert taught.repair_project(key) == 0
    assert store.with_name("examples.store.damaged").read_bytes() == b"of an earlier repair"


def test_what_cannot_be_opened_or_repaired_is_not_shown(
    taught: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project before it stays shown, whose answers are its own; and no fault is raised."""
    key = taught.project.key
    taught.keeps_thumbnails = True
    other = taught.create_project("Other")
    taught.project.add_class(FLOWER)
    taught.project.add_photos(FLOWER, frames(FLOWER, 2))
    taught.open_project(key)
    store = tmp_path / "data" / "projects" / other / "examples.store"
    content = bytearray(store.read_bytes())
    content[content.index(b"\xff\xd8\xff") + 100] ^= 0xFF
    store.write_bytes(content)
    with pytest.raises(DamagedStoreError):
        taught.open_project(other)
    assert taught.project.key == key

    def full(*_: object) -> None:
        raise StoreError("found the disk full")

    monkeypatch.setattr("headfit_demo.session.projects.repair_store", full)
    with pytest.raises(StoreError):
        taught.repair_project(key)
    with pytest.raises(NoProjectError):
        taught.recognise(frames(BOAT, 1)[0])
    monkeypatch.undo()
    assert taught.repair_project(key) == 10


def test_repair_keeps_what_can_be_read(taught: Session, tmp_path: Path) -> None:
    """Of an open project, too, whose pages are gone under it; the head learns what is left."""
    for seed in range(5, 25):
        taught.project.add_photos(BOAT, frames(BOAT, 2, seed=seed))
    n_photos, key = taught.project.view().n_photos, taught.project.key
    taught.close()
    store = tmp_path / "data" / "projects" / key / "examples.store"
    content = bytearray(store.read_bytes())
    content[-8192:] = bytes(8192)
    store.write_bytes(content)
    with pytest.raises(DamagedStoreError):
        taught.open_project(key)
    assert [card.n_photos for card in taught.projects()] == [None]
    n_kept = taught.repair_project(key)
    assert n_photos / 2 < n_kept < n_photos
    view = taught.project.view()
    assert (view.n_photos, view.head_is_fresh) == (n_kept, True)


def test_everything_can_be_erased(taught: Session, tmp_path: Path) -> None:
    """Examples, then the head, then all projects; each says before how much there is."""
    stored = taught.project.stored()
    assert (stored.n_examples, stored.n_classes) == (10, 2)
    assert stored.head_bytes == (stored.folder / "trained.head").stat().st_size
    taught.project.erase_examples()
    assert taught.project.stored().n_examples == 0
    assert taught.recognise(frames(BOAT, 1)[0]).ranking[0][0] == BOAT
    taught.project.erase_head()
    assert taught.project.stored().head_bytes == 0
    assert [one.name for one in taught.project.view().classes] == [BALLOON, BOAT]
    taught.erase_everything()
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


def test_the_lines_for_developers_work(taught: Session, tmp_path: Path) -> None:
    """They are run as they are shown, beside an exported head."""
    taught.project.export_head(tmp_path / "Toys.head")
    code = taught.facts().code
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    (tmp_path / "boat.jpg").write_bytes(jpeg(frames(BOAT, 1, seed=11)[0]))
    code += '\nif __name__ == "__main__":\n    print(name_of("boat.jpg"))\n'
    (tmp_path / "mine.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == BOAT


@pytest.mark.slow  # tries every engine, TensorFlow among them, each in a process of its own
def test_engines_are_timed(session: Session) -> None:
    speeds = {one.name: one.milliseconds for one in session.engine_speeds()}
    assert speeds["popcount"] is not None
    assert speeds["popcount"] > 0
