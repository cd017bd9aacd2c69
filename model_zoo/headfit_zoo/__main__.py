"""The door to the ``headfit-zoo`` command: says what to install where its libraries are missing."""

from __future__ import annotations

import sys
from importlib import import_module

LIGHT = ("document", "info", "install", "list", "remove")
"""Commands that do without TensorFlow."""

_INSTALL = {"httpx", "rich", "tomli"}
_ZOO = {"h5py", "keras", "larq", "larq_compute_engine", "matplotlib", "tensorflow", "typer"}


def main() -> None:
    """Run the command."""
    room = "catalogue" if sys.argv[1:] and sys.argv[1] in LIGHT else "main"
    try:
        import_module(f"headfit_zoo.commands.{room}").main()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _INSTALL | _ZOO:
            raise
        if room == "catalogue" and missing in _INSTALL:
            needs = "needs: pip install 'headfit[install]'"
        else:
            needs = (
                "needs TensorFlow and Larq, which run on Python 3.10 and 3.11: "
                f"pip install 'headfit[zoo]'. Without them there are {', '.join(LIGHT)}, with: "
                "pip install 'headfit[install]'"
            )
        print(f"headfit-zoo: no package {missing} here; this {needs}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
