"""A head from a device on top of its network in Keras: to train on, or to convert otherwise."""

from __future__ import annotations

import larq as lq
import tensorflow as tf

from headfit import InputError, MultiLabelHead, SoftmaxHead
from headfit_zoo.architectures import cut_top


def with_head(
    model: tf.keras.Model, head: SoftmaxHead | MultiLabelHead, *, force: bool = False
) -> tf.keras.Model:
    """Return a classifier: the network up to its embedding, then the head and softmax or sigmoid.

    Its probabilities are what ``head.predict_proba`` returns for the embeddings that Keras
    computes; those of the device may differ in a sign here and there (docs/results.md).

    Parameters
    ----------
    model : tf.keras.Model
        With a layer ``embedding``, as the architectures of the zoo have it.
    head : SoftmaxHead or MultiLabelHead
        Fitted. A binary one becomes a `larq.layers.QuantDense` whose latent weights are its signs
        times its scales. The probabilities of a multi-label head stand by themselves; which of them
        count as shown, its ``thresholds_`` say.
    force : bool
        Take a head that gives single photos away: see `SoftmaxHead.share`.

    Raises
    ------
    NotFittedError
        If the head has not been fitted.
    UnshareableHeadError
        If a class rests on fewer than three photos, unless forced.
    InputError
        If the embedding has another width than the head.
    """
    weights = head.fitted_.weights
    extractor = cut_top(model)
    (embedding_dim, n_classes), found = weights.shape, extractor.output_shape[-1]
    if found != embedding_dim:
        raise InputError(
            f"expected a network whose embedding is {embedding_dim} wide as the head is, found "
            f"{found}; take the network of the head's extractor"
        )
    data = head.released(force=force)
    is_several = isinstance(head, MultiLabelHead)
    thresholds = None if is_several else data.thresholds  # of a binary head: where its signs turn
    if thresholds is None:
        layer = tf.keras.layers.Dense(n_classes, name="head")
        logits = layer(extractor.output)
    else:
        centred = tf.keras.layers.Rescaling(1.0, offset=-thresholds, name="thresholds")
        layer = lq.layers.QuantDense(
            n_classes,
            input_quantizer="ste_sign",
            kernel_quantizer="magnitude_aware_sign",
            name="head",
        )
        logits = layer(centred(extractor.output))
    layer.set_weights([data.weights, data.bias])
    if is_several:
        activation = tf.keras.layers.Activation("sigmoid", name="probabilities")
    else:
        activation = tf.keras.layers.Softmax(name="probabilities")
    probabilities = activation(logits)
    return tf.keras.Model(extractor.input, probabilities, name=f"{model.name}_with_head")
