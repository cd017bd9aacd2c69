"""Android: the system's photo picker and share sheet, the camera permission, the app's own files.

Java is reached through pyjnius. Nothing here needs a storage permission: the system's pickers hand
over file descriptors, and what is given away goes through the system's own store of downloads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

from kivy.clock import mainthread

from headfit import EngineMissingError
from headfit.engines import load_classes
from headfit_demo.platforms.android_camera import AndroidCamera
from headfit_demo.platforms.camera import Camera
from headfit_demo.session import PickedFile

Answer: TypeAlias = Callable[[Any], None]
"""What is done with the Intent that comes back, on Android's thread; None if the user went back."""

MAX_PHOTOS: Final = 50
MAX_FILE_BYTES: Final = 1 << 28
_CAMERA_PERMISSION: Final = "android.permission.CAMERA"
_ANY_FILE: Final = "application/octet-stream"
_ANDROID_10, _ANDROID_13 = 29, 33
_RESULT_OK: Final = -1


class AndroidPlatform:
    """A phone or tablet; see `headfit_demo.platforms.Platform`."""

    name = "android"
    isolates_engine = False
    picks_folders = False

    def __init__(self) -> None:
        jnius = import_module("jnius")
        self._jnius: Any = jnius
        self._java: Callable[[str], Any] = jnius.autoclass
        self._intents = self._java("android.content.Intent")
        self._activity = self._java("org.kivy.android.PythonActivity").mActivity
        self._api = int(self._java("android.os.Build$VERSION").SDK_INT)
        with suppress(EngineMissingError):  # then popcount runs
            load_classes()
        # Bound once for good: Android's list of listeners breaks if one leaves while it is asked.
        import_module("android.activity").bind(on_activity_result=self._on_result)
        self._waiting: dict[int, Answer] = {}
        self._next_request = 0x4EAD

    def data_folder(self) -> Path:
        """Return a folder in the app's own files, which no other app can read."""
        return Path(os.environ["ANDROID_PRIVATE"]) / "headfit-app"

    def pick_photos(
        self, done: Callable[[list[PickedFile]], None], *, videos: bool = False
    ) -> None:
        """Open the system's photo picker, or its file picker before Android 13."""
        extras = self._java("android.os.Bundle")()
        if self._api >= _ANDROID_13:
            store = self._java("android.provider.MediaStore")
            extras.putInt(store.EXTRA_PICK_IMAGES_MAX, MAX_PHOTOS)
            intent = self._intent(store.ACTION_PICK_IMAGES, "image/*", extras)
        else:
            extras.putBoolean(self._intents.EXTRA_ALLOW_MULTIPLE, True)
            intent = self._openable(self._intents.ACTION_GET_CONTENT, "image/*", extras)
        self._ask(intent, self._reader(mainthread(done)))

    def pick_head(self, done: Callable[[PickedFile | None], None]) -> None:
        """Open the system's file picker for one file of any kind."""
        first = mainthread(lambda files: done(files[0] if files else None))
        intent = self._openable(self._intents.ACTION_GET_CONTENT, "*/*")
        self._ask(intent, self._reader(first))

    def pick_round(self, done: Callable[[PickedFile | None], None]) -> None:
        """Open the same picker: Android knows no kind of a round's files."""
        self.pick_head(done)

    def pick_folder(self, done: Callable[[Path | None], None]) -> None:
        """Choose none: nobody asks, for `picks_folders` says so."""
        done(None)

    def give_file(self, path: Path, done: Callable[[str | None], None]) -> None:
        """Put the file among the downloads and open the share sheet for it.

        Where an app has no downloads (before Android 10 not without a permission), the system asks
        the user where to save it.
        """
        uri = self._download(path) if self._api >= _ANDROID_10 else None
        if uri is None:
            self._save_as(path, mainthread(done))
        else:
            self._share(uri)
            done(f"Downloads/{path.name}")

    def ask_for_camera(self, done: Callable[[bool], None]) -> None:
        """Ask once for the camera; Android remembers the answer."""
        told = mainthread(done)

        def answered(permissions: list[str], granted: list[bool]) -> None:
            told(bool(granted) and all(granted))

        permissions = import_module("android.permissions")
        if permissions.check_permission(_CAMERA_PERMISSION):
            told(True)
        else:
            permissions.request_permissions([_CAMERA_PERMISSION], answered)

    def ask_look(self, done: Callable[[str | None], None]) -> None:
        """Say what Android's own screens have now."""
        known = self._java("android.content.res.Configuration")
        mode = self._activity.getResources().getConfiguration().uiMode & known.UI_MODE_NIGHT_MASK
        mainthread(done)("dark" if mode == known.UI_MODE_NIGHT_YES else "light")

    def open_camera(self, index: int) -> Camera:
        """Return one of the phone's cameras; most have the one on the back first."""
        return AndroidCamera(self._activity, index)

    def _intent(self, action: str, kind: str, extras: Any = None) -> Any:
        """Return an Intent; extras come in a Bundle, whose methods are named by type.

        Of ``putExtra``'s overloads pyjnius takes the one for a short where an int is meant.
        """
        intent = self._intents(action)
        intent.setType(kind)
        if extras is not None:
            intent.putExtras(extras)
        return intent

    def _openable(self, action: str, kind: str, extras: Any = None) -> Any:
        intent = self._intent(action, kind, extras)
        intent.addCategory(self._intents.CATEGORY_OPENABLE)
        return intent

    def _ask(self, intent: Any, answer: Answer) -> None:
        """Start another app's screen, and remember what to do with its answer."""
        self._next_request += 1
        self._waiting[self._next_request] = answer
        try:
            self._activity.startActivityForResult(intent, self._next_request)
        except self._jnius.JavaException:  # this phone has no app for it
            self._waiting.pop(self._next_request)(None)

    def _on_result(self, request: int, result: int, intent: Any) -> None:
        answer = self._waiting.pop(request, None)  # other requests are not ours
        if answer is not None:
            answer(intent if result == _RESULT_OK else None)

    def _reader(self, done: Callable[[list[PickedFile]], None]) -> Answer:
        """Return an answer that reads what was picked on a thread of its own."""

        def read(intent: Any) -> None:
            uris = [] if intent is None else _picked(intent)
            threading.Thread(target=self._read_all, args=(uris, done), daemon=True).start()

        return read

    def _read_all(self, uris: list[Any], done: Callable[[list[PickedFile]], None]) -> None:
        try:
            done([self._read(uri) for uri in uris])
        finally:
            self._jnius.detach()

    def _read(self, uri: Any) -> PickedFile:
        """Return a picked file; empty if its owner does not hand it over, which no image is."""
        resolver = self._activity.getContentResolver()
        name, content = str(uri.getLastPathSegment()), b""
        try:
            name = self._display_name(resolver, uri) or name
            descriptor = resolver.openFileDescriptor(uri, "r").detachFd()
            with os.fdopen(descriptor, "rb") as stream:
                content = stream.read(MAX_FILE_BYTES)
        except (self._jnius.JavaException, OSError):
            pass
        return PickedFile(name, content)

    def _display_name(self, resolver: Any, uri: Any) -> str | None:
        column = self._java("android.provider.OpenableColumns").DISPLAY_NAME
        cursor = resolver.query(uri, [column], None, None, None)
        if cursor is None:
            return None
        try:
            name = cursor.getString(0) if cursor.moveToFirst() else None
        finally:
            cursor.close()
        return None if name is None else str(name)

    def _download(self, path: Path) -> Any:
        """Return the URI of a copy among the downloads, or None if there is no place."""
        values = self._java("android.content.ContentValues")()
        values.put("_display_name", path.name)
        values.put("mime_type", _ANY_FILE)
        downloads = self._java("android.provider.MediaStore$Downloads").EXTERNAL_CONTENT_URI
        try:
            uri = self._activity.getContentResolver().insert(downloads, values)
            if uri is not None:
                self._write(uri, path.read_bytes())
        except self._jnius.JavaException:
            return None
        return uri

    def _save_as(self, path: Path, done: Callable[[str | None], None]) -> None:
        extras = self._java("android.os.Bundle")()
        extras.putString(self._intents.EXTRA_TITLE, path.name)
        intent = self._openable(self._intents.ACTION_CREATE_DOCUMENT, _ANY_FILE, extras)

        def save(answer: Any) -> None:
            if answer is not None:
                self._write(answer.getData(), path.read_bytes())
            done(None if answer is None else path.name)

        self._ask(intent, save)

    def _write(self, uri: Any, content: bytes) -> None:
        resolver = self._activity.getContentResolver()
        with os.fdopen(resolver.openFileDescriptor(uri, "w").detachFd(), "wb") as stream:
            stream.write(content)

    def _share(self, uri: Any) -> None:
        extras = self._java("android.os.Bundle")()
        extras.putParcelable(
            self._intents.EXTRA_STREAM, self._jnius.cast("android.os.Parcelable", uri)
        )
        intent = self._intent(self._intents.ACTION_SEND, _ANY_FILE, extras)
        intent.addFlags(self._intents.FLAG_GRANT_READ_URI_PERMISSION)
        self._activity.startActivity(self._intents.createChooser(intent, None))


def _picked(intent: Any) -> list[Any]:
    """Return the URIs of an answer: several come as a clip, one as its data."""
    clip = intent.getClipData()
    if clip is not None:
        return [clip.getItemAt(index).getUri() for index in range(clip.getItemCount())]
    uri = intent.getData()
    return [] if uri is None else [uri]
