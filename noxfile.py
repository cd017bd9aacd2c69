"""The device's tests on every Python with both NumPys: `make matrix`."""

from __future__ import annotations

import nox

nox.options.envdir = "build/matrix"
nox.options.reuse_existing_virtualenvs = True  # headfit itself is installed anew

# NumPy 1.26 has no wheel for Python 3.13.
COMBINATIONS = [
    (python, numpy)
    for python in ("3.10", "3.11", "3.12", "3.13")
    for numpy in ("1.26", "2")
    if (python, numpy) != ("3.13", "1.26")
]


@nox.session
@nox.parametrize("python,numpy", COMBINATIONS)
def device(session: nox.Session, numpy: str) -> None:
    """Install headfit as users do, without the zoo, and run what tests the device."""
    packages = [".[cli,demo,keyring,litert,test]", f"numpy=={numpy}.*"]
    if numpy == "1.26":  # both engines were built for NumPy 1
        packages += [".[lce]"]
        if session.python in ("3.10", "3.11"):
            packages += ["tflite-runtime==2.14.0"]
    session.install(*packages)
    # Hypothesis tries all its examples in `make test`; here it is the versions that differ.
    session.run(
        "pytest",
        *(session.posargs or ["tests/sdk", "tests/contract"]),
        env={"HEADFIT_EXAMPLES": "25", "OMP_NUM_THREADS": "1"},
    )
