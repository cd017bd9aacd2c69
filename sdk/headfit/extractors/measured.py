"""How good heads on known extractors are, by one protocol: 15 kinds of scenes."""

from __future__ import annotations

import contextlib
from typing import Final

from headfit.errors import HeadfitError
from headfit.extractors.finding import list_extractors
from headfit.files.manifest import Manifest, load_manifest

SCENES_TOP1: Final = {
    "5bf21c7a4035c53d4005b741f6e66ca4cca3e59387e122e10084798d45aa8b77": 0.854,
    "57ca10262445caed55c20c8b7ca7b10863456872e29d8b4327284c9b63e57025": 0.838,
    "1504be6f3377a124cee7aee572efa233fae4ae4581913e4b9e733ac74e06eaa8": 0.713,
    "a0efe8d1bbfce740e81c0ef172f6a12d80b6dda7647aa3cafa95c34220525120": 0.824,
    "d1cef93ccab07bd777542f77d37eaeafbeb710baeecf92413deb7113f55275b7": 0.597,
}
"""By fingerprint: row (b) of the scenes in docs/paper.md, top-1 of a float head on 2,985 photos.

Only what was measured so can be compared; nothing is guessed of other extractors.
"""


def more_accurate(than: Manifest) -> Manifest | None:
    """Return the extractor on this device that was the most accurate, if more than `than` was."""
    best, found = SCENES_TOP1.get(than.fingerprint, 1.0), None
    for path in list_extractors():
        with contextlib.suppress(HeadfitError, OSError):
            manifest = load_manifest(path.with_suffix(".json"))
            if (top1 := SCENES_TOP1.get(manifest.fingerprint, 0.0)) > best:
                best, found = top1, manifest
    return found
