"""An engine in a process of its own, so that a crash of native code is an error and no more.

The process is spawned: a script that uses it needs the guard ``if __name__ == "__main__":``, and
a frozen program ``multiprocessing.freeze_support()``. After a fork the child process leaves the
worker to its parent and starts one of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from headfit.engines.catalogue import engine_opener
from headfit.engines.interface import check_input
from headfit.errors import EngineMissingError, ExtractorError
from headfit.locks import long_lock
from headfit.maths.arrays import FloatArray

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_EMBEDDING, _MISSING, _FAILED, _READY = b"E", b"M", b"F", b"R"
"""First byte of what the worker sends: the rest is float32 data, or text."""
_PATIENCE_S: Final = 60.0
_WORKER: Final = "headfit engine"
"""What the worker's process is called."""
_NO_GUARD: Final = (
    "A script that isolates an engine is run again by the engine's process: put what it does "
    'behind if __name__ == "__main__":'
)


class NoWorkerError(ExtractorError):
    """No worker can be started here, whatever the engine. Only the choice of one tells it apart."""


class IsolatedEngine:
    """Runs an extractor in a worker process, and starts another one after a crash.

    Parameters
    ----------
    model : bytes
        The `.tflite`, its fingerprint already checked.
    engine : str
        Which engine the worker opens.
    patience_s : float
        How many seconds the worker may take over one answer before it is ended.

    Raises
    ------
    InputError
        If there is no engine of that name.
    EngineMissingError
        If the engine is not installed.
    ExtractorError
        If the engine refuses the network, or the worker dies over it.
    """

    side_by_side = False

    def __init__(self, model: bytes, engine: str, patience_s: float = _PATIENCE_S) -> None:
        engine_opener(engine)
        self.name = engine.partition(":")[0]
        self._engine = engine
        self._model = model
        self._patience_s = patience_s
        self._lock = long_lock()
        self._process: Any = None
        self._connection: Connection[bytes, bytes] | None = None
        _engines.add(self)
        with self._lock:
            self._start()

    def run(self, image: FloatArray, /) -> FloatArray:
        """Run the extractor once; see `Engine.run`. Lets other threads work meanwhile."""
        check_input(image, self.input_shape)
        with self._lock:
            if self._connection is None:
                self._start()
            answer = self._ask(np.ascontiguousarray(image, "<f4").tobytes())
        return np.frombuffer(answer, "<f4").astype(np.float32)

    def close(self) -> None:
        """End the worker; a later `run` starts another."""
        with self._lock:
            self._stop()

    def __enter__(self) -> IsolatedEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> None:
        # It loads socket and more: only where it is used.
        from multiprocessing import current_process, get_context

        if current_process().daemon:
            raise NoWorkerError(
                "expected a process that may start others, found a daemonic worker of "
                "multiprocessing.Pool, which may not; open the extractor without isolate there, or "
                "use concurrent.futures.ProcessPoolExecutor"
            )
        if getattr(current_process(), "_inheriting", False):
            if current_process().name == _WORKER:
                sys.exit(1)  # run again for this engine's sake: the other process says why
            raise NoWorkerError(_NO_GUARD)
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, name=_WORKER, args=(theirs, self._engine), daemon=True
        )
        self._process.start()
        theirs.close()  # so that the worker's death ends the conversation
        try:
            ready = json.loads(self._ask(self._model))
        except ExtractorError as error:
            self._stop()
            if "died with exit code 1;" in str(error):
                died, _ = str(error).split(";", 1)
                raise NoWorkerError(f"{died}. {_NO_GUARD}") from error
            raise
        self.version: str = ready["version"]
        self.input_shape: tuple[int, ...] = tuple(ready["input_shape"])
        self.embedding_dim: int = ready["embedding_dim"]

    def _ask(self, question: bytes) -> bytes:
        """Send and wait; whatever goes wrong in the worker is an ExtractorError here."""
        assert self._connection is not None
        try:
            self._connection.send_bytes(question)
            if not self._connection.poll(self._patience_s):
                self._stop()
                raise ExtractorError(
                    f"the {self.name} engine gave no answer within {self._patience_s:g} s and was "
                    "ended; try again, or use another engine"
                )
            answer: bytes = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            self._process.join(self._patience_s)
            exit_code = self._process.exitcode
            self._stop()
            raise ExtractorError(
                f"the process of the {self.name} engine died with exit code {exit_code}; try "
                "again, or use another engine"
            ) from error
        kind, content = answer[:1], answer[1:]
        if kind == _MISSING:
            raise EngineMissingError(content.decode())
        if kind == _FAILED:
            raise ExtractorError(content.decode())
        return content

    def _leave_to_parent(self) -> None:
        """After a fork, in the child: the worker and what is said to it are the parent's."""
        from multiprocessing import process

        # Another thread may have been starting or ending it, so that either is there alone.
        if self._connection is not None:
            self._connection.close()  # this process's end alone
        process._children.discard(self._process)  # type: ignore[attr-defined]  # or it is killed at exit
        self._connection = self._process = None

    def _stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._process.kill()  # a stopped process would not hear a milder signal
            self._process.join()


_engines: weakref.WeakSet[IsolatedEngine] = weakref.WeakSet()


def _after_fork() -> None:
    for engine in list(_engines):
        engine._leave_to_parent()


if hasattr(os, "register_at_fork"):  # there is no fork on Windows
    os.register_at_fork(after_in_child=_after_fork)


def _serve(connection: Connection[bytes, bytes], name: str) -> None:
    """Answer in the worker until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to handle
    try:
        engine = engine_opener(name)(connection.recv_bytes())
        ready = {
            "version": engine.version,
            "input_shape": engine.input_shape,
            "embedding_dim": engine.embedding_dim,
        }
        connection.send_bytes(_READY + json.dumps(ready).encode())
        while True:
            image = np.frombuffer(connection.recv_bytes(), "<f4").reshape(engine.input_shape)
            try:
                embedding = engine.run(image.astype(np.float32))
            except ExtractorError as error:
                connection.send_bytes(_FAILED + str(error).encode())
            else:
                connection.send_bytes(_EMBEDDING + embedding.astype("<f4").tobytes())
    except EngineMissingError as error:
        connection.send_bytes(_MISSING + str(error).encode())
    except ExtractorError as error:
        connection.send_bytes(_FAILED + str(error).encode())
    except (EOFError, OSError):
        return  # the caller has gone
