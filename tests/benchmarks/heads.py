"""How fast heads are fitted, beside others' code in the same run.

``python tests/benchmarks/heads.py [CACHE]`` prints a row per case, and asserts nothing: a loaded
machine is slower. Processor seconds, for the clock's depend on what else runs; set
OMP_NUM_THREADS=1 to compare code rather than threads. Features are made up; with a folder CACHE
those of flowers and scenes are tried too, as `photos_per_class` keeps them there, by the embedded
extractor and by the ImageNet ResNet-18 if it is installed.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from photo_sets import DATA, embed
from sklearn.linear_model import LogisticRegression

from headfit import Extractor, ExtractorError, HeadLearner, SoftmaxHead
from headfit.learning.logistic import fit_logistic
from headfit.maths.scaling import mean_and_scale
from headfit.maths.softmax import cross_entropy, loss_and_gradient, softmax

FloatArray = np.ndarray
ALEXNET = (
    Path(__file__).parents[2] / "model_zoo/trained/alexnet-64-mixture/alexnet-64-mixture.tflite"
)
L2 = 50.0
TOLERANCES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)


def embeddings_like_a_networks(
    n_classes: int, width: int, n_samples: int
) -> tuple[FloatArray, np.ndarray]:
    """Return overlapping classes of non-negative, correlated features of different spread."""
    rng = np.random.default_rng(0)
    targets = np.arange(n_samples) % n_classes
    mixing = rng.normal(size=(width, width)) * np.geomspace(1, 0.03, width)
    hidden = 0.6 * rng.normal(size=(n_classes, width))[targets] + rng.normal(
        size=(n_samples, width)
    )
    return np.maximum(hidden @ mixing.T + 1, 0).astype(np.float32), targets


def cpu_seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the least processor time of a few runs."""
    return race({"": work}, repeats)[""]


