"""The accountant agrees with Google's, with closed forms, and with what must hold anyway."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from headfit.errors import InputError
from headfit.privacy.accounting import ORDERS, epsilon_spent, noise_for, renyi_divergence

SETTINGS = pytest.mark.parametrize(
    ("noise", "rate", "steps", "delta"),
    [
        (noise, rate, steps, delta)
        for noise in (0.5, 0.7, 1.0, 2.0, 5.0, 30.0)
        for rate in (0.001, 0.01, 0.1, 0.5, 1.0)
        for steps, delta in ((1, 1e-5), (100, 1e-6), (5000, 1e-3))
    ],
)


@SETTINGS
def test_epsilon_is_googles_to_one_percent(
    noise: float, rate: float, steps: int, delta: float
) -> None:
    """At whole orders, where dp-accounting sums exactly.

    At all orders ours is no higher; it may be lower, for at broken orders dp-accounting bounds a
    series from above, or gives up: `test_broken_orders_follow_another_integral` checks ours there.
    """
    dp_accounting = pytest.importorskip("dp_accounting")
    logging.getLogger("absl").setLevel(logging.ERROR)  # it warns of the orders it gives up
    step = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise))
    event = dp_accounting.SelfComposedDpEvent(step, steps)
    whole = np.array([*range(2, 64), 128, 256, 512, 1024], np.float64)
    google = dp_accounting.rdp.RdpAccountant(orders=[int(order) for order in whole])
    google.compose(event)
    actual = epsilon_spent(noise, rate, steps, delta, whole)
    assert actual == pytest.approx(google.get_epsilon(delta), rel=0.01, abs=1e-9)
    google = dp_accounting.rdp.RdpAccountant()
    google.compose(event)
    assert epsilon_spent(noise, rate, steps, delta) <= 1.01 * google.get_epsilon(delta) + 1e-9


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_broken_orders_follow_another_integral(noise: float, rate: float) -> None:
    """The definition, integrated by SciPy's adaptive quadrature."""
    orders = np.array([1.1, 1.5, 2.3, 5.7])
    for order, actual in zip(orders, renyi_divergence(noise, rate, orders), strict=True):

        def integrand(z: float, order: float = order) -> float:
            ratio = 1 - rate + rate * np.exp((2 * z - 1) / (2 * noise**2))
            return float(ratio**order * norm.pdf(z, 0, noise))

        moment, _ = quad(integrand, -15 * noise, order + 15 * noise, epsabs=0, epsrel=1e-11,
                         limit=500, points=[0, 0.5, 1, order])  # fmt: skip
        assert actual == pytest.approx(np.log(moment) / (order - 1), rel=1e-6, abs=1e-9)


def test_without_sampling_it_is_the_gaussian_mechanism() -> None:
    """``a / (2 s^2)``: Mironov, "Rényi Differential Privacy", 2017, corollary 3."""
    for noise in (0.3, 1.0, 7.0):
        np.testing.assert_allclose(ORDERS / (2 * noise**2), renyi_divergence(noise, 1.0), rtol=1e-9)


def test_whole_orders_follow_the_binomial_sum() -> None:
    """Mironov, Talwar and Zhang, equation 6, in exact integers and floats of its own."""
    from math import comb, exp, log

    noise, rate = 1.3, 0.2
    orders = np.arange(2.0, 20.0)
    expected = [
        log(
            sum(
                comb(order, k)
                * (1 - rate) ** (order - k)
                * rate**k
                * exp((k * k - k) / (2 * noise**2))
                for k in range(order + 1)
            )
        )
        / (order - 1)
        for order in range(2, 20)
    ]
    np.testing.assert_allclose(expected, renyi_divergence(noise, rate, orders), rtol=1e-9)


def test_no_sample_costs_nothing_and_noise_makes_it_cheaper() -> None:
    assert renyi_divergence(1.0, 0.0).max() == 0
    costs = [epsilon_spent(noise, 0.1, 100, 1e-5) for noise in (0.5, 1, 2, 4, 8)]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 8.0])
@pytest.mark.parametrize(("rate", "steps"), [(1.0, 1), (0.1, 200)])
def test_the_noise_is_just_enough(epsilon: float, rate: float, steps: int) -> None:
    noise = noise_for(epsilon, 1e-5, rate, steps)
    assert epsilon_spent(noise, rate, steps, 1e-5) <= epsilon
    assert epsilon_spent(noise * 0.998, rate, steps, 1e-5) > epsilon


@pytest.mark.parametrize(
    ("epsilon", "delta", "rate", "steps"),
    [(0, 1e-5, 1, 1), (-1, 1e-5, 1, 1), (np.nan, 1e-5, 1, 1), (101, 1e-5, 1, 1), (1, 0, 1, 1),
     (1, 0.5, 1, 1), (1, 1e-5, 0, 1), (1, 1e-5, 1.1, 1), (1, 1e-5, 1, 0), (1e-9, 1e-5, 1, 1)],
)  # fmt: skip
def test_what_is_no_promise_is_refused(
    epsilon: float, delta: float, rate: float, steps: int
) -> None:
    with pytest.raises(InputError):
        noise_for(epsilon, delta, rate, steps)
