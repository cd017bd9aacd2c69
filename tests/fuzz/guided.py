"""Guided fuzzing of one door: ``python -m tests.fuzz.guided DOOR RUNS FOLDER SEED``.

Atheris (libFuzzer) mutates inputs and keeps those that reach new lines of headfit. Address space is
limited to what the process has at the start and the door's own bound; an input that takes a second
of processor time ends the process. Whatever goes wrong, FOLDER/last holds the input; FOLDER/result
says what was tried.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["headfit"]):
    from tests.fuzz.doors import DOORS, knock

MAX_INPUT_BYTES = 1 << 18
HANG_S = 1.0
LIBFUZZER_BYTES = 192 << 20  # its own corpus and tables


def main() -> None:
    """Fuzz until RUNS inputs are done; libFuzzer ends the process."""
    name, runs, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).absolute()
    random_seed = int(sys.argv[4])
    door = DOORS[name]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for index, seed in enumerate(door.seeds()):
        assert knock(door, seed), "expected a seed to get through"
        (corpus / str(index)).write_bytes(seed)
    last, result = folder / "last", folder / "result"
    tried = let_in = 0
    longest_s, began = 0.0, time.monotonic()

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + door.memory_bytes + LIBFUZZER_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def one(data: bytes) -> None:
        nonlocal tried, let_in, longest_s
        last.write_bytes(data)
        signal.setitimer(signal.ITIMER_PROF, HANG_S)  # SIGPROF ends the process
        started = time.process_time()
        let_in += knock(door, data)
        longest_s = max(longest_s, time.process_time() - started)
        signal.setitimer(signal.ITIMER_PROF, 0)
        tried += 1
        if tried == runs or tried % 1000 == 0:
            grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
            document = {
                "door": name, "tried": tried, "let_in": let_in,
                "longest_s": round(longest_s, 3), "grown_mb": grown_kb // 1024,
                "clock_s": round(time.monotonic() - began),
                "processor_s": round(time.process_time()),
            }  # fmt: skip
            result.write_text(json.dumps(document))

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        mutant: bytes = atheris.Mutate(data, max_size)
        return door.mend(mutant)[:max_size] if seed % 4 else mutant

    options = [
        f"-runs={runs}", f"-max_len={MAX_INPUT_BYTES}", "-len_control=0",
        f"-seed={random_seed}", "-timeout=120", "-rss_limit_mb=0",
        f"-artifact_prefix={folder}/", "-print_final_stats=1", str(corpus),
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
