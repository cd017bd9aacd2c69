"""Named settings for training a network."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True)
class Stage:
    """A run of epochs at one picture size (pixels).

    `unscaled` is the share of pictures that are shifted and mirrored instead of cropped and
    scaled. A crop of a picture that is stored no larger than `size` is always blurred; a network
    that saw nothing else takes a sharp photo for something new.
    """

    epochs: int
    size: int
    unscaled: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    stages : tuple of Stage
        Progressive resolution: small pictures first, where an epoch is cheap.
    final_size : int
        Height and width in pixels of the validation pictures and of the device's input.
    batch_size : int
    optimiser : {"adam", "bop", "sgd"}
        Adam on latent weights; Bop for the binary weights, which then have no latent value, and
        Adam for the others; or SGD with Nesterov momentum, for float twins.
    learning_rate : float
        Peak of Adam's or SGD's rate, reached after `warmup_epochs` and lowered to zero along a
        cosine.
    warmup_epochs : float
    min_crop : float
        Smallest share of a picture's area in a training crop.
    label_smoothing : float
        Share of a target that goes to all classes alike.
    teacher_weight : float
        Share of a target that the teacher has in it, of 1; 0 trains on labels alone.
    temperature : float
        What the teacher's logits are divided by.
    averaging : float
        Decay per step of a running average of the weights, which is validated and kept instead of
        the last weights; 0 for none.
    bfloat16 : bool
        Multiply in bfloat16 where the processor can; signs are exact in it. Weights, sums and
        batch norms stay float32.
    seed : int
    """

    stages: tuple[Stage, ...]
    final_size: int
    batch_size: int = 100
    optimiser: str = "adam"
    learning_rate: float = 2e-3
    warmup_epochs: float = 0.5
    min_crop: float = 0.4
    label_smoothing: float = 0.0
    teacher_weight: float = 0.0
    temperature: float = 1.0
    averaging: float = 0.0
    bfloat16: bool = False
    seed: int = 1

    @property
    def epochs(self) -> int:
        """Epochs in all."""
        return sum(stage.epochs for stage in self.stages)

    def stage_of(self, epoch: int) -> Stage:
        """Return the stage that epoch `epoch`, counted from 0, belongs to."""
        for stage in self.stages:
            if epoch < stage.epochs:
                return stage
            epoch -= stage.epochs
        raise ValueError(f"epoch {epoch} lies beyond the recipe")

    def as_dict(self) -> dict[str, object]:
        """As plain values for JSON."""
        return asdict(self)


RECIPES = {
    "tiny-imagenet-short": Recipe(stages=(Stage(7, 32), Stage(9, 48), Stage(2, 64)), final_size=64),
    "tiny-imagenet-sharpen": Recipe(
        stages=(Stage(3, 64, unscaled=0.5),),
        final_size=64,
        learning_rate=1e-3,
        warmup_epochs=0.1,
        seed=2,
    ),
    "tiny-imagenet-go-on": Recipe(
        stages=(Stage(1, 64, unscaled=0.5),),
        final_size=64,
        learning_rate=5e-4,
        warmup_epochs=0.05,
        seed=3,
    ),
    "tiny-imagenet-distil": Recipe(
        stages=(Stage(8, 32), Stage(10, 48), Stage(6, 64, unscaled=0.5)),
        final_size=64,
        teacher_weight=0.5,
    ),
    "smoke": Recipe(
        stages=(Stage(1, 32), Stage(1, 64, unscaled=0.5)), final_size=64, batch_size=8, seed=7
    ),
}
for _name, _peak in (("tiny-imagenet-short", 0.1), ("tiny-imagenet-sharpen", 0.05)):
    RECIPES[f"{_name}-float"] = replace(RECIPES[_name], optimiser="sgd", learning_rate=_peak)
"""``tiny-imagenet-short`` takes about an hour on two quiet cores; ``tiny-imagenet-sharpen`` goes on
from it and takes another quarter; the two ending in ``-float`` train the float twin on the same
pictures; ``smoke`` serves the tests."""
