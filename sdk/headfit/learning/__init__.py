"""How a head is learned: one fitted head as a value, and the methods that make one."""

from headfit.learning.background import Background
from headfit.learning.calibration import Calibration
from headfit.learning.evaluation import Evaluation, evaluate_head
from headfit.learning.feedback import Doubt, Feedback
from headfit.learning.fitted_head import FittedHead, PrivacyGuarantee
from headfit.learning.fitting import METHODS, fit_head
from headfit.learning.origin import ExtractorReference, Preprocessing
from headfit.learning.prediction import Prediction
from headfit.learning.problem import Fit, Problem
from headfit.learning.settings import Settings

__all__ = [
    "METHODS",
    "Background",
    "Calibration",
    "Doubt",
    "Evaluation",
    "ExtractorReference",
    "Feedback",
    "Fit",
    "FittedHead",
    "Prediction",
    "Preprocessing",
    "PrivacyGuarantee",
    "Problem",
    "Settings",
    "evaluate_head",
    "fit_head",
]
