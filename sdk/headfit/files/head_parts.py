"""What a head file may say beside its weights: calibration, privacy and a signature.

``docs/head-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from headfit.files.fields import Fields
from headfit.learning.calibration import MAX_SET_SCORES, SCORES, Calibration
from headfit.learning.fitted_head import PrivacyGuarantee

MAX_COUNT: Final = 2**53
MAX_EPSILON: Final = 1e9
MAX_LEAD: Final = 1e30
MAX_ASSUMPTIONS_LENGTH: Final = 4096


@dataclass(frozen=True, slots=True)
class Signature:
    """Who vouches for a head file; `signed_message` of either kind's file is what was signed.

    Attributes
    ----------
    public_key : str
        64 lower-case hex digits.
    signature : str
        128 lower-case hex digits.
    algorithm : str
        ``"ed25519"``, the only one.
    """

    public_key: str
    signature: str
    algorithm: str = "ed25519"


@dataclass(frozen=True, slots=True)
class LikenessBlock:
    """What `headfit.learning.likeness.Likeness` holds beside the prototypes.

    Attributes
    ----------
    background : str
        64 lower-case hex digits.
    lead_weight, usual_lead : float
    """

    background: str
    lead_weight: float
    usual_lead: float


Block: TypeAlias = Calibration | PrivacyGuarantee | Signature | LikenessBlock


def block_as_json(block: Block) -> dict[str, Any]:
    """Return what JSON writes of a block; equal blocks give equal values.

    Raises
    ------
    TypeError, ValueError
        If a value is of another type than the block's fields say.
    """
    value = dataclasses.asdict(block)
    for key in {
        "threshold",
        "known_share",
        "epsilon",
        "delta",
        "lead_weight",
        "usual_lead",
    }.intersection(value):
        value[key] = _one_form(value[key])
    if isinstance(block, Calibration):
        value["set_scores"] = [_one_form(score) for score in block.set_scores]
    return value


def _one_form(number: float | None) -> float | None:
    """Return 1.0 for 1 and 0.0 for -0.0: they are equal and must be written alike."""
    return None if number is None else float(number) + 0.0


def calibration_from_json(value: object, source: str) -> Calibration:
    """Check and return a calibration block; `headfit.errors.FileFormatError` if it is wrong."""
    fields = Fields(value, source)
    score = fields.text("score", pattern="|".join(SCORES), meaning=f"one of {', '.join(SCORES)}")
    threshold = fields.number_or_none("threshold")
    known_share = fields.number("known_share", 0, 1)
    n_held_out = fields.whole("n_held_out", 0, MAX_COUNT)
    set_scores = fields.numbers("set_scores", MAX_SET_SCORES, 0, 1, or_fewer=True)
    fields.done()
    if list(set_scores) != sorted(set_scores):
        raise fields.fault("ascending numbers", set_scores, "set_scores")
    if len(set_scores) > n_held_out:
        raise fields.fault(f"at most n_held_out, {n_held_out}", len(set_scores), "set_scores")
    return Calibration(score, threshold, known_share, n_held_out, set_scores)


def likeness_from_json(value: object, source: str) -> LikenessBlock:
    """Check and return a likeness block; `headfit.errors.FileFormatError` if it is wrong."""
    fields = Fields(value, source)
    likeness = LikenessBlock(
        background=fields.sha256("background"),
        lead_weight=fields.number("lead_weight", 0, MAX_LEAD),
        usual_lead=fields.number("usual_lead", -MAX_LEAD, MAX_LEAD),
    )
    fields.done()
    return likeness


def privacy_from_json(value: object, source: str) -> PrivacyGuarantee:
    """Check and return a privacy block; `headfit.errors.FileFormatError` if it is wrong."""
    fields = Fields(value, source)
    guarantee = PrivacyGuarantee(
        mechanism=fields.text("mechanism", pattern=".{1,255}", meaning="1 to 255 characters"),
        epsilon=fields.number("epsilon", 0, MAX_EPSILON),
        delta=fields.number("delta", 0, 1),
        assumptions=fields.text(
            "assumptions",
            pattern=f".{{1,{MAX_ASSUMPTIONS_LENGTH}}}",
            meaning=f"1 to {MAX_ASSUMPTIONS_LENGTH} characters",
        ),
    )
    fields.done()
    return guarantee


def signature_from_json(value: object, source: str) -> Signature:
    """Check the form of a signature block, not the signature, and return it."""
    fields = Fields(value, source)
    signature = Signature(
        public_key=fields.text("public_key", pattern="[0-9a-f]{64}", meaning="64 hex digits"),
        signature=fields.text("signature", pattern="[0-9a-f]{128}", meaning="128 hex digits"),
        algorithm=fields.text("algorithm", pattern="ed25519", meaning="'ed25519'"),
    )
    fields.done()
    return signature
