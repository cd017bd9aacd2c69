"""What keeps a head from telling of its photos: noise, its account, signatures, checks."""

from headfit.privacy.leakage import Leakage, measure_leakage
from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView
from headfit.privacy.sharing import released
from headfit.privacy.signing import new_key, public_key, sign_head_bytes, verify_head_bytes

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
]
