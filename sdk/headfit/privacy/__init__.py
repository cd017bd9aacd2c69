"""What keeps a head from telling of its photos: noise, its account, signatures, checks."""

from typing import TYPE_CHECKING, Any

from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView
from headfit.privacy.sharing import released
from headfit.privacy.signing import (
    new_key,
    public_key,
    sign_head_bytes,
    verify_head_bytes,
    verify_multi_label_bytes,
)

if TYPE_CHECKING:
    from headfit.privacy.leakage import Leakage, measure_leakage

__all__ = [
    "Leakage",
    "Privacy",
    "PublicView",
    "measure_leakage",
    "new_key",
    "public_key",
    "released",
    "sign_head_bytes",
    "verify_head_bytes",
    "verify_multi_label_bytes",
]


def __getattr__(name: str) -> Any:
    """Load what judges heads when it is asked for: nobody who teaches or predicts needs it."""
    if name in ("Leakage", "measure_leakage"):
        from headfit.privacy import leakage

        return getattr(leakage, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