def race(runners: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the least processor time of each; in every round all take their turn."""
    seconds = dict.fromkeys(runners, float("inf"))
    for _ in range(rounds):
        for name, work in runners.items():
            started = time.process_time()
            work()
            seconds[name] = min(seconds[name], time.process_time() - started)
    return seconds


def against_scikit_learn(case: str, embeddings: FloatArray, targets: np.ndarray) -> None:
    """Both on standardised features, each at its loosest tolerance within 0.1 % of the optimum."""
    n_classes = int(targets.max()) + 1
    mean, scale = mean_and_scale(embeddings)
    standardised = ((embeddings - mean) / scale).astype(np.float64)
    single = standardised.astype(np.float32)

    def ours(tolerance: float) -> float:
        return fit_logistic(
            embeddings, targets, n_classes, l2=L2, tolerance=tolerance, max_iterations=1000
        ).loss

    def theirs(tolerance: float, features: FloatArray) -> float:
        model = LogisticRegression(C=1 / L2, tol=tolerance, max_iter=1000).fit(features, targets)
        weights, bias = model.coef_.T.astype(float), model.intercept_.astype(float)
        return loss_and_gradient(weights, bias, standardised, targets, L2)[0]

    bound = 1.001 * ours(1e-5)
    runners: dict[str, Callable[[], object]] = {}
    for name, fit in (
        ("headfit", ours),
        ("scikit-learn, float32", lambda tolerance: theirs(tolerance, single)),
        ("scikit-learn, float64", lambda tolerance: theirs(tolerance, standardised)),
    ):
        tolerance = next(t for t in TOLERANCES if fit(t) <= bound)
        runners[name] = lambda f=fit, t=tolerance: f(t)
    seconds = race(runners, 5)
    sizes = f"{n_classes} classes x {embeddings.shape[1]} x {len(embeddings)}"
    for name, value in seconds.items():
        ratio = value / seconds["headfit"]
        print(f"| {case}, {sizes} | {name} | {value:.4f} | {ratio:.1f} |", flush=True)


def photographed(cache: Path) -> None:
    """Against scikit-learn on the training photos of flowers and scenes."""
    cache.mkdir(parents=True, exist_ok=True)
    for extractor_name in (None, "resnet18-binary-imagenet"):
        try:
            extractor = Extractor.open(extractor_name)
        except ExtractorError:
            print(f"| {extractor_name} is not installed | | | |")
            continue
        for dataset in ("flowers102-64", "scene15-200", "flowers5-128"):
            on_photos(dataset, extractor, cache)
    # More features than photos, most of them alike.
    on_photos("scene15-200", Extractor.open(ALEXNET), cache)


def on_photos(dataset: str, extractor: Extractor, cache: Path) -> None:
    """Against scikit-learn on the training photos of one data set."""
    if not (DATA / f"{dataset}.zip").exists():
        print(f"| {dataset} is not here | | | |")
        return
    data = embed(dataset, extractor, cache)
    embeddings, names = (data[key][~data["tests"]] for key in ("embeddings", "classes"))
    _, targets = np.unique(names, return_inverse=True)
    against_scikit_learn(f"{dataset} by {extractor.manifest.name}", embeddings, targets)


def pycoral(
    embeddings: FloatArray, targets: np.ndarray, n_classes: int
) -> tuple[FloatArray, FloatArray]:
    """Train as PyCoral's SoftmaxRegression: 500 steps of batches of 100, rate 0.01.

    google-coral/edgetpu: edgetpu/learn/backprop/softmax_regression.py, without its regulariser,
    which is off by default.
    """
    rng = np.random.default_rng(0)
    weights = (0.01 * rng.normal(size=(embeddings.shape[1], n_classes))).astype(np.float32)
    bias = np.zeros(n_classes, np.float32)
    for _ in range(500):
        batch = rng.choice(len(targets), 100)
        difference = softmax(embeddings[batch] @ weights + bias)
        difference[np.arange(100), targets[batch]] -= 1
        weights -= np.float32(0.01 / 100) * (embeddings[batch].T @ difference)
        bias -= np.float32(0.01 / 100) * difference.sum(axis=0)
    return weights, bias


def against_pycoral(n_classes: int, width: int) -> None:
    """Ours stops when its mean cross-entropy on the examples is no worse."""
    embeddings, targets = embeddings_like_a_networks(n_classes, width, 1024)
    embeddings /= embeddings.std()  # its rate is meant for features of about 1
    arguments = embeddings, targets, n_classes
    weights, bias = pycoral(*arguments)
    bound = cross_entropy(embeddings @ weights + bias, targets)

    def ours(tolerance: float) -> float:
        fit = fit_logistic(
            embeddings, targets, n_classes, l2=1e-6, tolerance=tolerance, max_iterations=1000
        )
        return cross_entropy(embeddings @ fit.weights + fit.bias, targets)

    tolerance = next(t for t in (0.5, 0.4, 0.3, 0.2, *TOLERANCES, 1e-6) if ours(t) <= bound)
    mine, theirs = race(
        {"headfit": lambda: ours(tolerance), "PyCoral": lambda: pycoral(*arguments)}, 7
    ).values()
    case = f"{n_classes} classes x {width} x 1024"
    print(f"| {case}: loss {ours(tolerance):.4f} | headfit | {mine:.4f} | 1.0 |")
    print(f"| {case}: loss {bound:.4f} | PyCoral's loop | {theirs:.4f} "
          f"| {theirs / mine:.1f} |", flush=True)  # fmt: skip


def against_keras(n_classes: int, width: int, n_samples: int) -> None:
    """A Dense layer with the same penalty on standardised features, until within 1 % of our loss.

    Adam, the fastest of four rates, by batches of 32, which are Keras's default, and of 256; traced
    and compiled before the clock starts. What takes longer than the fastest so far, or 200 times as
    long as ours, is stopped.
    """
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    embeddings, targets = embeddings_like_a_networks(n_classes, width, n_samples)
    mean, scale = mean_and_scale(embeddings)
    standardised = (embeddings - mean) / scale

    def ours(tolerance: float) -> float:
        return fit_logistic(
            embeddings, targets, n_classes, l2=L2, tolerance=tolerance, max_iterations=1000
        ).loss

    bound = 1.01 * ours(1e-5)
    tolerance = next(t for t in TOLERANCES if ours(t) <= bound)
    mine = cpu_seconds(lambda: ours(tolerance), 5)
    penalty = keras.regularizers.L2(L2 / 2 / n_samples)
    case = f"{n_classes} classes x {width} x {n_samples}, within 1 %"
    print(f"| {case} | headfit | {mine:.4f} | 1.0 |")
    for batch in (32, 256):
        least, code = 200 * mine, "not reached"
        for rate in (0.001, 0.003, 0.0003, 0.01):
            keras.utils.set_random_seed(0)
            model = keras.Sequential(
                [keras.layers.Dense(n_classes, kernel_regularizer=penalty, input_shape=(width,))]
            )
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.Adam(rate), loss)
            data = tf.data.Dataset.from_tensor_slices((standardised, targets))
            batches = data.shuffle(n_samples, seed=0).batch(batch)
            model.fit(batches.take(1), verbose=0)
            seconds = epochs = 0
            while seconds < least:
                seconds += cpu_seconds(lambda m=model, b=batches: m.fit(b, verbose=0))
                epochs += 1
                weights, bias = (np.asarray(array, float) for array in model.get_weights())
                if loss_and_gradient(weights, bias, standardised, targets, L2)[0] <= bound:
                    if seconds < least:
                        least, code = seconds, f"rate {rate}, {epochs} epochs"
                    break
        code = f"Keras Dense, batches of {batch}, {code}"
        print(f"| {case} | {code} | {least:.2f} | {least / mine:.0f} |", flush=True)


def adding_one_photo() -> None:
    """The whole way from an embedding to a head that is ready, by every method."""
    embeddings, targets = embeddings_like_a_networks(10, 512, 201)
    names = [f"class {target}" for target in targets]
    for method in ("imprint", "lda", "logistic", "auto"):
        learner = HeadLearner(SoftmaxHead(method=method))
        learner.add_examples(embeddings[:200], names[:200])
        learner.fit()

        def add(learner: HeadLearner = learner) -> None:
            learner.add_examples(embeddings[200:], names[200:])
            learner.fit()

        print(f"| one more photo, 10 x 20 x 512 | {method} | {cpu_seconds(add, 5):.4f} | |")


def fitting(n_classes: int, n_samples: int, method: str) -> None:
    """One fit from nothing, with the most memory that it took beside the embeddings."""
    embeddings, targets = embeddings_like_a_networks(n_classes, 512, n_samples)
    names = [f"class {target}" for target in targets]
    head = SoftmaxHead(method=method, tolerance=1e-3)
    seconds = cpu_seconds(lambda: head.fit(embeddings, names), 3 if n_samples <= 5000 else 1)
    tracemalloc.start()
    head.fit(embeddings, names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    case = f"{n_classes} classes x 512 x {n_samples}, {peak / 1e6:.0f} MB"
    print(f"| {case} | {method} | {seconds:.3f} | |", flush=True)


def main() -> None:
    """Print a Markdown table; the ratio is to headfit in the same case."""
    warnings.simplefilter("ignore")  # scikit-learn's, of loose tolerances
    print("| case | code | processor seconds | ratio |\n| --- | --- | --- | --- |")
    for sizes in ((5, 512, 100), (102, 512, 6000)):
        against_scikit_learn("made up", *embeddings_like_a_networks(*sizes))
    if len(sys.argv) > 1:
        photographed(Path(sys.argv[1]))
    for n_classes in (4, 16):
        for width in (256, 1024):
            against_pycoral(n_classes, width)
    against_keras(5, 512, 1000)
    against_keras(102, 512, 6000)
    adding_one_photo()
    for method in ("lda", "logistic", "auto"):
        fitting(100, 5000, method)
    for n_samples in (3000, 10_000, 30_000, 100_000):
        fitting(10, n_samples, "lda")
        fitting(10, n_samples, "logistic")
    for n_classes in (10, 100, 1000):
        fitting(n_classes, 5000, "logistic")


if __name__ == "__main__":
    main()
