"""Other processors, emulated: 64-bit and 32-bit ARM, x86-64 without AVX2 give the same bits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.support import embedded
from tests.support.networks import NETWORKS, Network
from tests.support.zig import HAS_ZIG, NEEDS_ZIG, native_build

from headfit.engines.native import NativeEngine
from headfit.engines.native.exporting import export_plan
from headfit.engines.native.library import Kernels

RUNNER = Path(__file__).with_name("emulated.c")
MACHINES = {
    "linux-aarch64": (["qemu-aarch64-static"], ["neon", "plain"]),
    "linux-armv7": (["qemu-arm-static"], ["plain"]),
    "linux-x86_64": (["qemu-x86_64-static", "-cpu", "Nehalem"], ["plain"]),
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", MACHINES)
def test_whole_networks(machine: str, tmp_path: Path) -> None:
    """Every kind of kernels that the emulated processor has, against this one's fastest."""
    qemu, expected = MACHINES[machine]
    if shutil.which(qemu[0]) is None or not HAS_ZIG:
        pytest.skip(f"needs {qemu[0]} (apt: qemu-user-static) and {NEEDS_ZIG}")
    build = native_build()
    compiler = build.zig(build.PLATFORMS[machine].triple)
    objects = build.compile_sources(machine, tmp_path, compiler, [])
    own = [path for path in objects if path.stem != "memory"]  # here there is a libc
    program = tmp_path / "emulated"
    subprocess.run([*compiler, "-O2", "-w", "-static", RUNNER, *own, "-o", program], check=True)
    listed = subprocess.run([*qemu, program], check=True, capture_output=True, text=True).stdout
    there = [line.split() for line in listed.splitlines()]
    kinds = [Kernels(0, name, int(b), int(s)) for name, b, s, can in there if can == "1"]
    assert [kind.name for kind in kinds] == expected
    network, picture, out = (tmp_path / name for name in ("network", "picture", "out"))
    models = {name: Network(name).model for name in NETWORKS}
    for name, model in {**models, "embedded": embedded.MODEL.read_bytes()}.items():
        engine = NativeEngine(model)
        image = np.random.default_rng(0).standard_normal(engine.input_shape).astype(np.float32)
        image = Network(name).image if name in models else image
        picture.write_bytes(image.tobytes())
        for kind in kinds:
            network.write_bytes(export_plan(model, kind))
            subprocess.run([*qemu, program, network, picture, out], check=True)
            np.testing.assert_array_equal(
                np.fromfile(out, np.float32), engine.run(image), err_msg=f"{name} {kind.name}"
            )
