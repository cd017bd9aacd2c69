"""One window a project: a lock of the operating system, which a killed process leaves open."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from headfit_demo.session.errors import ProjectInUseError

if sys.platform == "win32":
    import msvcrt

    def _take(number: int) -> None:
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


class ProjectLock:
    """Held from when it is made until `release`, or until the process ends, however it ends.

    Parameters
    ----------
    path : Path
        An empty file; that it is there means nothing.

    Raises
    ------
    ProjectInUseError
        If another window holds it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._file = path.open("ab")
        try:
            _take(self._file.fileno())
        except (BlockingIOError, PermissionError) as error:
            self._file.close()
            raise ProjectInUseError(
                f"{path}: expected a project that no other window has open, found one that has; "
                "close it there first"
            ) from error
        except BaseException:
            self._file.close()
            raise

    def release(self) -> None:
        """Let others have it."""
        self._file.close()

    def remove(self) -> None:
        """Let it go with its file: what it was for is no more."""
        self.release()
        with suppress(OSError):
            self._path.unlink()

    def __enter__(self) -> ProjectLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
