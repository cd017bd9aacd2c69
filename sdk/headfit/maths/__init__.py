"""Mathematics on arrays that knows nothing of photos, heads or files."""

from headfit.maths.metrics import top_k_accuracy

__all__ = ["top_k_accuracy"]
