"""Whether a desktop's windows are dark, as its own programs say."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

PATIENCE_S: Final = 3.0

# What is asked, and what the answer holds where windows are dark. Linux: the desktop portal's
# setting "color-scheme" (https://flatpak.github.io/xdg-desktop-portal/), 1 for dark.
_ASKED: Final = {
    "linux": (
        "gdbus call --session --timeout 2 --dest org.freedesktop.portal.Desktop"
        " --object-path /org/freedesktop/portal/desktop"
        " --method org.freedesktop.portal.Settings.Read org.freedesktop.appearance color-scheme",
        "uint32 1",
    ),
    "darwin": ("defaults read -g AppleInterfaceStyle", "Dark"),
    "win32": (
        r"reg query HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        " /v AppsUseLightTheme",
        "0x0",
    ),
}


def system_look(system: str = sys.platform) -> str | None:
    """Return "dark" or "light", or None where nobody answers in time.

    Parameters
    ----------
    system : str, default `sys.platform`
    """
    question, dark = _ASKED.get(system, ("", ""))
    if not question:
        return None
    try:
        answer = subprocess.run(
            question.split(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    if answer.returncode:
        return "light" if system == "darwin" else None  # there the setting is only there if dark
    return "dark" if dark in answer.stdout else "light"
