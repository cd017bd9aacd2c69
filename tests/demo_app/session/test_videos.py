"""Videos that are taught: their frames are photos, and copies among them are told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.photos import THINGS, frames
from tests.support.videos import film, turned

from headfit import ImageError
from headfit_demo.language import added, sentence
from headfit_demo.session import (
    Act,
    Job,
    OpenProject,
    PickedFile,
    Session,
    teach,
    things_in,
    videos,
)
from headfit_demo.session.videos import EVERY_S, MOST_FRAMES, Video

BALLOON, BOAT, FLOWER = THINGS


@pytest.fixture
def clip(tmp_path: Path) -> PickedFile:
    """Three pictures of a flower, for two seconds each."""
    return film(tmp_path / "clip.avi", frames(FLOWER, 3, seed=4), 2.0)


def taught_of(session: Session, *photos: Any, act: Act | None = None) -> tuple[Any, Job]:
    """Teach photos of a flower to the end; return what became of them, and the job."""
    act = act or Act()
    job = Job(
        lambda job: teach(session, job, lambda: things_in(FLOWER, photos), act, may_name=True),
        project_key=session.project.key,
    )
    while True:
        try:
            job.step()
        except StopIteration as end:
            return end.value[0], job


def test_the_frames_of_a_video_are_photos_of_a_thing(taught: Session, clip: PickedFile) -> None:
    """Each scene is taught once; how many looked alike is said; one undo takes all of it."""
    became, job = taught_of(taught, clip)
    assert job.n_all == round(3 * 2.0 / EVERY_S)
    assert became.n_added == 3
    assert became.n_alike == job.n_all - 3
    assert added(became, job) == "3 of 12 photos were taught. 9 looked like others."
    head_of = taught.recognise(frames(FLOWER, 3, seed=4)[0])
    assert head_of.ranking[0][0] == FLOWER
    taught.project.undo()
    assert taught.project.view().n_photos == 10


def test_a_video_is_taught_among_photos(taught: Session, clip: PickedFile) -> None:
    """And once more: what is there is passed over, and can be taken all the same."""
    photo = frames(FLOWER, 1, seed=9)[0]
    became, _ = taught_of(taught, photo, clip)
    assert became.n_added == 4
    n_photos = taught.project.view().n_photos
    (frame, *_) = things_in(FLOWER, [clip]).photos[FLOWER]
    again = taught.project.add_photos(FLOWER, [frame], skips_repeats=True)
    assert [name for name, _ in again.repeated] == [FLOWER]
    assert taught.project.add_photos(FLOWER, [one for _, one in again.repeated]).n_added == 1
    assert taught.project.view().n_photos == n_photos + 1


def test_others_have_their_turn_before_a_frame_is_reached(
    taught: Session, clip: PickedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of a long video lie seconds of decoding apart; the same are taught, a stop comes."""
    monkeypatch.setattr(videos, "MOMENT_S", 0.0)
    act, n_turns = Act(), 0
    job = Job(
        lambda job: teach(taught, job, lambda: things_in(FLOWER, [clip]), act, may_name=True),
        project_key=taught.project.key,
    )
    while act.n_photos < 3:
        n_turns += job.step() is None
    assert n_turns > job.n_done >= 8
    job.cancel()
    with pytest.raises(StopIteration) as end:
        job.step()
    assert end.value.value[0].n_added == 3
    *_, last = things_in(FLOWER, [clip]).photos[FLOWER]
    late = last.read()
    assert not last.approach()  # it went by, and is reached again
    assert np.array_equal(last.read(), late)


def test_a_video_that_is_taught_again_teaches_nothing(taught: Session, tmp_path: Path) -> None:
    """Frames that looked like others the first time do so the second time, too."""
    (picture,) = frames(FLOWER, 1, seed=4)
    lighter = [np.clip(picture.astype(int) + step, 0, 255).astype(np.uint8) for step in (0, 40)]
    clip = film(tmp_path / "clip.avi", lighter, 1.0)
    first, _ = taught_of(taught, clip)
    assert (first.n_added, first.n_alike) == (1, 3)
    act = Act()
    taught.project.have_class(FLOWER, act)
    again = taught.project.add_photos(
        FLOWER, things_in(FLOWER, [clip]).photos[FLOWER], act, skips_repeats=True
    )
    assert (again.n_added, len(again.repeated), again.n_alike) == (0, 1, 3)


