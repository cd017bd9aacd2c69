"""``headfit store``: what it prints, and that it does what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.sdk.conftest import PhotoWriter
from tests.support.headfiles import golden_path
from tests.support.stores import FINGERPRINT, Source, embeddings, filled_store, on_disk

from headfit import Extractor, ImageClassifier
from headfit.commands.main import main
from headfit.photos import FLIPPED, ImageSource
from headfit.store import ExampleStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.store"
    filled_store(path).close()
    return path


def test_info(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "info", str(path)]) == 0
    assert "300 examples: cup (100), jug (100), pen (100)" in capsys.readouterr().out
    assert main(["store", "info", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["class_counts"] == {"cup": 100, "jug": 100, "pen": 100}
    assert document["fingerprint"] == FINGERPRINT


def test_repair(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole store is left alone; a damaged one is repaired, and the copy named."""
    assert main(["store", "repair", str(path)]) == 0
    assert "is whole: 300 examples" in capsys.readouterr().out
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    assert main(["store", "info", str(path)]) == 3
    assert "headfit store repair" in capsys.readouterr().err
    assert main(["store", "repair", str(path)]) == 0
    out = capsys.readouterr().out
    assert "300 examples could be read" in out
    assert f"{path}.damaged" in out


def test_forget_and_wipe_ask_first(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "click.termui.visible_prompt_func", lambda prompt="": asked.append(prompt) or "n"
    )
    assert main(["store", "wipe", str(path)]) == 130
    assert main(["store", "forget", str(path), "cup", "--id", "1", "--id", "2"]) == 130
    assert main(["store", "forget", str(path), "none"]) == 3
    assert main(["store", "forget", str(path), "--id", "1", "--id", "9999"]) == 3
    assert [line.split(" will be deleted")[0] for line in asked] == ["300 examples", "101 examples"]
    assert main(["store", "forget", str(path), "cup", "--yes"]) == 0
    assert "Forgot 100 examples of cup" in capsys.readouterr().out
    assert b"cup" not in on_disk(path)
    assert main(["store", "wipe", str(path), "--yes"]) == 0
    assert "Wiped 200 examples" in capsys.readouterr().out
    assert main(["store", "forget", str(path), "cup", "--yes"]) == 3


def test_export_and_import(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    assert main(["store", "export", str(path), str(file)]) == 0
    content_hash = capsys.readouterr().out.strip()
    assert content_hash.encode() in file.read_bytes()
    ExampleStore.open(tmp_path / "other", Source()).close()
    assert main(["store", "import", str(tmp_path / "other"), str(file)]) == 0
    assert "Added 300 examples" in capsys.readouterr().out
    assert main(["store", "import", str(tmp_path / "other"), str(file)]) == 0
    assert f"Added 0 examples; {tmp_path / 'other'} has 300." in capsys.readouterr().out
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["store", "import", str(path), str(file)]) == 5


