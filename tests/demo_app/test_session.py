"""The app's behaviour without its window: every flow, and every way it can go wrong."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from tests.support.photos import THINGS, OtherExtractor, frames, jpeg, picked

from headfit import (
    ExtractorError,
    ExtractorMismatchError,
    FileFormatError,
    ImageClassifier,
    InputError,
    NotFittedError,
    SoftmaxHead,
    StoreError,
    UnshareableHeadError,
)
from headfit_demo.projects import MAX_NAME
from headfit_demo.session import NoExtractorError, Session
from headfit_demo.steps import Forgotten, Named, Renamed, Taught
from headfit_demo.views import PickedFile, Progress

from .conftest import SmallDisk

BALLOON, BOAT, FLOWER = THINGS


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with an empty folder."""
    session = Session(tmp_path / "data", isolate=False)
    yield session
    session.close()


@pytest.fixture
def taught(session: Session, toys_folder: Path) -> Session:
    """The project of two things in a folder of its own, open."""
    shutil.copytree(toys_folder, session.data_folder)
    session.open_project(session.projects()[0].key)
    return session


def test_the_session_needs_no_window() -> None:
    """Importing and using it loads nothing of Kivy."""
    code = "import sys, headfit_demo.session; print('kivy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_teach_train_recognise_and_start_again(taught: Session, tmp_path: Path) -> None:
    """Two things of five photos: new photos of both are recognised, today and after a restart."""
    view = taught.view()
    assert [(one.name, one.n_photos) for one in view.classes] == [(BALLOON, 5), (BOAT, 5)]
    assert view.head_is_fresh
    assert view.accuracy == 1.0
    taught.close()

    again = Session(tmp_path / "data", isolate=False)
    (card,) = again.projects()
    assert (card.name, card.n_classes, card.n_photos, card.has_head) == ("Toys", 2, 10, True)
    assert again.open_project(card.key).head_classes == tuple(sorted((BALLOON, BOAT)))
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
        session.add_class(kind)
        session.add_photos(kind, [PickedFile(n, archive.read(n)) for n in names[kind][:20]])
    session.train()
    answers = [
        session.recognise(PickedFile(n, archive.read(n))).ranking[0][0] == kind
        for kind in kinds
        for n in names[kind][20:40]
    ]
    assert np.mean(answers) > 0.5  # by chance a third


