"""A library that is damaged: an error where that can be told, else the end of another process."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.networks import DATA

from headfit.engines.native.library import FILE_NAME, Library, load_library
from headfit.errors import EngineMissingError

elf = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the loader of Linux")

SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from headfit.engines import open_engine, survey_engines
if __name__ == "__main__":
    model = Path(sys.argv[2]).read_bytes()
    engine = open_engine(model, isolate=True)
    engine.close()
    native, *others = survey_engines(model)
    assert native.name == "native"
    print(json.dumps([engine.name, native.reason, [other.usable for other in others]]))
"""


@elf
def test_a_library_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """However much is missing: Linux would kill what maps it and reads beyond its end."""
    whole = load_library().path.read_bytes()
    path = tmp_path / FILE_NAME
    for size in (0, 10, 52, 100, 4096, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(EngineMissingError, match="does not load: .*make native"):
            Library(path)
    path.write_bytes(whole)
    assert Library(path).kernels


@elf
@pytest.mark.skipif(struct.calcsize("P") != 8, reason="headers of 64 bits are read")
def test_a_library_that_crashes_ends_no_more_than_its_own_process(tmp_path: Path) -> None:
    """Isolated, "auto" and a survey go on to the next engine; nothing loads it beside that."""
    library = bytearray(load_library().path.read_bytes())
    (start,), (count,) = (
        struct.unpack_from("<Q", library, 32),
        struct.unpack_from("<H", library, 56),
    )
    for at in range(start, start + 56 * count, 56):
        kind, flags, offset, _, _, size = struct.unpack_from("<2I4Q", library, at)
        if kind == 1 and flags & 1:  # loaded, to be executed
            library[offset : offset + size] = b"\xff" * size  # no instruction of any processor
    package = tmp_path / "headfit_native"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / FILE_NAME).write_bytes(library)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, tmp_path, DATA / "maxpool.tflite"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    name, reason, others = json.loads(done.stdout)
    assert name != "native"
    assert "the process of the native engine died with exit code -" in reason
    assert any(others)
