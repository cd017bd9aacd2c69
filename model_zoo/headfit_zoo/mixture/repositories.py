"""Files of a Git repository at a commit, read without a work tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from headfit import InputError

HOST = "https://github.com/"


class Repository:
    """A local copy of a repository, bare or not.

    Parameters
    ----------
    root : Path
        Holds copies as ``<owner>/<name>.git``.
    name : str
        ``owner/name``.
    commit : str
        40 hex digits.

    Raises
    ------
    InputError
        If there is no copy or the commit is not in it.
    """

    def __init__(self, root: Path, name: str, commit: str) -> None:
        self.folder, self.name, self.commit = root / f"{name}.git", name, commit
        if not self.folder.is_dir():
            raise InputError(
                f"expected a copy of {name} in {self.folder}, found none; fetch it first"
            )
        kind = self._git("cat-file", "-t", commit, check=False).strip()
        if kind != b"commit":
            raise InputError(
                f"expected commit {commit} in {self.folder}, found it missing; fetch it first"
            )

    @classmethod
    def fetch(cls, root: Path, name: str, commit: str, host: str = HOST) -> Repository:
        """Bring one commit here, without its history, unless it is here.

        Raises
        ------
        InputError
            If Git cannot, with what it says.
        """
        try:
            return cls(root, name, commit)
        except InputError:
            pass
        folder = root / f"{name}.git"
        for arguments in (
            ["init", "--quiet", "--bare", str(folder)],
            ["-C", str(folder), "fetch", "--quiet", "--depth", "1", f"{host}{name}", commit],
        ):
            done = subprocess.run(["git", *arguments], capture_output=True, check=False)
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip()
                raise InputError(f"expected to fetch {commit} of {host}{name}, found: {said}")
        return cls(root, name, commit)

    def list(self) -> list[tuple[str, str]]:
        """List all files: path and the hash of the contents."""
        entries = self._git("ls-tree", "-r", "-z", self.commit).split(b"\0")
        listed = (entry.split(b"\t", 1) for entry in entries if entry)
        return [(os.fsdecode(path), about.split()[2].decode()) for about, path in listed]

    def read(self, hashes: Sequence[str]) -> Iterator[bytes | None]:
        """Give contents by hash, in that order; None of one that the copy lacks."""
        with subprocess.Popen(
            ["git", f"--git-dir={self.folder}", "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_here(),
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for asked in hashes:
                # One by one: a long list of questions would fill both pipes.
                process.stdin.write(asked.encode() + b"\n")
                process.stdin.flush()
                answer = process.stdout.readline().split()
                if len(answer) != 3:
                    yield None
                    continue
                yield process.stdout.read(int(answer[2]))
                process.stdout.read(1)

    def _git(self, *arguments: str, check: bool = True) -> bytes:
        command = ["git", f"--git-dir={self.folder}", *arguments]
        done = subprocess.run(command, capture_output=True, check=False, env=_here())
        if check and done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise InputError(f"expected a Git repository in {self.folder}, found: {said}")
        return done.stdout


def _here() -> dict[str, str]:
    """Return the environment in which Git asks no other machine for contents that are missing."""
    return {**os.environ, "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
