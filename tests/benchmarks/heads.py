"""How fast heads are fitted, beside others' code in the same run.

``python tests/benchmarks/heads.py`` prints a row per case, and asserts nothing: a loaded machine is
slower. Processor seconds, for the clock's depend on what else runs; set OMP_NUM_THREADS=1 to
compare code rather than threads.
"""

from __future__ import annotations

import time
import tracemalloc
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression

from headfit import HeadLearner, SoftmaxHead
from headfit.logistic import fit_logistic, mean_and_scale
from headfit.softmax import cross_entropy, loss_and_gradient, softmax

FloatArray = np.ndarray
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
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def against_scikit_learn(n_classes: int, width: int, n_samples: int) -> None:
    """Both on standardised features, each at its loosest tolerance within 0.1 % of the optimum."""
    embeddings, targets = embeddings_like_a_networks(n_classes, width, n_samples)
    mean, scale = mean_and_scale(embeddings)
    standardised = ((embeddings - mean) / scale).astype(np.float64)

    def ours(tolerance: float) -> float:
        return fit_logistic(
            embeddings, targets, n_classes, l2=L2, tolerance=tolerance, max_iterations=1000
        ).loss

    def theirs(tolerance: float, dtype: type) -> float:
        model = LogisticRegression(C=1 / L2, tol=tolerance, max_iter=1000)
        model.fit(standardised.astype(dtype), targets)
        weights, bias = model.coef_.T.astype(float), model.intercept_.astype(float)
        return loss_and_gradient(weights, bias, standardised, targets, L2)[0]

    bound = 1.001 * ours(1e-5)
    seconds = {}
    for name, fit in (
        ("headfit", ours),
        ("scikit-learn, float32", lambda tolerance: theirs(tolerance, np.float32)),
        ("scikit-learn, float64", lambda tolerance: theirs(tolerance, np.float64)),
    ):
        tolerance = next(t for t in TOLERANCES if fit(t) <= bound)
        seconds[name] = cpu_seconds(lambda f=fit, t=tolerance: f(t), 3)
    case = f"{n_classes} classes x {width} x {n_samples}"
    for name, value in seconds.items():
        print(f"| {case} | {name} | {value:.4f} | {value / seconds['headfit']:.1f} |", flush=True)


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
    weights, bias = pycoral(embeddings, targets, n_classes)
    bound = cross_entropy(embeddings @ weights + bias, targets)
    reference = cpu_seconds(lambda: pycoral(embeddings, targets, n_classes), 3)

    def ours(tolerance: float) -> float:
        fit = fit_logistic(
            embeddings, targets, n_classes, l2=1e-6, tolerance=tolerance, max_iterations=1000
        )
        return cross_entropy(embeddings @ fit.weights + fit.bias, targets)

    tolerance = next(t for t in (0.5, 0.4, 0.3, 0.2, *TOLERANCES, 1e-6) if ours(t) <= bound)
    seconds = cpu_seconds(lambda: ours(tolerance), 3)
    case = f"{n_classes} classes x {width} x 1024"
    print(f"| {case}: loss {ours(tolerance):.3f} | headfit | {seconds:.4f} | 1.0 |")
    print(f"| {case}: loss {bound:.3f} | PyCoral's loop | {reference:.4f} "
          f"| {reference / seconds:.1f} |", flush=True)  # fmt: skip


def against_keras(n_classes: int, width: int, n_samples: int) -> None:
    """A Dense layer with the same penalty on standardised features, until within 1 % of our loss.

    Adam, batches of 32, the fastest of four rates; traced and compiled before the clock starts.
    """
    import keras
    import tensorflow as tf

    embeddings, targets = embeddings_like_a_networks(n_classes, width, n_samples)
    mean, scale = mean_and_scale(embeddings)
    standardised = (embeddings - mean) / scale

    def ours() -> float:
        return fit_logistic(
            embeddings, targets, n_classes, l2=L2, tolerance=1e-2, max_iterations=1000
        ).loss

    bound = 1.01 * ours()
    penalty = keras.regularizers.L2(L2 / 2 / n_samples)
    found: dict[float, tuple[float, int]] = {}
    for rate in (0.0003, 0.001, 0.003, 0.01):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.layers.Dense(n_classes, kernel_regularizer=penalty, input_shape=(width,))]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss)
        model.fit(standardised[:32], targets[:32], verbose=0)
        seconds = 0.0
        for epoch in range(1, 101):
            data = tf.data.Dataset.from_tensor_slices((standardised, targets))
            batches = data.shuffle(n_samples, seed=epoch).batch(32)
            seconds += cpu_seconds(lambda m=model, b=batches: m.fit(b, verbose=0))
            weights, bias = (np.asarray(array, float) for array in model.get_weights())
            if loss_and_gradient(weights, bias, standardised, targets, L2)[0] <= bound:
                found[rate] = seconds, epoch
                break
    mine = cpu_seconds(ours, 3)
    case = f"{n_classes} classes x {width} x {n_samples}, within 1 %"
    print(f"| {case} | headfit | {mine:.4f} | 1.0 |")
    if found:
        rate, (seconds, epochs) = min(found.items(), key=lambda item: item[1])
        code = f"Keras Dense, rate {rate}, {epochs} epochs"
        print(f"| {case} | {code} | {seconds:.2f} | {seconds / mine:.0f} |", flush=True)
    else:
        print(f"| {case} | Keras Dense | not reached in 100 epochs | |", flush=True)


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
    seconds = cpu_seconds(lambda: SoftmaxHead(method=method, tolerance=1e-3).fit(embeddings, names))
    tracemalloc.start()
    SoftmaxHead(method=method, tolerance=1e-3).fit(embeddings, names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    case = f"{n_classes} classes x 512 x {n_samples}, {peak / 1e6:.0f} MB"
    print(f"| {case} | {method} | {seconds:.3f} | |", flush=True)


def main() -> None:
    """Print a Markdown table; the ratio is to headfit in the same case."""
    warnings.simplefilter("ignore")  # scikit-learn's, of loose tolerances
    print("| case | code | processor seconds | ratio |\n| --- | --- | --- | --- |")
    against_scikit_learn(5, 512, 100)
    against_scikit_learn(102, 512, 6000)
    for n_classes in (4, 16):
        for width in (256, 1024):
            against_pycoral(n_classes, width)
    against_keras(5, 512, 1000)
    adding_one_photo()
    for method in ("lda", "logistic"):
        fitting(100, 5000, method)
    for n_samples in (3000, 10_000, 30_000, 100_000):
        fitting(10, n_samples, "lda")
        fitting(10, n_samples, "logistic")
    for n_classes in (10, 100, 1000):
        fitting(n_classes, 5000, "logistic")


if __name__ == "__main__":
    main()
