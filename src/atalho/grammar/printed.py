"""Whether a printed number agrees with a computed one, to the precision in which it is printed."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal


def precision(printed: float) -> Decimal:
    """The step of a printed number's last digit: 0.1 for 15.3, 1 for 463."""
    exponent = Decimal(repr(printed)).as_tuple().exponent
    assert isinstance(exponent, int), "a printed number is finite"
    return Decimal(1).scaleb(exponent)


def agrees(printed: float, value: float, *, truncation: bool = True) -> bool:
    """Whether `value`, rounded (half up or half to even) or truncated at the printed precision, is `printed`."""
    rules = [ROUND_HALF_UP, ROUND_HALF_EVEN] + [ROUND_DOWN] * truncation
    exact, step = Decimal(repr(value)), precision(printed)
    return any(exact.quantize(step, rule) == Decimal(repr(printed)) for rule in rules)
