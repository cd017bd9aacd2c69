"""Tables of what photos show, as spreadsheets and other people write them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from tests.sdk.conftest import COLOURS, PhotoWriter

from headfit.errors import InputError
from headfit.photos import find_labelled_photos
from headfit.photos.label_table import read_label_table


@pytest.mark.parametrize(
    "text",
    [
        "photo,cup,pen\na.jpg,1,0\nb.jpg,0,1\nc.jpg,0,0\n",
        "\ufeffFile;cup;pen\r\na.jpg;1;0\r\nb.jpg;0;1\r\nc.jpg;0;0\r\n",
        "photo\tcup\tpen\na.jpg\t1\t0\n\nb.jpg\t0\t1\nc.jpg\t0\t0",
        " photo , cup, pen\na.jpg, 1, 0\nb.jpg, 0, 1\nc.jpg, 0, 0\n",
        "photo,cup,pen\na.jpg,1.0,0.0\nb.jpg,False,True\nc.jpg,false,0\n",
    ],
)
def test_columns_of_zero_and_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_bytes(text.encode())
    table = read_label_table(tmp_path / "t.csv")
    assert table.classes == ("cup", "pen")
    assert table.label_sets == {"a.jpg": {"cup"}, "b.jpg": {"pen"}, "c.jpg": set()}


@pytest.mark.parametrize(
    "text",
    [
        'photo,classes\na.jpg,"cup, pen"\nb.jpg,\n',
        "photo,Labels\na.jpg,cup;pen\nb.jpg,\n",
        "photo;tags\na.jpg;cup|pen\nb.jpg;\n",
        "image,label\na.jpg,cup\na.jpg,pen\nb.jpg,\n",
    ],
)
def test_lists_of_names(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    table = read_label_table(tmp_path / "t.csv")
    assert table.classes is None
    assert table.label_sets == {"a.jpg": {"cup", "pen"}, "b.jpg": set()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("photo,classes\na.jpg,\"['cup', 'pen']\"\n", r"line 2: .*a list as a program prints it"),
        ("photo,classes\na.jpg,cup\nb.jpg,'pen'\n", r"line 3: .*prints it, 'pen'; write the names"),
        (
            "photo,tags\na.jpg,cup\nb.jpg,pen\nc.jpg,cup pen\n",
            r"line 4: .*found 'cup pen', whose words are classes of other rows; write cup\|pen",
        ),
        ("photo,cup,\na.jpg,1,\n", "line 1: expected a heading for each column, found none for"),
        ("sep=;\nphoto;classes\na.jpg;cup\n", "expected a heading for each column"),
        ("photo,classes,note\na.jpg,cup,new\n", "called classes and stands alone beside"),
    ],
)
def test_what_would_be_another_class_than_is_meant(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_label_table(tmp_path / "t.csv")


def test_names_of_several_words_are_classes(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("photo,classes\na.jpg,red cup|pen\nb.jpg,red pen\n")
    found = read_label_table(tmp_path / "t.csv").label_sets
    assert found == {"a.jpg": {"red cup", "pen"}, "b.jpg": {"red pen"}}


def test_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("photo,Käse\na.jpg,1\n".encode("utf-16"))
    with pytest.raises(InputError, match="expected a table in UTF-8"):
        read_label_table(tmp_path / "t.csv")


def test_paths_in_other_forms(tmp_path: Path, write_photo: PhotoWriter) -> None:
    """Backslashes of Windows, ./ and the decomposed letters of macOS name the same photos."""
    root = tmp_path / "photos"
    for number, name in enumerate(("in/a.png", "in/b.png", "Käse.png")):
        write_photo(root / unicodedata.normalize("NFD", name), COLOURS["red"], number)
    table = tmp_path / "t.csv"
    table.write_text("photo,classes\nin\\a.png,cup\n./in/b.png,\nKäse.png,pen\n")
    found = find_labelled_photos(root, table)
    assert found.class_counts == {"cup": 1, "pen": 1}
    assert found.folder.skipped == ()
    table.write_text("photo,classes\nin\\a.png,cup\nin/a.png,pen\n")
    with pytest.raises(InputError, match=r"in/a\.png by several names"):
        find_labelled_photos(root, table)


def test_absolute_paths_other_capitals_and_spaces(tmp_path: Path, write_photo: PhotoWriter) -> None:
    """What means one photo alone is taken; what may mean two, or none, is left out and named."""
    root, link = tmp_path / "photos", tmp_path / "link"
    for number, name in enumerate(("a.JPG", "in/b.png", "c.png", "d.PNG", "d.png")):
        write_photo(root / name, COLOURS["red"], number)
    link.symlink_to(root)
    table = tmp_path / "t.csv"
    table.write_text(
        f"photo,classes\na.jpg,cup\n{root}/in/b.png,\n../photos/c.png,pen\nD.Png,pen\n"
    )
    for directory in (root, link):
        found = find_labelled_photos(directory, table)
        assert [photo.path.name for photo in found.folder.photos] == ["a.JPG", "c.png", "b.png"]
        assert found.label_sets == (("cup",), ("pen",), ())
        assert [one.path.name for one in found.folder.skipped] == ["D.Png", "d.PNG", "d.png"]
    write_photo(root / " a.png", COLOURS["red"], 6)
    write_photo(root / "a.png", COLOURS["red"], 7)
    table.write_text("photo,classes\n a.png,cup\na.png,pen\n c.png ,\n")
    found = find_labelled_photos(root, table)
    names = [photo.path.name for photo in found.folder.photos]
    shown = dict(zip(names, found.label_sets, strict=True))
    assert shown == {" a.png": ("cup",), "a.png": ("pen",), "c.png": ()}
    table.write_text("photo,classes\nphotos/a.JPG,cup\n")
    with pytest.raises(InputError, match="found photos/a.JPG; .*the folder that they start from"):
        find_labelled_photos(root, table)


def test_a_table_among_the_photos_is_no_photo(tmp_path: Path, write_photo: PhotoWriter) -> None:
    write_photo(tmp_path / "a.png", COLOURS["red"], 0)
    (tmp_path / "labels.csv").write_text("photo,classes\na.png,cup\n")
    assert find_labelled_photos(tmp_path, tmp_path / "labels.csv").folder.skipped == ()


def test_embeddings_hold_one_class(tmp_path: Path) -> None:
    (tmp_path / "shard-00001-of-00001-000001.npy").write_bytes(b"")
    with pytest.raises(InputError, match="which hold one class of each"):
        find_labelled_photos(tmp_path)


def test_what_cannot_be_read_is_left_to_embedding(tmp_path: Path, write_photo: PhotoWriter) -> None:
    """A link that leads nowhere, a note beside the folders: named, the rest goes on."""
    write_photo(tmp_path / "cup" / "a.png", COLOURS["red"], 0)
    write_photo(tmp_path / "pen" / "b.png", COLOURS["blue"], 1)
    (tmp_path / "cup" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "notes.txt").write_text("of the photos")
    found = find_labelled_photos(tmp_path)
    assert [path.name for path in (one.path for one in found.folder.photos)] == [
        "a.png",
        "b.png",
        "notes.txt",
    ]
    assert found.label_sets == (("cup",), ("pen",), ())
    assert [one.path.name for one in found.folder.skipped] == ["lost.png"]
