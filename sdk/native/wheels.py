"""Pack the native library into wheels: ``python sdk/native/wheels.py [PLATFORM ...]``.

One file a platform, of the distribution ``headfit-native``: the library alone, for every Python,
and the one for WebAssembly, which goes into web pages. By default for all platforms of `build.py`;
where this machine's compiler cannot, ziglang builds. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from build import BUILD, PLATFORMS, Platform, build, compiler_here, this_platform, zig  # noqa: E402

INIT = '"""The native engine\'s library; headfit loads it (docs/engines.md)."""\n'
METADATA = """\
Metadata-Version: 2.4
Name: headfit-native
Version: {version}
Summary: The native engine of headfit: one small library without a libc.
Author: The maintainers of headfit
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.10
Classifier: Development Status :: 4 - Beta
Classifier: Intended Audience :: Developers
Classifier: Programming Language :: C
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3 :: Only
Classifier: Topic :: Scientific/Engineering :: Image Recognition
Project-URL: Homepage, https://github.com/headfit/headfit
Project-URL: Issues, https://github.com/headfit/headfit/issues
Description-Content-Type: text/markdown

# headfit-native

The native engine of [headfit](https://github.com/headfit/headfit): a library of C for one
platform. Where it is installed beside headfit, extractors run in it. It also holds the same library
for WebAssembly, which `headfit export-web` puts into pages.
"""


def version() -> str:
    """Return headfit's version, which is this distribution's too."""
    text = (ROOT / "sdk/headfit/version.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__.*?"(.+)"', text, re.MULTILINE)
    return str(found)


def write_wheel(folder: Path, platform: Platform, library: bytes, wasm: bytes) -> Path:
    """Write one wheel and return its path."""
    name = f"headfit_native-{version()}"
    tags = "".join(f"Tag: py3-none-{tag}\n" for tag in platform.wheel.split("."))
    wheel = f"Wheel-Version: 1.0\nGenerator: headfit\nRoot-Is-Purelib: false\n{tags}"
    files = {
        "headfit_native/__init__.py": INIT.encode(),
        f"headfit_native/{platform.file_name}": library,
        f"headfit_native/{PLATFORMS['wasm32'].file_name}": wasm,
        f"{name}.dist-info/METADATA": METADATA.format(version=version()).encode(),
        f"{name}.dist-info/WHEEL": wheel.encode(),
        f"{name}.dist-info/licenses/LICENSE": (ROOT / "LICENSE").read_bytes(),
    }
    record = f"{name}.dist-info/RECORD"
    rows = [f"{path},{_digest(content)},{len(content)}\n" for path, content in files.items()]
    files[record] = "".join([*rows, f"{record},,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-py3-none-{platform.wheel}.whl"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file_name, content in files.items():
            entry = ZipInfo(file_name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, ZIP_DEFLATED)
    return path


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.decode().rstrip("=")


def main() -> None:
    """Build and pack what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    with_wheels = [name for name, platform in PLATFORMS.items() if platform.wheel]
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=", ".join(with_wheels))
    parser.add_argument("--folder", type=Path, default=ROOT / "dist")
    given = parser.parse_args()
    if unknown := set(given.platforms) - set(with_wheels):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(with_wheels)}")
    wasm = build("wasm32", BUILD / "wasm32", zig(PLATFORMS["wasm32"].triple), []).read_bytes()
    for name in given.platforms or with_wheels:
        here = compiler_here() if name == this_platform() else None
        compiler = here or zig(PLATFORMS[name].triple)
        library = build(name, BUILD / name, compiler, [])
        path = write_wheel(given.folder, PLATFORMS[name], library.read_bytes(), wasm)
        print(f"Wrote {path}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
