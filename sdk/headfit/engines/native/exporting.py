"""A compiled network as bytes, for the library where there is no Python: a web page for one."""

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from headfit.engines.interface import check_signature
from headfit.engines.native import steps
from headfit.engines.native.compiler import compile_plan
from headfit.engines.native.library import CHECKOUT, Kernels, packed_folder
from headfit.errors import EngineMissingError, InputError
from headfit.networks.tflite import Graph, read_graph

MAGIC: Final = b"hf-plan\0"
SIMD128: Final = Kernels(0, "simd128", 8, 1)
"""WebAssembly's, which no library here can name."""
WASM_NAME: Final = "headfit_native.wasm"
_HEADER: Final = struct.Struct("<8s16s7Q")


def export_plan(model: bytes | Graph, kernels: Kernels = SIMD128) -> bytes:
    """Compile a network for a library elsewhere.

    Only the library of the same headfit reads it; keep the `.tflite`, not this.

    Parameters
    ----------
    model : bytes or Graph
        A `.tflite`, LCE or float, or what was read from one.
    kernels : Kernels, optional
        Which will run it; by default WebAssembly's.

    Returns
    -------
    bytes
        A header, the steps and the constants. The header, little-endian: "hf-plan" and a zero
        byte; the kernels' name in 16 bytes; as unsigned 64-bit numbers the version of plans, the
        bytes of steps, constants, picture and arena, where in the arena the embedding begins in
        bytes, and how many numbers it has.

    Raises
    ------
    ExtractorError
        If the file is damaged, is no extractor or has an operator that is not run here.
    """
    graph = read_graph(model) if isinstance(model, bytes) else model
    shape, embedding_dim = check_signature(
        [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs],
        [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.outputs],
    )
    plan = compile_plan(graph, kernels)
    header = _HEADER.pack(
        MAGIC,
        kernels.name.encode(),
        steps.VERSION,
        plan.steps.size,
        plan.constants.size,
        4 * math.prod(shape),
        plan.arena_bytes,
        plan.output,
        embedding_dim,
    )
    return header + plan.steps.tobytes() + plan.constants.tobytes()


def find_wasm(given: str | os.PathLike[str] | None = None) -> bytes:
    """Return the library for WebAssembly.

    In a checkout with the package ziglang it is built, so that it is of these sources; without
    ziglang it is taken from where ``python sdk/native/build.py --platform wasm32`` left it, or out
    of the package headfit-native.

    Parameters
    ----------
    given : path, optional
        A file to take instead.

    Raises
    ------
    EngineMissingError
        If there is none and nothing to build it with, or building fails.
    InputError
        If what was given is no such library, or one for plans of another version.
    OSError
        If what was given cannot be read.
    """
    if given is not None:
        return _checked_wasm(Path(given))
    built = CHECKOUT / "build" / "native" / "wasm32" / WASM_NAME
    script = CHECKOUT / "sdk" / "native" / "build.py"
    if script.is_file() and find_spec("ziglang") is not None:
        command = [sys.executable, str(script), "--platform", "wasm32"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode:
            raise EngineMissingError(
                f"building {WASM_NAME} failed: {done.stderr.strip()[-500:]}; mend that, or give a "
                "built one as library, --library"
            )
        return _checked_wasm(built)
    places = [built] if script.is_file() else []
    if (packed := packed_folder()) is not None:
        places.append(packed / WASM_NAME)
    for place in places:
        if place.is_file():
            return _checked_wasm(place)
    raise EngineMissingError(
        f"a web page needs {WASM_NAME}: pip install headfit-native, which has it; or make it in a "
        "checkout of headfit (pip install 'headfit[zig]', then python sdk/native/build.py "
        "--platform wasm32, which writes it into build/native/wasm32) and give it as library, "
        "--library"
    )


def _checked_wasm(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        version = plan_version(data)
    except (ValueError, IndexError):
        raise InputError(
            f"{path}: expected headfit's native library for WebAssembly, found another file; "
            "python sdk/native/build.py --platform wasm32 makes it"
        ) from None
    if version != steps.VERSION:
        raise InputError(
            f"{path}: expected a library that reads plans of version {steps.VERSION}, found one "
            f"for version {version}; build it by this headfit: python sdk/native/build.py "
            "--platform wasm32"
        )
    return data


def plan_version(library: bytes) -> int:
    """Return which plans a library for WebAssembly reads, without running it.

    It is what its function ``headfit_plan_version`` returns, a constant: WebAssembly Core
    Specification 2.0, chapter 5.

    Raises
    ------
    ValueError, IndexError
        If these bytes are no such library.
    """
    if library[:8] != b"\0asm\x01\0\0\0":
        raise ValueError("no WebAssembly")
    at, sections = 8, {}
    while at < len(library):
        kind = library[at]
        size, at = _leb128(library, at + 1)
        sections[kind] = library[at : at + size]
        at += size
    if at != len(library):
        raise ValueError("a section that is cut off")
    exports, code = sections.get(7, b""), sections.get(10, b"")
    name = b"\x14headfit_plan_version\0"  # its length before, and after it that it is a function
    wanted, _ = _leb128(exports, exports.index(name) + len(name))
    n_bodies, at = _leb128(code, 0)
    if 2 in sections or wanted >= n_bodies:
        raise ValueError("functions that are not in the library")
    for _ in range(wanted):
        size, at = _leb128(code, at)
        at += size
    size, at = _leb128(code, at)
    body = code[at : at + size]
    if body[:2] != b"\0\x41" or body[-1:] != b"\x0b" or len(body) != 4 or body[2] >= 64:
        raise ValueError("no constant below 64")
    return body[2]


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned number of 7 bits a byte, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
