"""Many devices teach one head by sums; no photo and no embedding leaves any of them."""

from headfit.pooling.contributing import check_source, chosen, contributed, contributed_plain
from headfit.pooling.curator import Curator
from headfit.pooling.half import Half, half_bytes, read_half_bytes
from headfit.pooling.opening import opened, opened_plain
from headfit.pooling.part import Part, part_bytes, read_part
from headfit.pooling.plain import Plain, plain_bytes, read_plain_bytes
from headfit.pooling.projection import Projection
from headfit.pooling.roll import Roll, agreed_ids, read_roll_bytes, roll_bytes
from headfit.pooling.round import Round
from headfit.pooling.round_file import RoundFile, read_round, read_round_bytes, round_bytes
from headfit.pooling.side import Side

__all__ = [
    "Curator",
    "Half",
    "Part",
    "Plain",
    "Projection",
    "Roll",
    "Round",
    "RoundFile",
    "Side",
    "agreed_ids",
    "check_source",
    "chosen",
    "contributed",
    "contributed_plain",
    "half_bytes",
    "opened",
    "opened_plain",
    "part_bytes",
    "plain_bytes",
    "read_half_bytes",
    "read_part",
    "read_plain_bytes",
    "read_roll_bytes",
    "read_round",
    "read_round_bytes",
    "roll_bytes",
    "round_bytes",
]
