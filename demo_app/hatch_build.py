"""Binds the app to headfit of its own version; the libraries it needs are headfit's extra `app`."""

from __future__ import annotations

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class SameVersion(MetadataHookInterface):
    """What hatchling asks for the dependencies."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write them."""
        metadata["dependencies"] = [f"headfit[app]=={metadata['version']}"]
