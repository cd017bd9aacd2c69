"""A running average of the weights, which is often better than the last ones."""

from __future__ import annotations

import tensorflow as tf


class WeightAverage(tf.keras.callbacks.Callback):  # type: ignore[misc]
    """Averages a model's weights after every batch, and puts the average in for validation.

    ``average = decay * average + (1 - decay) * weights``, with a smaller decay in the first steps
    (``(1 + step) / (10 + step)``), so that the beginning is forgotten.

    Attributes
    ----------
    values : list of tf.Variable
        The average of each of ``model.weights``, statistics of batch norms included.
    step : tf.Variable
        Both belong into a training's checkpoint.
    """

    def __init__(self, model: tf.keras.Model, decay: float) -> None:
        super().__init__()
        self._weights, self._decay = model.weights, decay
        self.values = [tf.Variable(weight, trainable=False) for weight in model.weights]
        self.step = tf.Variable(0.0, trainable=False)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def _update(self) -> None:
        decay = tf.minimum(self._decay, (1 + self.step) / (10 + self.step))
        for average, weight in zip(self.values, self._weights, strict=True):
            average.assign(decay * average + (1 - decay) * weight)
        self.step.assign_add(1.0)

    def swap(self) -> None:
        """Exchange the model's weights with their average."""
        for average, weight in zip(self.values, self._weights, strict=True):
            kept = weight.numpy()
            weight.assign(average)
            average.assign(kept)

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Take in what the batch changed."""
        self._update()

    def on_test_begin(self, logs: object = None) -> None:
        """Validate the average."""
        self.swap()

    def on_test_end(self, logs: object = None) -> None:
        """Train on from the weights."""
        self.swap()
