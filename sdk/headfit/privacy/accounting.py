"""What privacy noise buys: a Rényi accountant for the Gaussian mechanism on random samples.

Neighbouring data sets differ by one example, added or removed. A step takes each example with
probability ``sampling_rate``, independently (Poisson sampling), sums what each contributes, at most
1 in Euclidean norm, and adds Gaussian noise of standard deviation ``noise_multiplier``.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError

ORDERS = np.array(
    [1 + tenth / 10 for tenth in range(1, 100)] + list(range(11, 64)) + [128, 256, 512, 1024],
    np.float64,
)
"""Rényi orders at which the cost is computed; the best of them counts."""

_REACH = 12.0  # standard deviations; the mass beyond is below 1e-32


def renyi_divergence(
    noise_multiplier: float, sampling_rate: float, orders: npt.NDArray[np.float64] = ORDERS
) -> npt.NDArray[np.float64]:
    """Return the Rényi divergence of one step at each order, in nats.

    With ``s`` the noise multiplier, ``q`` the sampling rate and ``z ~ N(0, s^2)`` it is
    ``log(E[(1 - q + q exp((2 z - 1) / (2 s^2)))^a]) / (a - 1)`` (Mironov, Talwar and Zhang, "Rényi
    Differential Privacy of the Sampled Gaussian Mechanism", 2019, sections 3.1 to 3.3). The
    expectation is integrated by the trapezoidal rule, which is exact to rounding here: the
    integrand is analytic in a strip of half width ``pi s^2`` and falls off as a Gaussian.
    """
    variance = noise_multiplier**2
    if sampling_rate == 0:
        return np.zeros(len(orders))
    step = min(noise_multiplier / 4, variance / 2)
    divergences = np.empty(len(orders))
    for index, order in enumerate(orders):
        # The integrand is a mixture of Gaussians between 0 and `order`.
        start, end = -_REACH * noise_multiplier, order + _REACH * noise_multiplier
        z = np.arange(start, end, step)
        with np.errstate(divide="ignore"):  # log(0) where everything is sampled
            ratio = np.logaddexp(
                np.log1p(-sampling_rate), math.log(sampling_rate) + (2 * z - 1) / (2 * variance)
            )
        exponents = order * ratio - z**2 / (2 * variance)
        peak = exponents.max()
        log_moment = peak + math.log(np.exp(exponents - peak).sum() * step)
        log_moment -= math.log(noise_multiplier * math.sqrt(2 * math.pi))
        divergences[index] = max(0.0, log_moment) / (order - 1)
    return divergences


def epsilon_spent(
    noise_multiplier: float,
    sampling_rate: float,
    steps: int,
    delta: float,
    orders: npt.NDArray[np.float64] = ORDERS,
) -> float:
    """Return the epsilon of ``steps`` steps: they are (epsilon, delta)-differentially private.

    Rényi divergences of steps add up; they are converted by Canonne, Kamath and Steinke, "The
    Discrete Gaussian for Differential Privacy", 2020, proposition 12.
    """
    total = steps * renyi_divergence(noise_multiplier, sampling_rate, orders)
    epsilons = total + np.log1p(-1 / orders) - (math.log(delta) + np.log(orders)) / (orders - 1)
    return max(0.0, float(epsilons.min()))


@functools.cache  # an audit fits many heads of one privacy
def noise_for(epsilon: float, delta: float, sampling_rate: float = 1.0, steps: int = 1) -> float:
    """Return the least noise multiplier, to 0.1 %, that spends at most ``epsilon``.

    Raises
    ------
    InputError
        If a parameter is outside its range, or epsilon so small that no sensible noise will do.
    """
    check_privacy(epsilon, delta)
    if not (0 < sampling_rate <= 1 and steps >= 1):
        raise InputError(
            f"expected a sampling rate above 0 and at most 1 and at least one step, found "
            f"{sampling_rate} and {steps}"
        )
    low, high = 0.05, 1e6
    if epsilon_spent(high, sampling_rate, steps, delta) > epsilon:
        raise InputError(f"expected an epsilon that noise can reach, found {epsilon}; raise it")
    while high > low * 1.001:
        middle = math.sqrt(low * high)
        if epsilon_spent(middle, sampling_rate, steps, delta) > epsilon:
            low = middle
        else:
            high = middle
    return high


def check_privacy(epsilon: float, delta: float) -> None:
    """Refuse what is no promise of privacy."""
    if not 0 < epsilon <= 100:
        raise InputError(f"expected an epsilon above 0 and at most 100, found {epsilon}")
    if not 0 < delta <= 1e-2:
        raise InputError(
            f"expected a delta above 0 and at most 0.01, found {delta}; choose one well below one "
            "over the number of examples"
        )