def test_frames_come_right_in_any_order_and_from_threads(clip: PickedFile) -> None:
    """From the middle of each scene, whoever asks first."""
    wanted = frames(FLOWER, 3, seed=4)
    found = Video(clip).frames()
    assert [one.name for one in found[:4]] == [
        "clip.avi 0:00", "clip.avi 0:00", "clip.avi 0:01", "clip.avi 0:01",
    ]  # fmt: skip

    def is_right(number: int) -> bool:
        shown = wanted[number // 4].astype(float)
        return bool(np.abs(found[number].read() - shown).mean() < 12)

    assert all(is_right(number) for number in (11, 0, 5, 4, 11))
    right: list[bool] = []
    threads = [
        threading.Thread(target=lambda number=number: right.append(is_right(number)))
        for number in (3, 1, 7, 2, 6, 0, 5, 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 8


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the files that Linux says are open")
def test_a_video_that_was_read_is_let_go(clip: PickedFile) -> None:
    """Of many that are dropped together one at a time takes memory; each can be read again."""

    def is_open() -> bool:
        return any(path.resolve() == clip.content for path in Path("/proc/self/fd").iterdir())

    found = Video(clip).frames()
    assert is_open()
    last = [one.read() for one in found][-1]
    assert not is_open()
    assert np.array_equal(found[-1].read(), last)


def test_what_a_turned_phone_filmed_is_upright(tmp_path: Path) -> None:
    """Its frames lie, and the file says so."""
    (picture,) = frames(BOAT, 1)
    (frame, *_) = Video(turned(film(tmp_path / "phone.mp4", [picture[:32]], 1.0))).frames()
    upright = np.rot90(picture[:32], -1)
    assert frame.read().shape == upright.shape
    assert np.abs(frame.read().astype(float) - upright).mean() < 20


def test_a_long_video_gives_no_more_frames_than_a_person_looks_through(tmp_path: Path) -> None:
    small = [one[:32, :32] for one in frames(BOAT, 2)]
    found = Video(film(tmp_path / "long.avi", small, 60.0)).frames()
    assert len(found) == MOST_FRAMES
    assert found[-1].name == "long.avi 1:59"


@pytest.mark.parametrize("content", [b"", b"no video", None, "cut"])
def test_what_is_no_video_is_named(
    taught: Session, tmp_path: Path, content: bytes | str | None, clip: PickedFile
) -> None:
    """Empty, of another kind, gone, or cut off: the photos beside it are taught."""
    path = tmp_path / "half.avi"
    if content == "cut":
        whole = Path(clip.content).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif content is not None:
        path.write_bytes(content)
    became, job = taught_of(taught, PickedFile(path.name, path), frames(FLOWER, 1, seed=9)[0])
    assert became.n_added >= 1
    if content is None:
        assert "half.avi was left out. The file is not there any more." in added(became, job)
    elif content != "cut":
        assert "half.avi was left out. This video cannot be read. Save it as MP4." in added(
            became, job
        )
    else:  # what there is of it is taught, and each frame that is not there is named
        assert became.n_added + became.n_alike + len(became.refused) == job.n_all


@pytest.mark.skipif(os.name == "nt", reason="names there are UTF-16, and there are no pipes")
def test_a_video_may_have_any_name_and_a_pipe_is_none(clip: PickedFile, tmp_path: Path) -> None:
    """OpenCV crashes on a name that is no UTF-8, and waits for what a pipe brings."""
    named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.avi"))
    try:
        shutil.copy(clip.content, named)
    except OSError:
        pytest.skip("this disk takes no such name")
    code = (
        "import os, sys\n"
        "from headfit_demo.session import picked, things_in\n"
        "from pathlib import Path\n"
        "found = things_in('flower', [picked(Path(sys.argv[1]))])\n"
        "print(found.photos['flower'][-1].read().shape)\n"
    )
    command = [sys.executable, "-c", code, named]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(frames(FLOWER, 1)[0].shape))
    os.mkfifo(tmp_path / "pipe.mp4")
    (refused,) = things_in(FLOWER, [PickedFile("pipe.mp4", tmp_path / "pipe.mp4")]).refused
    assert sentence(refused.error) == "This video cannot be read. Save it as MP4."


def test_a_video_is_no_photo_to_look_at(session: Session, clip: PickedFile) -> None:
    with pytest.raises(ImageError) as caught:
        session.open_photo(clip)
    assert sentence(caught.value) == "This is a video. Add it to the photos of what it shows."


def test_a_stop_and_a_closed_project_end_a_video(taught: Session, clip: PickedFile) -> None:
    """As they end photos: what was taught stays, the rest is not decoded."""
    act = Act()
    job = Job(
        lambda job: teach(taught, job, lambda: things_in(FLOWER, [clip]), act, may_name=True),
        project_key=taught.project.key,
    )
    job.step()
    job.step()
    job.cancel()
    with pytest.raises(StopIteration) as end:
        job.step()
    assert end.value.value[0].n_added == 1
    taught.change(taught.project.key, OpenProject.undo)
    assert taught.project.view().n_photos == 10
