"""Which pictures an extractor is trained on: repositories, commits, and the rule for their paths.

None of them is part of this project. A commit pins every byte, since Git names contents by hash;
the digest in `CONTENTS` pins the rule as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PICTURE = r"[^/]+\.(?:jpe?g|png)"


@dataclass(frozen=True)
class Source:
    """Pictures of one repository.

    Attributes
    ----------
    name : str
        A file name.
    repository : str
        ``owner/name`` on GitHub.
    commit : str
        40 hex digits.
    folder : str
        A regular expression for the folder that pictures lie in, and for the beginning of their
        names if need be. Its group ``label``, where it has one and the group takes part, is the
        class.
    space : str or None
        Name of the label space, which sources may share; None of pictures without labels.
    crops : int
        Crops of a picture that the teacher looks at.
    weight : float
        How often a picture is seen in an epoch, on average.
    most : int or None
        Pictures to take at most, spread evenly over all.
    without : tuple of str
        Labels that are left out.
    """

    name: str
    repository: str
    commit: str
    folder: str
    space: str | None = None
    crops: int = 4
    weight: float = 1.0
    most: int | None = None
    without: tuple[str, ...] = ()

    def label_of(self, path: str) -> str | bool:
        """Return the label of a path, True without one, False if the path is none of ours."""
        found = re.fullmatch(self.folder + PICTURE, path, re.IGNORECASE)
        if found is None:
            return False
        label = found.groupdict().get("label")
        if label is None:
            return True
        return False if label in self.without else label

    def choose(self, paths: list[str]) -> list[tuple[int, str | None]]:
        """Return the positions of the pictures to take, with their labels, in order of paths."""
        found = sorted(
            (path, index, label)
            for index, path in enumerate(paths)
            if (label := self.label_of(path)) is not False
        )
        taken = [(index, label if isinstance(label, str) else None) for _, index, label in found]
        if self.most is None or self.most >= len(taken):
            return taken
        return [taken[position * len(taken) // self.most] for position in range(self.most)]


SOURCES = (
    Source(
        "miniplaces",
        "rathull/CTFs",
        "f35c219885f163ca00a045236dd44be489598837",
        r"data/images/(?:train/(?P<label>.+)|val|test)/",
        "places",
    ),
    Source(
        "mini-imagenet",
        "Deo0330/split_minidataset",
        "557ebcae0db23651f9370f54a5f31b1f0fd4064d",
        r"(?:train|val|test)/(?P<label>n\d{8})/",
        "wordnet",
        crops=2,
        without=("n03417042",),
    ),
    Source(
        "tiny-imagenet",
        "seshuad/IMagenet",
        "153dbc161ab7942a12c99515e80ef6454dd06693",
        r"tiny-imagenet-200/(?:train/(?P<label>n\d{8})|test)/images/",
        "wordnet",
        crops=2,
        weight=0.75,
    ),
    Source(
        "cats-and-dogs",
        "4GeeksAcademy/Deep-Learning-CarlosFS",
        "d771ae194ca9a8fe14e746dca60af5361d57a5e1",
        r"train/(?P<label>cat|dog)\.",
        "cats-and-dogs",
        most=10_000,
        weight=0.5,
    ),
    Source(
        "dogs",
        "sebasdeldi/dog_images_dataset",
        "e71621a51a786c1578a1e3def79201ee87fa07e4",
        r"",
    ),
    Source(
        "caltech101",
        "taibarehm/CVassimgement",
        "5e5ee696e6576f6ed4c674e3763f77e40242332a",
        r"caltech-101/(?:BACKGROUND_Google|(?P<label>[^/]+))/",
        "caltech101",
        weight=1.5,
    ),
    Source(
        "cars",
        "fmejbah/car_dataset1",
        "2ac6920297f51277ac4e24afd231c46d35077831",
        r"cars_train/",
    ),
    Source(
        "style",
        "ZhaoyueCheng/Image-Style-Recognition",
        "f51978eadce4608255597b0a395e589f0f969562",
        r"(?:train|val)/",
        weight=1.5,
    ),
    Source(
        "groceries",
        "marcusklasson/GroceryStoreDataset",
        "fc80ba90f803d79d0383df52c5a4ac5de99ff6fc",
        r"dataset/(?:train|val|test)/(?:Fruit|Packages|Vegetables)/(?:[^/]+/)?(?P<label>[^/]+)/",
        "groceries",
    ),
    Source(
        "clothing",
        "alexeygrigorev/clothing-dataset-small",
        "11961516512414bf9f6c150a832cfd21b54a6b54",
        r"(?:train|validation|test)/(?P<label>[^/]+)/",
        "clothing",
    ),
    Source(
        "rubbish",
        "congduytran12/Trash-Classification-",
        "00212f2c18dcdb9045c74481eaae5baaf72537df",
        r"dataset-resized/(?P<label>[^/]+)/",
        "rubbish",
    ),
    Source(
        "animals",
        "InputBlackBoxOutput/popular-animals-dataset",
        "0b73f02386d05f0126b0f33759bc7c795396768a",
        r"(?P<label>[a-z][^/]*)/",
        "animals",
    ),
    Source(
        "pacs",
        "MachineLearning2020/Homework3-PACS",
        "d586a6cf3db84896fb6cc465c7bf51bdaf6d65d8",
        r"PACS/photo/(?P<label>[^/]+)/",
        "pacs",
    ),
    Source(
        "textures",
        "pan8915/DeepTexture",
        "522f46f683af11e93673bff29f81df14f49edfb2",
        r"images/(?P<label>[^/]+)/",
        "textures",
        weight=2.0,
    ),
    Source(
        "flickr",
        "quantumnaan/sic_translator",
        "d27da85cff2dbf143fcaf365aece667d66c4298f",
        r"data/images/",
        weight=1.5,
    ),
)

CONTENTS: dict[str, str] = {
    "animals": "29d2625f429124ba1961ce30bd8b130284827efed0796eb073053ef625a82079",
    "caltech101": "d02fe7e5d9e27c92bd845cfd8541e57600f3f76f111405dc6ad626d1a12b67f7",
    "cars": "135af8e3ffb0136256f95e460139ff11a6497f19439912e8fc1bbdfcfad5d919",
    "cats-and-dogs": "8a38ca36644fd28034b7654d8677997964a8b6412c32ea8fc2306a2627ae2a06",
    "clothing": "f8667cfe4a397f1be854d7d6c56118e4eaf6e9654ac37940e443dec3b4e55721",
    "dogs": "c4027106f02909b2fff4c37e348537525bb1f1a24200b1987d5c4b0d2488ebb3",
    "flickr": "0cad958fb676adceacbfabf0da7d735df5f0dfa76ca41fe72c40e9638d8784c3",
    "groceries": "fd09f1bd858814988f20aa9d126071dc02487756c90a0dfaae7f4565b6ccbef9",
    "mini-imagenet": "d7579aefa44bd7e31ab1a0303f3371d5b1802f51a83c3267612413a0b9b2f579",
    "miniplaces": "66fcbd8c8a9d5389a299c26ef9fd27257f572130cc33a4dfa0ec92827614953b",
    "pacs": "dc23a18d802f450c7771c23b4ed4e8b688eb6c609b939d3240317fc7599eb2cb",
    "rubbish": "7e1d0be3a03b067980be8fc10bb56ec6a06050071d3af2ef7d495beac8865820",
    "style": "b1db66345d57c6369bb4ee87adacc16bf8f019b1220bb0ed69b41be69b431441",
    "textures": "5ddc0c66561e5ed9efa1c6588edf792b209083addea1fd2b858087c2bfeb702a",
    "tiny-imagenet": "9488668fcd9743f542de4cea1ca7d80410954cebdbd0a309779f2e928d777a72",
}
"""By source: the SHA-256 of its list of SHA-256s and paths, as `packing.pack` writes it."""
