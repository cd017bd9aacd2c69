from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from headfit.errors import InputError
from headfit_zoo.training.strategies import open_strategy, worker_index


@pytest.mark.parametrize(
    "config",
    [
        None,
        "{",
        "{}",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    ],
    ids=["unset", "no JSON", "empty", "a worker that is not there"],
)
def test_workers_must_be_named(config: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a right TF_CONFIG nothing waits for workers that never come."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(InputError, match="expected TF_CONFIG to name the workers"):
        open_strategy("multiworker")


def test_one_process_is_the_first_worker() -> None:
    """Without others, what this process writes is kept."""
    strategy = open_strategy("none")
    assert worker_index(strategy) == 0
    assert strategy.num_replicas_in_sync == 1


def free_address() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


def start(workers: list[str], index: int, *arguments: object) -> subprocess.Popen[str]:
    config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    return subprocess.Popen(
        [sys.executable, "-m", "headfit_zoo", *map(str, arguments)],
        env=os.environ | {"TF_CONFIG": json.dumps(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_two_workers_train_one_network(folder_of_stripes: Path, tmp_path: Path) -> None:
    """Both end with the same accuracy; the first alone keeps log, checkpoints and weights."""
    run = tmp_path / "run"
    workers = [free_address(), free_address()]
    arguments = ("train", folder_of_stripes, "-o", run, "--recipe", "smoke")
    processes = [
        start(workers, index, *arguments, "--strategy", "multiworker") for index in range(2)
    ]
    outputs = [process.communicate(timeout=2800) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    last = [output.strip().splitlines()[-1] for output, _ in outputs]
    assert last[0] == last[1]
    assert last[0].startswith("validation top-1")
    assert len((run / "log.csv").read_text().splitlines()) == 3
    assert {path.name for path in run.iterdir()} == {
        *("checkpoints", "data", "data-1", "log.csv", "recipe.json", "tensorboard", "weights.h5")
    }
    weights = tf.train.load_checkpoint(str(run / "checkpoints"))
    assert weights.get_tensor("epochs_done/.ATTRIBUTES/VARIABLE_VALUE") == 2


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_mirrored_training(folder_of_stripes: Path, tmp_path: Path) -> None:
    """On one device it is a training like any other."""
    arguments = ("train", folder_of_stripes, "-o", tmp_path / "run", "--recipe", "smoke")
    process = start([free_address()], 0, *arguments, "--strategy", "mirrored")
    output = process.communicate(timeout=2800)
    assert process.returncode == 0, output
    assert (tmp_path / "run" / "weights.h5").exists()
