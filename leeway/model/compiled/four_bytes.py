"""Links in 4 bytes, as XGBoost computes them."""

import ctypes
import ctypes.util
from collections.abc import Callable, Sequence

import numpy as np

LARGEST = np.float32(88.7)  # the exponent that it bounds
TINY = np.float32(1e-16)
ONE = np.float32(1)


def _exponential() -> Callable[[np.float32], np.float32]:
    """The C library's own: NumPy's may differ in the last bit."""
    library = ctypes.util.find_library("m")
    if library is None:
        return np.exp
    exp = ctypes.CDLL(library).expf
    exp.argtypes, exp.restype = [ctypes.c_float], ctypes.c_float
    return lambda x: np.float32(exp(x))


exponential = _exponential()


def expit(x: float) -> float:
    """Return the probability of log odds."""
    return float(ONE / (exponential(min(-np.float32(x), LARGEST)) + ONE + TINY))


def softmax(sums: Sequence[float]) -> list[float]:
    """Return the probabilities of classes."""
    numbers = [np.float32(own) for own in sums]
    most = max(numbers)
    powers = [exponential(own - most) for own in numbers]
    total = 0.0
    for own in powers:
        total += float(own)
    return [float(own / np.float32(total)) for own in powers]
