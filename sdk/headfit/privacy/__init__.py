"""What keeps a head from telling of its photos: noise, its account, signatures, checks."""

from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView

__all__ = [
    "Privacy",
    "PublicView",
]
