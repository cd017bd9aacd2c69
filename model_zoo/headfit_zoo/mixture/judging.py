"""How a student is judged while choices are open: by heads on pictures it is not trained on.

Only training halves of the sets are looked at, so that what is chosen has not seen their test
halves: each is cut in five, and each fifth is read by a head of the other four. The objects are
ImageNet's, one a class, put into everyday groups; each is read by a head of all others.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError, SoftmaxHead
from headfit_zoo.artifact import MEAN, STD
from headfit_zoo.experiments import transfer

MOST = 1500
"""Pictures of a set, spread evenly over its classes."""
STORED = 128
"""Pixels that they are kept at."""
FOLDS = 5
GROUPS = {
    "ball": "baseball basketball croquet_ball golf_ball ping-pong_ball rugby_ball soccer_ball "
    "tennis_ball volleyball",
    "bag": "backpack mailbag purse plastic_bag wallet sleeping_bag",
    "boat": "canoe catamaran container_ship fireboat gondola lifeboat liner pirate schooner "
    "speedboat submarine trimaran yawl aircraft_carrier",
    "building": "barn bell_cote boathouse castle church cinema dome greenhouse library monastery "
    "mosque palace planetarium prison stupa triumphal_arch cliff_dwelling yurt",
    "clothes": "abaya academic_gown apron bikini cardigan cloak fur_coat gown jean jersey kimono "
    "lab_coat miniskirt pajama poncho sarong suit sweatshirt swimming_trunks trench_coat",
    "computer": "computer_keyboard desktop_computer hand-held_computer laptop modem monitor mouse "
    "notebook printer iPod cellular_telephone photocopier",
    "dish": "guacamole consomme hot_pot trifle ice_cream cheeseburger hotdog mashed_potato "
    "carbonara meat_loaf pizza potpie burrito chocolate_sauce",
    "fruit": "Granny_Smith strawberry orange lemon fig pineapple banana jackfruit custard_apple "
    "pomegranate",
    "furniture": "barber_chair bookcase chiffonier china_cabinet crib desk dining_table "
    "entertainment_center folding_chair four-poster medicine_chest park_bench pool_table "
    "rocking_chair studio_couch throne wardrobe",
    "hat": "bearskin bonnet cowboy_hat crash_helmet football_helmet mortarboard pickelhaube "
    "shower_cap sombrero bathing_cap",
    "instrument": "accordion acoustic_guitar banjo bassoon cello cornet drum electric_guitar flute "
    "French_horn grand_piano harmonica harp maraca marimba oboe ocarina organ panpipe sax "
    "steel_drum trombone upright violin",
    "kitchen": "Crock_Pot Dutch_oven coffeepot espresso_maker frying_pan caldron microwave "
    "mixing_bowl refrigerator stove teapot toaster waffle_iron wok dishwasher rotisserie",
    "shoe": "clog cowboy_boot Loafer running_shoe sandal",
    "tool": "can_opener chain_saw cleaver corkscrew hammer hatchet letter_opener plane plow "
    "plunger power_drill screw screwdriver shovel nail paintbrush",
    "vegetable": "head_cabbage broccoli cauliflower zucchini spaghetti_squash acorn_squash "
    "butternut_squash cucumber artichoke bell_pepper cardoon mushroom",
    "vehicle": "ambulance amphibian beach_wagon cab convertible fire_engine garbage_truck jeep "
    "limousine minibus minivan Model_T moving_van passenger_car pickup police_van racer "
    "recreational_vehicle school_bus sports_car tow_truck trailer_truck trolleybus streetcar",
    "vessel": "beaker beer_bottle beer_glass coffee_mug cocktail_shaker goblet measuring_cup "
    "milk_can pill_bottle pitcher pop_bottle vase water_bottle water_jug whiskey_jug wine_bottle",
}
"""Everyday groups, and the classes of ImageNet in each."""


@dataclass(frozen=True)
class Set:
    """Pictures with classes.

    Attributes
    ----------
    name : str
    images : ndarray of shape (n, `STORED`, `STORED`, 3), dtype uint8
    classes : ndarray of shape (n,), dtype str
    """

    name: str
    images: NDArray[np.uint8]
    classes: NDArray[np.str_]


def open_sets(data: Path, cache: Path) -> list[Set]:
    """Read the five sets, decoded once.

    Parameters
    ----------
    data : Path
        Holds ``flowers5-128.zip``, ``flowers102-64.zip``, ``cub200-2010-224.zip``,
        ``scene15-200.zip`` and ``imagenet-sample-256.zip``.
    cache : Path
        A folder for what was decoded.

    Raises
    ------
    InputError
        If one is missing.
    """
    return [
        _cached(cache, name, data / file, part)
        for name, file, part in (
            ("flowers5", "flowers5-128.zip", None),
            ("flowers102", "flowers102-64.zip", "train"),
            ("birds", "cub200-2010-224.zip", None),
            ("scene15", "scene15-200.zip", "train"),
            ("objects", "imagenet-sample-256.zip", "groups"),
        )
    ]


def outputs(
    model: tf.keras.Model, layer: str, images: NDArray[np.uint8], size: int
) -> NDArray[np.float32]:
    """Return what a layer makes of pictures brought to `size` pixels."""
    extractor = tf.keras.Model(model.input, model.get_layer(layer).output)
    run = tf.function(lambda x: extractor(x, training=False))
    parts = []
    for start in range(0, len(images), 50):
        pixels = np.stack([_resized(image, size) for image in images[start : start + 50]])
        x = (pixels.astype(np.float32) - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        parts.append(run(tf.constant(x)).numpy())
    return np.concatenate(parts)


def judge(model: tf.keras.Model, sets: list[Set], size: int) -> dict[str, float]:
    """Return the share of pictures that heads read rightly, per set and the mean of all.

    Heads are linear discriminants on signed roots of the embedding.
    """
    scores = {}
    for one in sets:
        embeddings = transfer.compress(outputs(model, "embedding", one.images, size))
        folds = len(one.images) if one.name == "objects" else FOLDS
        scores[one.name] = cross_validated(embeddings, one.classes, folds)
    return {**scores, "mean": float(np.mean(list(scores.values())))}


def cross_validated(
    embeddings: NDArray[np.float32], classes: NDArray[np.str_], folds: int
) -> float:
    """Return the share read rightly; picture ``i`` is in fold ``i % folds``, sorted by class."""
    order = np.argsort(classes, kind="stable")
    fold = np.empty(len(classes), np.intp)
    fold[order] = np.arange(len(classes)) % folds
    right = 0
    for index in range(folds):
        held = fold == index
        head = SoftmaxHead(method="lda").fit(embeddings[~held], classes[~held])
        right += int((np.asarray(head.predict(embeddings[held])) == classes[held]).sum())
    return right / len(classes)


def _cached(cache: Path, name: str, path: Path, part: str | None) -> Set:
    file = cache / f"{name}.npz"
    if not file.exists():
        try:
            pairs = list(_pictures(path, part))
        except (FileNotFoundError, zipfile.BadZipFile) as error:
            raise InputError(f"expected a zip of pictures at {path}, found {error}") from None
        cache.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(file.name + ".part")
        with temporary.open("wb") as stream:
            images, classes = zip(*pairs, strict=True)
            np.savez(stream, images=np.stack(images), classes=np.array(classes))
        os.replace(temporary, file)
    with np.load(file) as found:
        return Set(name, found["images"], found["classes"])


def _pictures(path: Path, part: str | None) -> Iterator[tuple[NDArray[np.uint8], str]]:
    group_of = {name: group for group, names in GROUPS.items() for name in names.split()}
    with zipfile.ZipFile(path) as archive:
        by_class: dict[str, list[str]] = {}
        for name in sorted(archive.namelist()):
            parts = PurePosixPath(name).parts
            if PurePosixPath(name).suffix.lower() not in (".jpg", ".jpeg", ".png"):
                continue
            label = parts[-2]
            if part == "groups":
                label = group_of.get(PurePosixPath(name).stem.partition("_")[2], "")
            elif part is not None and parts[0] != part:
                continue
            if label:
                by_class.setdefault(label, []).append(name)
        if part is None:  # without a split, every second picture of a class is for training
            by_class = {label: names[::2] for label, names in by_class.items()}
        each = max(2, MOST // len(by_class))
        for label, names in by_class.items():
            taken = [names[i * len(names) // each] for i in range(min(each, len(names)))]
            for name in sorted(set(taken)) if len(names) > each else names:
                with Image.open(io.BytesIO(archive.read(name))) as picture:
                    yield _square(picture.convert("RGB")), label


def _square(picture: Image.Image) -> NDArray[np.uint8]:
    """Cut the middle square out and bring it to `STORED` pixels."""
    side = min(picture.size)
    left, top = ((length - side) // 2 for length in picture.size)
    box = (left, top, left + side, top + side)
    return np.asarray(picture.resize((STORED, STORED), Image.Resampling.BICUBIC, box=box))


def _resized(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if size == len(image):
        return image
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
