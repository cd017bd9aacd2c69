"""What operations and memory cost: published figures per operation, and what is assumed of bits.

Figures are for 45 nm at 0.9 V: Horowitz, "Computing's Energy Problem (and what we can do about
it)", ISSCC 2014, figure 1.1.9. They say how things compare, not what a given chip draws.
"""

from __future__ import annotations

from typing import Final

FLOAT_MULTIPLY_ADD_PJ: Final = 3.7 + 0.9
"""Of float32."""

INT8_MULTIPLY_ADD_PJ: Final = 0.2 + 0.1
"""8 bits times 8 bits, added in 32 bits."""

BINARY_MULTIPLY_ADD_PJ: Final = 2 * 0.03 / 8
"""An assumption, for the table has no such row: to count the bits of a word takes about one full
adder a bit, and an adder of 8 bits (0.03 pJ) is 8 of those; the XNOR is taken to cost as much
again. It leaves out control and registers."""

BINARY_MULTIPLY_ADD_HIGH_PJ: Final = 2 * 0.0216
"""What a whole accelerator reached at 22 nm and 0.4 V, memories and control included; two
operations, a product and a sum. Conti, Schiavone and Benini, "XNOR Neural Engine: A Hardware
Accelerator IP for 21.6-fJ/op Binary Neural Network Inference", IEEE TCAD 37, 2018."""

NEAR_MEMORY_PJ: Final = 20 / 8
"""A byte of a memory of 32 KB on the chip: activations."""

CHIP_MEMORY_PJ: Final = 100 / 8
"""A byte of a memory of 1 MB on the chip: the weights of the fixed part."""

DRAM_PJ: Final = 1300 / 8
"""A byte of DRAM, the lower of the table's two figures: what is loaded for one app."""
