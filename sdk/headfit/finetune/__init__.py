"""Retraining an extractor's last binary blocks together with a head, on the device."""

from headfit.finetune.loss import TuningSettings
from headfit.finetune.tuner import FineTuned, FineTuner

__all__ = ["FineTuned", "FineTuner", "TuningSettings"]
