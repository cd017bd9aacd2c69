"""Retraining an extractor's last binary blocks together with a head, on the device."""

from headfit.finetune.loss import TuningSettings
from headfit.finetune.tuner import DEFAULT_VIEWS, FineTuned, FineTuner

__all__ = ["DEFAULT_VIEWS", "FineTuned", "FineTuner", "TuningSettings"]
