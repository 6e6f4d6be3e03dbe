"""Lines through networks against numpy's, and what is said of them."""

import numpy as np
import pytest

from atalho.page.words import fits

RISING = [(1.0, 2.1), (2.0, 3.9), (3.0, 6.2), (5.0, 9.7), (8.0, 16.4)]


def plain(sentence: str) -> str:
    return sentence.replace("\u00a0", " ")


def left_out(x: np.ndarray, y: np.ndarray) -> float:
    """R² of points that a line was not fitted to."""
    kept = [np.arange(len(x)) != place for place in range(len(x))]
    lines = [np.polyfit(x[each], y[each], 1) for each in kept]
    by_line = sum((b - np.polyval(line, a)) ** 2 for line, a, b in zip(lines, x, y, strict=True))
    by_mean = sum((b - y[each].mean()) ** 2 for each, b in zip(kept, y, strict=True))
    return float(1 - by_line / by_mean)


@pytest.mark.parametrize("seed", range(5))
def test_a_line_is_numpys(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x = generator.uniform(1, 100, 9)
    y = generator.normal(3, 2) * x + generator.normal(0, 40, 9)
    fit = fits.line(list(zip(x.tolist(), y.tolist(), strict=True)))
    assert fit is not None
    slope, intercept = np.polyfit(x, y, 1)
    r2 = left_out(x, y)
    assert (fit.slope, fit.intercept, fit.r2) == pytest.approx((slope, intercept, r2))
    assert (fit.n, fit.at(7.0)) == (9, pytest.approx(slope * 7 + intercept))


def test_too_few_points_say_nothing() -> None:
    for said in (fits.time, fits.memory, fits.power, fits.bound):
        assert said(RISING[:3]) == ""
        assert said([(1.0, y) for _, y in RISING]) == ""
        assert said(RISING) != ""


def test_operations_predict_time_where_they_do() -> None:
    macs = (0.7e9, 1.5e9, 4e9, 15e9)
    seconds = [(m, 8e-12 * m + 0.002) for m in macs]
    assert plain(fits.time(seconds)) == (
        "That operations predict time holds on this machine: 8.00 ms a billion multiply-accumulates "
        "(R² 1.00 of networks left out, n = 4)."
    )
    assert "does not hold on this machine" in fits.time(
        [(m, 0.01 + 8e-12 * (m % 2e9)) for m in macs]
    )
    assert "does not hold on this machine" in fits.time([(m, 1 - s) for m, s in seconds])


def test_memory_is_in_bytes_a_byte_of_parameters() -> None:
    params = (7e6, 25e6, 60e6, 138e6)
    found = plain(fits.memory([(p, 200e6 + 1.3 * 4 * p) for p in params]))
    assert "holds on this machine: 1.30 bytes for each byte of parameters" in found
    assert "on top of 200 MB (R² 1.00 of networks left out, n = 4)" in found
    assert "on top of −20.0 MB" in plain(fits.memory([(p, 4 * p - 20e6) for p in params]))


def test_power_is_independent_where_it_hardly_varies() -> None:
    macs = (0.7e9, 1.5e9, 4e9, 15e9)
    watts = (11.0, 12.0, 12.5, 11.5)
    found = plain(fits.power(list(zip(macs, watts, strict=True))))
    spread = 100 * np.std(watts) / np.mean(watts)
    r2 = left_out(np.array(macs), np.array(watts))
    assert f"holds on this machine: its standard deviation is {spread:.1f} % of its mean" in found
    assert f"R² {r2:.2f} of networks left out, n = 4" in found
    assert "no variation, n = 4" in plain(fits.power([(m, 11.0) for m in macs]))
    assert "does not hold" in fits.power([(m, m / 1e8) for m in macs])
    assert fits.power([(m, -1.0) for m in macs]) == ""  # below the machine at rest is no power


def test_a_front_decides_nothing_about_a_hyperbola() -> None:
    """Its corners lie near some line whatever the networks are, since it falls by its definition."""
    front = [(10.0, 0.78), (40.0, 0.75), (80.0, 0.71), (130.0, 0.66)]
    said = plain(fits.bound(front))
    assert said.startswith(
        "Along the front of 4 networks, accuracy falls by 0.100 points for each image per second"
    )
    assert "holds" not in said and "decides nothing" in said


def test_few_random_clouds_pass_for_lines() -> None:
    """Of six networks whose latencies have nothing to do with their operations, R² ≥ 0.9 passes more than these."""
    draw = np.random.default_rng(0)
    passed = plainly = 0
    for _ in range(1000):
        x, y = (np.exp(3 * draw.standard_normal(6)) for _ in range(2))
        fit = fits.line([*zip(x.tolist(), y.tolist(), strict=True)])
        assert fit
        passed += fit.r2 >= 0.9
        plainly += np.corrcoef(x, y)[0, 1] ** 2 >= 0.9
    assert passed <= 20 < plainly
