"""Drops files on a window as a file manager does: the source's half of XDND, version 5.

https://www.freedesktop.org/wiki/Specifications/XDND/
"""

from __future__ import annotations

import time
from pathlib import Path

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event

PATIENCE_S = 60.0


class Source:
    """A window of our own that offers paths to another one."""

    def __init__(self, display: str, target: int, paths: list[Path]) -> None:
        self._display = Display(display)
        self._screen = self._display.screen()
        self._window = self._screen.root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
        self._target = self._display.create_resource_object("window", target)
        self._uris = "".join(f"{path.resolve().as_uri()}\r\n" for path in paths).encode()

    def drop(self, x: int, y: int) -> None:
        """Drag to a point of the screen, let go there, and wait until the target has taken all.

        Raises
        ------
        TimeoutError
            If the target does not answer.
        RuntimeError
            If it refuses.
        """
        atom = self._atom
        self._window.set_selection_owner(atom("XdndSelection"), X.CurrentTime)
        self._send("XdndEnter", 5 << 24, atom("text/uri-list"), 0, 0)
        self._send("XdndPosition", 0, x << 16 | y, X.CurrentTime, atom("XdndActionCopy"))
        status = self._wait_for("XdndStatus")
        if not status.data[1][1] & 1:
            raise RuntimeError("the window takes no drop there")
        self._send("XdndDrop", 0, X.CurrentTime, 0, 0)
        self._wait_for("XdndFinished")
        self._display.close()

    def _atom(self, name: str) -> int:
        return int(self._display.intern_atom(name))

    def _send(self, kind: str, *data: int) -> None:
        message = event.ClientMessage(
            window=self._target,
            client_type=self._atom(kind),
            data=(32, [self._window.id, *data]),
        )
        self._target.send_event(message, event_mask=X.NoEventMask)
        self._display.flush()

    def _wait_for(self, kind: str) -> event.ClientMessage:
        """Return the target's answer; hand over the paths when it asks for them."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            if not self._display.pending_events():
                time.sleep(0.01)
                continue
            came = self._display.next_event()
            if came.type == X.SelectionRequest:
                self._hand_over(came)
            elif came.type == X.ClientMessage and came.client_type == self._atom(kind):
                return came
        raise TimeoutError(f"the window sent no {kind}")

    def _hand_over(self, request: event.SelectionRequest) -> None:
        is_asked = request.target == self._atom("text/uri-list")
        if is_asked:
            request.requestor.change_property(request.property, request.target, 8, self._uris)
        answer = event.SelectionNotify(
            time=request.time,
            requestor=request.requestor,
            selection=request.selection,
            target=request.target,
            property=request.property if is_asked else X.NONE,
        )
        request.requestor.send_event(answer)
        self._display.flush()
