"""Mathematics on arrays that knows nothing of photos, heads or files."""

from headfit.maths.arrays import FloatArray, TargetArray
from headfit.maths.metrics import top_k_accuracy
from headfit.maths.softmax import loss_and_gradient

__all__ = ["FloatArray", "TargetArray", "loss_and_gradient", "top_k_accuracy"]
