import math

import numpy as np
import pytest

from pyrite.errors import InputError, UnknownName
from pyrite.stats.fits import FORMS, fit_all, fit_form


@pytest.mark.parametrize("form", sorted(FORMS))
def test_recovers_its_own_coefficients_and_peak(form):
    d = np.linspace(0.3, 3.0, 30)
    rise, fall = FORMS[form](d)
    found = fit_form(form, d, 1.2 * rise - 0.4 * fall)
    assert (found.alpha, found.beta) == pytest.approx((1.2, 0.4))
    assert found.rmse < 1e-12
    assert found.predict([found.peak_d])[0] == pytest.approx(found.peak_value)
    near = found.predict([found.peak_d * 0.99, found.peak_d * 1.01])
    assert (near < found.peak_value).all()


def test_peaks_by_formula():
    d = np.linspace(0.3, 3.0, 10)
    best = fit_form("bestofn", d, d * (1.0 - 0.25 * d))
    assert (best.peak_d, best.peak_value) == pytest.approx((2.0, 1.0))
    rl = fit_form("rl", d, d * (1.0 - 0.5 * np.log(d)))
    assert (rl.peak_d, rl.peak_value) == pytest.approx((math.e, 0.5 * math.e))


def test_a_curve_that_only_rises_has_no_peak():
    d = np.linspace(0.1, 2.0, 10)
    assert fit_form("bestofn", d, d + 0.1 * d**2).peak_d is None


def test_rl_leaves_out_small_distances():
    d = np.array([0.1, 0.5, 1.0])
    assert fit_form("rl", d, d).num_points == 2
    with pytest.raises(InputError, match=r"1 points with d above 0\.3"):
        fit_form("rl", d[:2], d[:2])
    with pytest.raises(UnknownName, match="Close: 'bestofn'"):
        fit_form("bestof", d, d)


def test_fit_all_measures_from_the_first_point():
    kl = np.linspace(0.0, 4.0, 20)
    d = np.sqrt(kl)
    fits = fit_all(kl, 7.0 + d * (1.0 - 0.3 * d))
    assert fits["bestofn"].alpha == pytest.approx(1.0)
    assert fits["bestofn"].rmse < fits["null"].rmse
    with pytest.raises(InputError, match="expected 0"):
        fit_all([0.5, 1.0], [0.0, 1.0])
