"""Which functions of the project are called, and in which files they stand."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import headfit
import headfit_demo

PACKAGES = tuple(str(Path(str(one.__file__)).parent) for one in (headfit, headfit_demo))


class Watch:
    """Sees every call of a function of the project while it is entered.

    Attributes
    ----------
    files : set of str
        Source files that were entered.
    calls : Counter of (code, name of the class) to int
        How often each function was called, on what.
    """

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.calls: Counter[tuple[CodeType, str]] = Counter()

    def __enter__(self) -> Watch:
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]

    def count(self, name: str, owner: str = "", file: str = "") -> int:
        """Return how often a function of this name was called: of several, the most.

        ``owner`` is the class of its ``self``, ``file`` the end of the file that it stands in.
        """
        found = [
            times
            for (code, on), times in self.calls.items()
            if code.co_name == name and owner in ("", on) and code.co_filename.endswith(file)
        ]
        return max(found, default=0)

    def _see(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGES):
            if code.co_name != "<module>":
                self.files.add(code.co_filename)
            self.calls[code, type(frame.f_locals.get("self")).__name__] += 1
