"""The Android engine, on a desktop Java machine against a stub of TFLite's classes.

What this proves is the bridge: classes, signatures, buffers, errors. Not a device.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.networks import DATA

from headfit.engines import android
from headfit.engines.android import AndroidEngine
from headfit.errors import EngineMissingError

SCRIPT = """
import json, sys, threading
import numpy as np
import jnius_config
jnius_config.set_classpath(sys.argv[1])
jnius_config.add_options("-Xrs")
from jnius import autoclass
from headfit.engines.android import AndroidEngine, load_classes
from headfit.errors import ExtractorError, InputError

model = open(sys.argv[2], "rb").read()
stub = autoclass("org.tensorflow.lite.Interpreter")

def reason(call):
    try:
        call()
    except (ExtractorError, InputError) as error:
        return f"{type(error).__name__}: {error}"

found = {"model_size": len(model)}
load_classes()
in_thread = []
thread = threading.Thread(target=lambda: in_thread.append(AndroidEngine(model).embedding_dim))
thread.start()
thread.join()
found["in_thread"] = in_thread
stub.knowsLce = True
engine = AndroidEngine(model)
found["size_with_lce"] = stub.modelSize
stub.knowsLce = False
engine = AndroidEngine(model)
found["size_without_lce"] = stub.modelSize
found["shapes"] = [engine.input_shape, engine.embedding_dim]
found["version"] = engine.version
image = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
runs = [engine.run(image * factor) for factor in (1, 2, -0.5)]
found["dtype"] = str(runs[0].dtype)
found["runs"] = [run.tolist() for run in runs]
found["wrong_shape"] = reason(lambda: engine.run(image[0]))
engine.close()
found["closed"] = reason(lambda: engine.run(image))
found["damaged"] = reason(lambda: AndroidEngine(model[:500]))
stub.returnsMap = True
found["no_vector"] = reason(lambda: AndroidEngine(model))
print(json.dumps(found))
"""

WITHOUT = """
import jnius_config
jnius_config.add_options("-Xrs")
from headfit.engines.android import load_classes
load_classes()
"""


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[bool, str], None]
) -> dict[str, Any]:
    """Compile the stub, and run the engine over it in a process with a Java machine."""
    javac = shutil.which("javac")
    require(javac is not None, "javac: on Debian, apt-get install openjdk-17-jdk-headless")
    require(importlib.util.find_spec("jnius") is not None, "pyjnius: pip install pyjnius")
    assert javac is not None
    classes = tmp_path_factory.mktemp("classes")
    helper = Path(android.__file__).with_name("java")
    sources = [path for folder in (DATA / "java", helper) for path in folder.rglob("*.java")]
    # As strict as Gradle in python-for-android's project, which compiles for Java 8.
    subprocess.run(
        [javac, "--release", "8", "-Xlint:all,-options", "-Werror", "-d", classes, *sources],
        check=True,
    )
    environment = dict(os.environ)
    environment.setdefault("JAVA_HOME", str(Path(javac).resolve().parents[1]))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(classes), str(DATA / "maxpool.tflite")],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    without = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    return result | {"not_packed": without.stderr.splitlines()[-1].rpartition("errors.")[2]}


def test_lce_lite_gets_the_network_as_it_is(found: dict[str, Any]) -> None:
    assert found["size_with_lce"] == found["model_size"]


def test_plain_tflite_gets_it_lowered(found: dict[str, Any]) -> None:
    assert found["size_without_lce"] > 2 * found["model_size"]


def test_numbers_cross_the_bridge(found: dict[str, Any]) -> None:
    """Every value goes over and back, again and again, through the same buffers."""
    assert found["shapes"] == [[1, 2, 2, 3], 4]
    assert found["version"] == "stub"
    assert found["dtype"] == "float32"
    assert found["runs"] == [
        [66.0, 132.0, 198.0, 264.0],
        [132.0, 264.0, 396.0, 528.0],
        [-33.0, -66.0, -99.0, -132.0],
    ]


def test_threads_open_it_once_its_class_is_found(found: dict[str, Any]) -> None:
    """As the app does: looked up where the app starts, opened where it works."""
    assert found["in_thread"] == [4]


def test_an_app_without_the_class_is_told_what_to_pack(found: dict[str, Any]) -> None:
    assert found["not_packed"].startswith("EngineMissingError: this app has no TFLite")
    assert "org/headfit/ExtractorRunner" in found["not_packed"]


def test_errors_are_ours(found: dict[str, Any]) -> None:
    """Java's exceptions arrive as headfit's, with Java's words."""
    assert found["wrong_shape"].startswith("InputError: the extractor takes shape")
    assert "already been closed" in found["closed"]
    assert found["damaged"].startswith("ExtractorError: this is no usable .tflite")
    assert found["no_vector"].startswith("ExtractorError: an extractor returns one vector")


@pytest.mark.skipif(
    importlib.util.find_spec("jnius") is not None,
    reason="pyjnius is installed: it would start Java",
)
def test_without_pyjnius() -> None:
    with pytest.raises(EngineMissingError, match="add pyjnius"):
        AndroidEngine((DATA / "maxpool.tflite").read_bytes())
