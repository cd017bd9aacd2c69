"""Several processors or machines train one network: TensorFlow's own strategies, by name."""

from __future__ import annotations

import json
import os

import tensorflow as tf

from headfit import InputError

STRATEGIES = ("none", "mirrored", "multiworker")


def open_strategy(name: str) -> tf.distribute.Strategy:
    """Return the strategy in whose scope a network is built.

    Parameters
    ----------
    name : {"none", "mirrored", "multiworker"}
        One device; all devices of this machine; or the machines that the environment variable
        ``TF_CONFIG`` names, each of which runs the same command.

    Raises
    ------
    InputError
        If several machines are asked for and ``TF_CONFIG`` does not name them and this one.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        workers, index = config["cluster"]["worker"], config["task"]["index"]
        workers[index]
    except (KeyError, IndexError, TypeError, ValueError):
        raise InputError(
            "expected TF_CONFIG to name the workers and which of them this is, such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}, '
            f"found {os.environ.get('TF_CONFIG')!r}"
        ) from None
    return tf.distribute.MultiWorkerMirroredStrategy()


def worker_index(strategy: tf.distribute.Strategy) -> int:
    """Return which worker this process is; 0, which alone keeps what it writes, without others."""
    resolver = strategy.cluster_resolver
    return (resolver and resolver.task_id) or 0