def test_import_makes_a_store(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the extractor and the views that the file names, digests included."""
    file, new = tmp_path / "file", tmp_path / "new"
    with ExampleStore.open(tmp_path / "flipped", Source(views=FLIPPED), dtype="float16") as store:
        store.add_many(embeddings(2), ["cup", "pen"], digests=[None, b"d" * 32])
        store.export_to(file)
    assert main(["store", "import", str(new), str(file)]) == 0
    assert "of 2 examples" in capsys.readouterr().out
    with ExampleStore.open(new) as made:
        assert (made.views, made.dtype, made.digests()) == (FLIPPED, "float16", {2: b"d" * 32})
        assert made.class_counts == {"cup": 1, "pen": 1}
    assert main(["store", "import", str(path), str(file)]) == 4
    assert "import them into a store of these" in capsys.readouterr().err
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["store", "import", str(tmp_path / "none"), str(file)]) == 5
    assert not (tmp_path / "none").exists()


def test_list_rename_move_merge_forget_undo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.store"
    filled_store(path, 6).close()

    def printed(*arguments: str) -> str:
        assert main(["store", arguments[0], str(path), *arguments[1:]]) == 0
        return capsys.readouterr().out

    lines = printed("list").splitlines()
    assert [line.split()[::2] for line in lines[:2]] == [["1", "cup"], ["2", "jug"]]
    assert len(printed("list", "pen", "cup").splitlines()) == 4
    found = json.loads(printed("list", "pen", "--json"))["examples"]
    assert [(one["id"], one["class"]) for one in found] == [(3, "pen"), (6, "pen")]
    assert found[0]["added_at"].endswith("Z")
    printed("rename", "cup", "mug")
    assert "Moved 2 examples to mug" in printed("move", "2", "3", "--to", "mug")
    assert "Moved 1 example to jug" in printed("merge", "pen", "--into", "jug")
    assert "4 examples" not in printed("info")
    assert "jug (2), mug (4)" in printed("info")
    assert printed("undo") == "Undone: moving 1 example to jug.\n"
    assert printed("undo") == "Undone: moving 2 examples to mug.\n"
    assert printed("undo") == "Undone: renaming cup to mug.\n"
    assert "Forgot 3 examples." in printed("forget", "cup", "--id", "2", "--yes")
    assert printed("undo") == "There is nothing to undo.\n"
    assert "jug (1), pen (2)" in printed("info")
    for wrong in (["list", "none"], ["move", "99", "--to", "jug"], ["forget", "--yes"]):
        assert main(["store", wrong[0], str(path), *wrong[1:]]) == 3


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos each call of the network was for."""
    calls: list[int] = []
    whole = Extractor.embed

    def embed(self: Extractor, images: list[ImageSource], **options: object) -> object:
        calls.extend([1] * len(images))
        return whole(self, images, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Extractor, "embed", embed)
    return calls


def test_train_with_a_store_embeds_what_is_new(
    photos: Path,
    extractor_path: Path,
    tmp_path: Path,
    write_photo: PhotoWriter,
    embedded: list[int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And moves what lies elsewhere now, forgets what is gone, if told; the head is that of DIR."""
    head, plain, kept = tmp_path / "a.head", tmp_path / "plain.head", tmp_path / "mine.store"
    general = ["--extractor", str(extractor_path)]
    train = ["train", str(photos), "-o", str(head), "--store", str(kept), *general]

    def is_that_of_the_folder() -> bool:
        assert main(["train", str(photos), "-o", str(plain), *general]) == 0
        return head.read_bytes() == plain.read_bytes()

    assert main(train) == 0
    assert len(embedded) == 12
    assert is_that_of_the_folder()
    embedded.clear()
    write_photo(photos / "red" / "new.png", (200, 40, 30), 77)
    (photos / "red" / "0.png").rename(photos / "blue" / "was red.png")
    (photos / "red" / "1.png").rename(photos / "red" / "another name.png")
    capsys.readouterr()
    assert main(train) == 0
    said = capsys.readouterr().err
    assert "Known already: 11 photos." in said
    assert "Moved to the class that their photos have here: 1 example." in said
    assert len(embedded) == 1
    assert is_that_of_the_folder()
    for number in range(3):
        (photos / "green" / f"{number}.png").unlink()
    embedded.clear()
    capsys.readouterr()
    assert main([*train]) == 3  # nobody is there to be asked
    assert "found 3 examples in the store of photos that are not in" in capsys.readouterr().err
    assert main([*train, "--keep"]) == 0
    with ExampleStore.open(kept) as store:
        assert store.class_counts == {"blue": 5, "green": 4, "red": 4}
        store.add(store.load().embeddings[0] * 2, "red")  # not of a folder: it stays
    capsys.readouterr()
    assert main([*train, "--prune", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["n_samples"] == 11
    assert "Forgot 3 examples of photos that are gone." in said.err
    assert embedded == []
    with ExampleStore.open(kept) as store:
        assert store.class_counts == {"blue": 5, "green": 1, "red": 5}
    assert main(["train", str(photos), "-o", str(head), "--prune"]) == 3
    # What audit attacks is what taught the head.
    assert main(["audit", str(head), str(kept), "--heads", "32", "--json"]) in (0, 3)


def test_add_makes_a_store_of_a_folder_or_of_photos(
    photos: Path, extractor_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the views that a head was trained with, once it has them."""
    path, general = str(tmp_path / "new.store"), ["--extractor", str(extractor_path)]
    head = str(tmp_path / "a.head")
    one = str(photos / "red" / "0.png")
    train = ["train", str(photos), "-o", head, "--store", path, *general]
    assert main([*train, "--views", "flipped"]) == 0
    assert main([*train, "--views", "cropped"]) == 4
    capsys.readouterr()
    assert main(["store", "add", path, one, one, "--class", "rose", *general]) == 0
    said = capsys.readouterr()
    assert "had 12 examples, and has 12" in said.out
    assert "Moved to the class that their photos have here: 1 example." in said.err
    new = str(tmp_path / "new.png")
    Image.new("RGB", (70, 50), (10, 200, 90)).save(new)
    for has, known in ((13, False), (13, True)):
        assert main(["store", "add", path, new, new, "--class", "rose", *general]) == 0
        said = capsys.readouterr()
        assert f"and has {has}" in said.out
        assert ("Known already: 1 photos." in said.err) == known
    first = str(tmp_path / "first.store")  # begun with photos of one class
    assert main(["store", "add", first, one, new, "--class", "rose", *general]) == 0
    assert "had 0 examples, and has 2" in capsys.readouterr().out
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no photo")
    other = str(tmp_path / "other.png")
    Image.new("RGB", (50, 70), (200, 20, 190)).save(other)
    assert main(["store", "add", path, other, str(broken), "--class", "rose", *general]) == 3
    with ExampleStore.open(path) as store:
        assert store.class_counts["rose"] == 2
    assert main(["store", "add", path, new, "--class", "rose", "--prune", *general]) == 3
    assert main(["store", "add", path, str(photos), "--keep", *general]) == 0
    assert "had 13 examples, and has 13" in capsys.readouterr().out
    assert main(["store", "info", path]) == 0
    assert "13 examples (effectively 4): " in capsys.readouterr().out
    assert main(["store", "info", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_effective"] == 4
    assert main(["store", "add", path, one, one, *general]) == 3
    assert main(["predict", head, one, *general, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["predictions"][0]["classes"][0]
    seen = ImageClassifier.load(head, extractor=extractor_path).predict(one)[0]
    assert (shown["class"], shown["probability"]) == seen
    page = str(tmp_path / "a.html")
    assert main(["report", head, str(photos), "-o", page, *general]) == 0
    assert main(["evaluate", head, str(photos), *general]) == 0
    capsys.readouterr()
    once = tmp_path / "once.store"
    with ExampleStore.open(once, Extractor.open(extractor_path)) as store:
        store.add_many(embeddings(2, dim=160), ["red", "blue"])
    assert main(["audit", head, str(once)]) == 4
    assert "expected examples of the views" in capsys.readouterr().err
    assert main(["inspect", head]) == 0
    assert "2 of each photo" in capsys.readouterr().out
    assert main(["export-tflite", head, "-o", str(tmp_path / "a.tflite"), *general]) == 3


def test_a_missing_store_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("info", "repair"):
        assert main(["store", command, str(tmp_path / "none")]) == 3
        assert "No such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["wipe", "forget", "info", "repair", "train"])
@pytest.mark.parametrize("what", ["a folder", "JPEG", "a head file", "a network"])
def test_what_is_no_store_is_named_and_nothing_is_asked(
    command: str,
    what: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt="": pytest.fail(prompt))
    given = tmp_path / "given"
    if what == "a folder":
        given.mkdir()
    elif what == "JPEG":
        given.write_bytes(b"\xff\xd8\xff\xe0" + bytes(60))
    elif what == "a head file":
        given.write_bytes(golden_path("plain").read_bytes())
    else:
        given.write_bytes(b"\x1c\0\0\0TFL3" + bytes(60))
    line = ["store", command, str(given)] + ["cup"] * (command == "forget")
    if command == "train":
        line = ["train", str(tmp_path), "-o", str(tmp_path / "a.head"), "--store", str(given)]
    assert main(line) == 3
    assert f"{given}: expected an example store, found {what}" in capsys.readouterr().err


def test_a_file_of_unknown_kind_is_not_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt="": pytest.fail(prompt))
    (tmp_path / "notes").write_text("milk, bread\n" * 99)
    assert main(["store", "wipe", str(tmp_path / "notes")]) == 3
    assert main(["store", "wipe", str(tmp_path / "nothing")]) == 3
    assert "undone" not in "".join(capsys.readouterr())
