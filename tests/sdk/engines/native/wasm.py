"""The library in WebAssembly: node runs what a page would."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.support.zig import HAS_ZIG, ROOT, build_library

from headfit.engines.native.exporting import export_plan
from headfit.networks.tflite import Graph

NODE = shutil.which("node") or shutil.which("nodejs")
IS_THERE = NODE is not None and HAS_ZIG


class WasmEngine:
    """A node process with the library, which runs one network after another."""

    def __init__(self) -> None:
        assert NODE is not None
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.network, self.picture, self._out = (folder / n for n in ("network", "picture", "out"))
        library = build_library("wasm32", folder)
        script = Path(__file__).with_name("run_networks.mjs")
        self._process = subprocess.Popen(
            [NODE, script, ROOT / "sdk/headfit/exports/page/native.js", library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, model: bytes | Graph, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compile for WebAssembly, run there."""
        assert self.answer(export_plan(model), image.tobytes()) == "done"
        return np.fromfile(self._out, np.float32)

    def answer(self, network: bytes, picture: bytes) -> str:
        """Give node a compiled network and a picture; return "done" or its error."""
        self.network.write_bytes(network)
        self.picture.write_bytes(picture)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self.network} {self.picture} {self._out}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """Let node end."""
        self._process.communicate()
        self._folder.cleanup()


@cache
def wasm_engine() -> WasmEngine | None:
    """Return the one of this run, or None where node or ziglang is missing."""
    return WasmEngine() if IS_THERE else None


def close_wasm_engine() -> None:
    """End it, if it was started."""
    if wasm_engine.cache_info().currsize and (engine := wasm_engine()) is not None:
        engine.close()
    wasm_engine.cache_clear()
