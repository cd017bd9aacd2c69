"""What this machine is, as far as engines depend on it."""

from __future__ import annotations

import os
import sys
from typing import Final

ON_ANDROID: Final = hasattr(sys, "getandroidapilevel") or "ANDROID_ARGUMENT" in os.environ
"""In an app: the second is what python-for-android sets."""
