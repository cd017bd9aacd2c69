"""The door to the ``headfit`` command: says what to install where its libraries are missing."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command and return the exit code."""
    try:
        from headfit.commands.main import main as command
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        print("headfit: the command needs: pip install 'headfit[cli]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # while modules load
        print("headfit: stopped", file=sys.stderr)
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())
