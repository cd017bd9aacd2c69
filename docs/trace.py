"""Which files a day with headfit touches: ``python docs/trace.py > docs/trace.md``, under strace.

The day is tests/support/day.py on twelve photos. strace sees every system call of the process and
of what it starts, native libraries included.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
CALLS = (
    "open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,link,symlink,truncate,"
    "mkdir,mkdirat,socket,socketpair,connect,bind,sendto,sendmsg,execve,fork,vfork,clone,clone3"
)
_LINE = re.compile(r"^(?:\d+\s+)?(\w+)\((.*)\)\s+= (-?\d+)")
_PATH = re.compile(r'"((?:[^"\\]|\\.)*)"')


def lay_out(folder: Path) -> None:
    """Write four photos of each of three colours."""
    for seed, (name, colour) in enumerate(
        {"red": (200, 40, 30), "green": (40, 180, 60), "blue": (30, 60, 200)}.items()
    ):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(4):
            noise = np.random.default_rng(10 * seed + number).normal(colour, 30, (240, 320, 3))
            image = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
            image.save(folder / "photos" / name / f"{number}.jpg")
    (folder / "data").mkdir()


def kind(path: str, folder: Path) -> str:
    """Say what a path is, without what differs between machines."""
    if path.startswith(str(folder)):
        inside = Path(path).relative_to(folder)
        return "photos" if inside.parts[:1] == ("photos",) else str(inside)
    prefixes = sorted({sys.prefix, sys.base_prefix, *sys.path, str(ROOT)} - {""})
    if path.endswith(".tflite") or "/extractors/" in path:
        return "the extractor's files"
    if any(path.startswith(prefix) for prefix in prefixes):
        return "Python, its libraries, headfit"
    for system in ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib", "/opt/"):
        if path.startswith(system):
            return f"`{system.rstrip('/')}`: the system"
    return f"`{path}`"


def trace(folder: Path) -> list[tuple[str, str, int]]:
    """Run the day under strace and return its calls: name, arguments, result."""
    log = folder / "log"
    day = [sys.executable, str(ROOT / "tests/support/day.py"), str(folder / "data")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = ["strace", "-f", "-o", str(log), "-e", f"trace={CALLS}", *day, str(folder / "photos")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, cwd=folder)
    found = (_LINE.match(line) for line in log.read_text(errors="replace").splitlines())
    return [(call[1], call[2], int(call[3])) for call in found if call]


def main() -> None:
    """Print the summary as Markdown."""
    read: Counter[str] = Counter()
    written: Counter[str] = Counter()
    network: Counter[str] = Counter()
    started = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        lay_out(folder)
        calls = trace(folder)
        for call, arguments, result in calls:
            if call in ("socket", "socketpair", "connect", "bind", "sendto", "sendmsg"):
                network[f"{call}({arguments})"] += 1
            elif call == "execve":
                started += result == 0
            elif result >= 0 and (paths := _PATH.findall(arguments)):
                writes = call not in ("open", "openat", "openat2") or re.search(
                    "O_WRONLY|O_RDWR|O_CREAT", arguments
                )
                temporary = re.sub(r"\.[0-9a-f]{16}\.tmp", ".*.tmp", kind(paths[-1], folder))
                (written if writes else read)[temporary] += 1
    print("# What a day with headfit touches\n")
    print(f"Made by `python docs/trace.py`: {len(calls)} system calls that open, name or send.\n")
    print(f"Sockets, connections, messages: **{sum(network.values())}**")
    for call, count in network.most_common():
        print(f"\n* {count} x `{call}`")
    print(f"\nPrograms started: {started} (the day itself).\n")
    for title, counter in (("Written, renamed or deleted", written), ("Read", read)):
        print(f"\n| {title} | calls |\n| --- | --- |")
        for path, count in sorted(counter.items(), key=lambda item: -item[1]):
            print(f"| {path} | {count} |")


if __name__ == "__main__":
    main()