def test_what_the_head_does_not_know_is_none_of_these(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new boat is known; whatever else the head says of a photo, the session says too.

    Ten photos are too few for the head to refuse any by itself.
    """
    boat = frames(BOAT, 1, seed=9)[0]
    assert taught.recognise(boat).is_known
    monkeypatch.setattr(SoftmaxHead, "is_known", lambda self, embeddings: np.zeros(1, bool))
    seen = taught.recognise(boat)
    assert not seen.is_known
    assert seen.ranking[0][0] == BOAT


def test_the_greeting_recognises_without_a_project(session: Session) -> None:
    for thing in THINGS:
        assert session.recognise(frames(thing, 1, seed=5)[0]).ranking[0][0] == thing
    facts = session.facts()
    assert facts.head_bytes is not None
    assert facts.head_bytes < facts.extractor_bytes / 20


def test_a_class_is_renamed_and_that_is_undone(taught: Session) -> None:
    taught.rename_class(BOAT, "舟")
    assert taught.view().head_classes == tuple(sorted((BALLOON, "舟")))
    assert taught.recognise(frames(BOAT, 1, seed=3)[0]).ranking[0][0] == "舟"
    assert taught.undo() == Renamed(BOAT, "舟")
    assert [one.name for one in taught.view().classes] == [BALLOON, BOAT]
    assert taught.view().head_classes == tuple(sorted((BALLOON, BOAT)))


def test_adding_is_undone_as_it_was_done(taught: Session) -> None:
    """Two photos at once, one more that goes on from them, and one by itself."""
    taught.add_photos(BOAT, frames(BOAT, 2, seed=4))
    taught.add_photos(BOAT, frames(BOAT, 1, seed=5), goes_on=True)
    taught.add_photos(BALLOON, frames(BALLOON, 1, seed=4))
    assert taught.view().n_photos == 14
    taught.undo()
    assert taught.view().n_photos == 13
    taught.undo()
    assert taught.view().n_photos == 10
    assert taught.view().head_is_fresh
    assert not taught.view().can_undo
    assert taught.undo() is None


def test_naming_is_undone_before_the_photos_of_others(taught: Session) -> None:
    taught.add_photos(BOAT, frames(BOAT, 1, seed=4))
    taught.add_class(FLOWER)
    assert taught.undo() == Named(FLOWER)
    view = taught.view()
    assert [one.name for one in view.classes] == [BALLOON, BOAT]
    assert view.n_photos == 11


def test_a_head_follows_its_photos_while_that_is_quick(
    taught: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slow training is forgiven, two are not; then a quick one is asked for by hand."""
    monkeypatch.setattr("headfit_demo.teaching.QUICK_S", 1.0)  # of a busy machine

    fit = ImageClassifier.fit

    def fit_slowly(*args: Any, **options: Any) -> Any:
        time.sleep(1.0)
        return fit(*args, **options)

    def train_slowly() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(ImageClassifier, "fit", fit_slowly)
            taught.train()

    def is_trained_after_a_photo(seed: int) -> bool:
        taught.add_photos(BOAT, frames(BOAT, 1, seed=seed))
        view = taught.refresh()
        return view.accuracy_history[-1][0] == view.n_photos

    train_slowly()
    assert is_trained_after_a_photo(11)
    train_slowly()
    train_slowly()
    assert not is_trained_after_a_photo(12)
    taught.train()
    assert is_trained_after_a_photo(13)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_class_is_forgotten_for_good(taught: Session, tmp_path: Path) -> None:
    """Its name, its photos, and what the head knew; the next start knows nothing of it."""
    taught.add_class(FLOWER)
    taught.add_photos(FLOWER, frames(FLOWER, 4))
    taught.train()
    taught.forget_class(FLOWER)
    view = taught.view()
    assert [one.name for one in view.classes] == [BALLOON, BOAT]
    assert FLOWER not in view.head_classes
    assert view.accuracy_history[-1][0] == view.n_photos  # what is said is of those that are left
    taught.open_project(view.key)
    assert taught.undo() is None
    taught.close()
    assert b"flower" not in on_disk(tmp_path / "data")


@pytest.mark.parametrize("thumbnails", [False, True])
def test_forgetting_is_undone_while_the_project_is_open(
    taught: Session, tmp_path: Path, thumbnails: bool
) -> None:
    """A class, then a photo of it: gone from the disk, and back with pictures, name and head."""
    taught.keep_thumbnails(thumbnails)
    taught.add_class(FLOWER)
    taught.add_photos(FLOWER, frames(FLOWER, 4))
    taught.train()
    before, photos = taught.look()
    flowers = {photo.thumbnail for photo in photos[FLOWER]}
    answer = taught.recognise(frames(FLOWER, 1, seed=7)[0]).ranking

    taught.forget_photos([photos[FLOWER][0].example_id])
    taught.forget_class(FLOWER)
    assert b"flower" not in on_disk(tmp_path / "data")
    assert isinstance(taught.undo(), Forgotten)
    assert taught.view().n_photos == before.n_photos - 1
    assert isinstance(taught.undo(), Forgotten)

    after, photos = taught.look()
    assert after.classes == before.classes
    assert after.head_is_fresh
    assert {photo.thumbnail for photo in photos[FLOWER]} == flowers
    assert taught.stored().n_thumbnails == (4 if thumbnails else 0)
    found = taught.recognise(frames(FLOWER, 1, seed=7)[0]).ranking
    assert [name for name, _ in found] == [name for name, _ in answer]
    assert taught.undo() == Taught(tuple(sorted(photo.example_id for photo in photos[FLOWER])))
    assert taught.undo() == Named(FLOWER)


def test_what_is_erased_stays_erased(taught: Session) -> None:
    """The privacy page's buttons leave nothing that could be taken back."""
    taught.add_photos(BOAT, frames(BOAT, 1, seed=4))
    taught.erase_examples()
    assert not taught.view().can_undo
    assert taught.undo() is None


def test_photos_are_forgotten_and_the_name_stays(taught: Session) -> None:
    """Also when all photos of a thing go; the head then knows nothing that can be told apart."""
    _, photos = taught.look()
    taught.forget_photos([photos[BOAT][0].example_id])
    assert [one.n_photos for one in taught.view().classes] == [5, 4]
    _, photos = taught.look()
    taught.forget_photos([photo.example_id for photo in photos[BOAT]])
    view = taught.view()
    assert [(one.name, one.n_photos) for one in view.classes] == [(BALLOON, 5), (BOAT, 0)]
    assert view.head_classes == ()
    with pytest.raises(NotFittedError):
        taught.recognise(frames(BOAT, 1)[0])


@pytest.mark.parametrize("name", ["", "   ", BALLOON])
def test_a_name_that_cannot_be_is_refused(taught: Session, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        taught.add_class(name)
    with pytest.raises(InputError):
        taught.rename_class(BOAT, name)
    assert len(taught.view().classes) == 2


@pytest.mark.parametrize("name", ["", " ", "x" * (MAX_NAME + 1), "two\nlines"])
def test_a_project_name_that_cannot_be_is_refused(session: Session, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        session.create_project(name)
    assert session.projects() == ()


def test_several_projects_keep_apart(taught: Session) -> None:
    first = taught.view().key
    second = taught.create_project("Ünïcode ☕ проект").key
    assert taught.view().n_photos == 0
    assert {card.name for card in taught.projects()} == {"Toys", "Ünïcode ☕ проект"}
    taught.rename_project(first, "Things")
    taught.rename_project(second, "Empty")
    assert {card.name for card in taught.projects()} == {"Things", "Empty"}
    taught.delete_project(second)
    assert [card.key for card in taught.projects()] == [first]
    assert taught.open_project(first).n_photos == 10


def test_a_damaged_photo_is_left_out_and_the_others_are_taught(taught: Session) -> None:
    good = picked(BOAT, 2, seed=8)
    cut = PickedFile("cut.jpg", good[0].content[:500])  # type: ignore[index]
    text = PickedFile("letter.jpg", b"Dear Sir")
    gone = PickedFile("gone.jpg", Path("/nowhere/gone.jpg"))
    added = taught.add_photos(BOAT, [good[0], cut, text, gone, good[1]])
    assert added.n_added == 2
    assert [one.name for one in added.refused] == ["cut.jpg", "letter.jpg", "gone.jpg"]
    assert taught.view().n_photos == 12


def test_the_same_photo_again_is_noticed(taught: Session) -> None:
    again = frames(BOAT, 1)
    assert taught.add_photos(BOAT, again).n_repeated == 1
    taught.train()
    _, photos = taught.look()
    assert any(photo.is_repeated for photo in photos[BOAT])


def test_a_photo_of_something_else_is_doubted(taught: Session) -> None:
    """A boat among balloons is marked, and says what it looks like."""
    taught.add_photos(BALLOON, frames(BOAT, 1, seed=6))
    taught.train()
    _, photos = taught.look()
    assert [photo.likelier for photo in photos[BALLOON] if photo.likelier] == [BOAT]


def test_thumbnails_stay_only_if_that_is_allowed(taught: Session, tmp_path: Path) -> None:
    """Seen at once in any case; on the disk, and after a restart, only with permission."""

    def jpegs_on_disk() -> int:
        store = next((tmp_path / "data").rglob("examples.store*"))
        return sum(path.read_bytes().count(b"\xff\xd8\xff\xe0") for path in store.parent.iterdir())

    taught.add_photos(BOAT, frames(BOAT, 2, seed=1))
    view, photos = taught.look()
    assert sum(photo.thumbnail is not None for photo in photos[BOAT]) == 2
    assert jpegs_on_disk() == 0
    taught.open_project(view.key)
    assert not any(photo.thumbnail for photo in taught.look()[1][BOAT])

    taught.keep_thumbnails(True)
    taught.add_photos(BOAT, frames(BOAT, 2, seed=2))
    taught.open_project(view.key)
    assert sum(photo.thumbnail is not None for photo in taught.look()[1][BOAT]) == 2
    assert taught.stored().n_thumbnails == 2

    taught.keep_thumbnails(False)
    assert taught.stored().n_thumbnails == 0
    taught.close()
    assert jpegs_on_disk() == 0


def test_a_head_goes_out_and_comes_in_elsewhere(taught: Session, tmp_path: Path) -> None:
    """It recognises on the other device, where no photo came along."""
    taught.export_head(tmp_path / "toys.head")
    other = Session(tmp_path / "other", isolate=False)
    view = other.import_head(PickedFile("toys.head", (tmp_path / "toys.head").read_bytes()))
    assert (view.name, view.n_photos) == ("toys", 0)
    assert not view.can_train
    assert other.recognise(frames(BOAT, 1, seed=7)[0]).ranking[0][0] == BOAT
    assert other.stored().n_examples == 0
    other.close()


def test_a_head_of_single_photos_stays_here_unless_forced(session: Session, tmp_path: Path) -> None:
    """It may be used on this device all the same."""
    session.create_project("Toys")
    for name, count in ((BALLOON, 3), (BOAT, 1)):
        session.add_class(name)
        session.add_photos(name, frames(name, count))
    session.train()
    with pytest.raises(UnshareableHeadError, match=BOAT):
        session.export_head(tmp_path / "toys.head")
    assert not (tmp_path / "toys.head").exists()
    session.export_head(tmp_path / "toys.head", force=True)
    assert SoftmaxHead.load(tmp_path / "toys.head").class_counts_ == (3, 1)


def test_an_imported_head_is_taught_on_once_all_its_things_have_photos(
    taught: Session, tmp_path: Path
) -> None:
    taught.export_head(tmp_path / "toys.head")
    view = taught.import_head(PickedFile("toys.head", tmp_path / "toys.head"))
    taught.add_photos(BOAT, frames(BOAT, 3))
    assert not taught.view().can_train
    with pytest.raises(InputError, match=BALLOON):
        taught.train()
    taught.add_photos(BALLOON, frames(BALLOON, 3))
    taught.train()
    assert taught.view().head_is_fresh
    assert taught.view().key == view.key


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
    key = taught.create_project("Old").key
    taught.close()
    shutil.copy(tmp_path / "old.store", tmp_path / "data" / "projects" / key / "examples.store")
    with pytest.raises(ExtractorMismatchError):
        taught.open_project(key)
    assert next(card for card in taught.projects() if card.key == key).n_photos == 1


def test_a_lost_description_and_a_damaged_head_cost_no_photo(
    taught: Session, tmp_path: Path
) -> None:
    key = taught.view().key
    taught.close()
    folder = tmp_path / "data" / "projects" / key
    (folder / "project.json").write_text("{")
    (folder / "trained.head").write_bytes(b"rubbish")
    view = taught.open_project(key)
    assert view.n_photos == 10
    assert view.head_is_fresh  # trained anew from what was taught
    assert taught.recognise(frames(BOAT, 1, seed=2)[0]).ranking[0][0] == BOAT


def test_a_damaged_store_is_an_error_and_not_the_end(taught: Session, tmp_path: Path) -> None:
    key = taught.view().key
    taught.close()
    store = tmp_path / "data" / "projects" / key / "examples.store"
    content = bytearray(store.read_bytes())
    content[100:] = bytes(len(content) - 100)
    store.write_bytes(content)
    with pytest.raises(StoreError):
        taught.open_project(key)
    assert taught.create_project("Next").n_photos == 0


def test_a_stopped_training_changes_nothing(session: Session) -> None:
    """What the progress raises comes through, and the head is the one of before."""
    session.create_project("Many")
    rng = np.random.default_rng(0)
    store = session._open.store  # type: ignore[union-attr]
    names = [f"thing {n % 6}" for n in range(900)]
    store.add_many(rng.normal(size=(900, store.embedding_dim)).astype(np.float32), names)

    class StoppedError(Exception):
        pass

    steps: list[Progress] = []

    def stop(progress: Progress) -> None:
        steps.append(progress)
        if len(steps) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        session.train(stop)
    assert session.view().head_classes == ()
    assert [len(step.losses) for step in steps] == [1, 2, 3]
    assert all(0 < step.fraction < 1 and step.seconds_left >= 0 for step in steps)
    session.train()
    assert session.view().head_is_fresh


def test_a_training_without_steps_is_stopped_too(taught: Session, tmp_path: Path) -> None:
    """The head of few photos is made at once: until it is kept, it can be refused."""
    taught.add_class(FLOWER)
    taught.add_photos(FLOWER, frames(FLOWER, 4))
    before = next((tmp_path / "data").rglob("trained.head")).read_bytes()

    def stop(progress: Progress) -> None:
        raise TimeoutError(progress.fraction)

    with pytest.raises(TimeoutError, match=r"1\.0"):
        taught.train(stop)
    assert next((tmp_path / "data").rglob("trained.head")).read_bytes() == before
    assert FLOWER not in taught.view().head_classes
    taught.train()
    assert FLOWER in taught.view().head_classes


def test_a_killed_engine_is_said_and_started_again(tmp_path: Path) -> None:
    """What was taught before stays; the next photo works."""
    others = set(multiprocessing.active_children())
    session = Session(tmp_path / "data", isolate=True)
    session.create_project("Toys")
    session.add_class(BALLOON)
    session.add_photos(BALLOON, frames(BALLOON, 1))
    (engine,) = set(multiprocessing.active_children()) - others
    engine.kill()
    engine.join()
    with pytest.raises(ExtractorError, match="died"):
        session.add_photos(BALLOON, frames(BALLOON, 1, seed=1))
    assert session.add_photos(BALLOON, frames(BALLOON, 1, seed=1)).n_added == 1
    assert session.view().n_photos == 2
    session.close()


def test_a_full_disk_is_said_and_loses_nothing(small_disk: SmallDisk) -> None:
    """Photos that do not fit are not there in part; with room again, teaching goes on."""
    small = Session(small_disk.folder / "data", isolate=False)
    try:
        small.create_project("Toys")
        small.add_class(BOAT)
        small.add_photos(BOAT, frames(BOAT, 1))
        small_disk.fill()
        with pytest.raises((StoreError, OSError), match="(full|No space)"):
            small.add_photos(BOAT, frames(BOAT, 4, seed=1) * 75)
        known = small.view().n_photos
        small_disk.make_room()
        assert small.add_photos(BOAT, frames(BOAT, 1, seed=2)).n_added == 1
        assert small.view().n_photos == known + 1
    finally:
        small.close()


def test_everything_can_be_erased(taught: Session, tmp_path: Path) -> None:
    """Examples, then the head, then all projects; each says before how much there is."""
    stored = taught.stored()
    assert (stored.n_examples, stored.n_classes) == (10, 2)
    assert stored.head_bytes == (stored.folder / "trained.head").stat().st_size
    taught.erase_examples()
    assert taught.stored().n_examples == 0
    assert taught.recognise(frames(BOAT, 1)[0]).ranking[0][0] == BOAT
    taught.erase_head()
    assert taught.stored().head_bytes == 0
    assert [one.name for one in taught.view().classes] == [BALLOON, BOAT]
    taught.erase_everything()
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []


def test_the_lines_for_developers_work(taught: Session, tmp_path: Path) -> None:
    """They are run as they are shown, beside an exported head."""
    taught.export_head(tmp_path / "Toys.head")
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
