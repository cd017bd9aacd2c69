"""The distribution headfit-native: one wheel a platform, the library and the one for pages."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from zipfile import ZipFile

import pytest

from headfit.engines.native.library import load_library
from headfit.version import __version__

ROOT = Path(__file__).parents[4]

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from headfit.engines.native.exporting import WASM_NAME
from headfit.engines.native.library import load_library, packed_folder
print(load_library().path)
print((packed_folder() / WASM_NAME).read_bytes())
"""


def test_an_installed_wheel_is_used(tmp_path: Path) -> None:
    """Packed twice it has the same bytes; pip installs it; it goes before the checkout's build."""
    spec = spec_from_file_location("native_wheels", ROOT / "sdk/native/wheels.py")
    assert spec is not None
    assert spec.loader is not None
    wheels = module_from_spec(spec)
    spec.loader.exec_module(wheels)
    platform = wheels.PLATFORMS[wheels.this_platform()]
    library = load_library().path.read_bytes()
    path = wheels.write_wheel(tmp_path / "first", platform, library, b"\0asm")
    again = wheels.write_wheel(tmp_path / "second", platform, library, b"\0asm")
    assert path.read_bytes() == again.read_bytes()
    with ZipFile(path) as archive:
        about = f"headfit_native-{__version__}.dist-info"
        assert set(archive.namelist()) == {
            "headfit_native/__init__.py",
            f"headfit_native/{platform.file_name}",
            "headfit_native/headfit_native.wasm",
            *(f"{about}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")),
        }
        assert f"\nVersion: {__version__}\n".encode() in archive.read(f"{about}/METADATA")
    if find_spec("twine"):
        check = [sys.executable, "-m", "twine", "check", "--strict", path]
        subprocess.run(check, check=True, capture_output=True)
    if platform.wheel.startswith("manylinux") and sys.platform != "linux":
        pytest.skip("pip does not install this wheel here")
    # Not find_spec: setuptools warns where one asks for pip after distutils was loaded.
    if not any(distributions(name="pip")):
        pytest.skip("no pip here")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    target = tmp_path / "installed"
    subprocess.run([*pip, "--target", target, path], check=True)
    command = [sys.executable, "-c", SCRIPT, target]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    used, wasm = done.stdout.splitlines()
    assert wasm == repr(b"\0asm")
    assert Path(used).parent == target / "headfit_native"
    assert Path(used).read_bytes() == library
