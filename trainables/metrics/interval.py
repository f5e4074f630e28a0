"""What a standard error says: a 95 % interval, by Student's t where there are few clusters.

This file needs the standard library only until a quantile is asked for, which takes scipy. It is the
one place where a standard error becomes the ± of a table, a page or a picture.

*Degrees of freedom* go with every standard error, by one rule:

    above 0         those of the error; infinite for many, as of the normal distribution
    0, UNKNOWN_DF   the error is not known: there is none beside it, and `± ?` is shown

What has no error, as an exact number, has infinite ones, too. Where they are written down (MLflow,
JSON, `items.parquet`, tables with NaN in the place of what is missing) infinite ones are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from trainables.metrics.bounds import ANY, Bounds
from trainables.metrics.metric import Metric

LEVEL = 0.95
UNKNOWN_DF = 0.0
# Below this the error is not known: there are two clusters, or one that outweighs the others, and half
# an interval would be ten standard errors or more.
MIN_DF = 1.1
# Below this the error of a share of decisions is not known: the two or three clusters that happen to
# agree would have too small an error, and nothing in them says whether they do.
MIN_DF_OF_DECISIONS = 2.5
# So few degrees of freedom come from clusters that may be alike by chance.
FEW_DF = 10.0
MEANING = "± is half the 95 % interval (? = too few items or clusters to tell)"


def quantile(df: float, level: float = LEVEL) -> float:
    """Return how many standard errors half a two-sided interval has, by Student's t.

    Args:
        df: degrees of freedom of the standard error, above 0; infinite for the normal distribution.
        level: the share of intervals that are to hold the true value.

    >>> round(quantile(2), 3), round(quantile(9), 3), round(quantile(math.inf), 3)
    (4.303, 2.262, 1.96)

    Raises:
        ValueError: the degrees of freedom are 0 or less, or the level is not between 0 and 1.
    """
    from scipy.special import ndtri, stdtrit

    if not 0 < level < 1:
        raise ValueError(f"the level of an interval must be between 0 and 1, but got {level}.")
    if not df > 0:
        raise ValueError(f"an interval takes more than 0 degrees of freedom, but got {df}.")
    share_below = (1 + level) / 2
    if math.isinf(df):
        return float(ndtri(share_below))
    return float(stdtrit(df, share_below))


def half_width(se: float | None, df: float, level: float = LEVEL) -> float | None:
    """Return half of the interval value ± quantile · se, in the unit of se; None if se is None.

    Args:
        se: a standard error.
        df: its degrees of freedom.
        level: the share of such intervals that hold the true value.

    Raises:
        ValueError: as `quantile`.
    """
    return None if se is None else quantile(df, level) * se


def interval(
    value: float, se: float | None, df: float, bounds: Bounds = ANY
) -> tuple[float, float] | None:
    """Return the 95 % interval of a value, (low, high), in its unit; None if se is None.

    It ends where the possible values do. The value itself is always in it.

    bounds: the lowest and the highest possible value, None where there is none.

    >>> low, high = interval(10.0, 1.0, 2.0)
    >>> round(low, 2), round(high, 2)
    (5.7, 14.3)
    >>> interval(0.75, 0.5, math.inf, (0.0, 1.0))
    (0.0, 1.0)
    """
    half = half_width(se, df)
    if half is None:
        return None
    lowest, highest = bounds
    low = value - half if lowest is None else min(value, max(lowest, value - half))
    high = value + half if highest is None else max(value, min(highest, value + half))
    return low, high


def reaches_an_end(value: float, se: float | None, df: float, bounds: Bounds) -> bool:
    """Return whether the 95 % interval of a value would go to an end of the possible values or beyond.

    False if se is None. The arguments are those of `interval`.

    >>> reaches_an_end(3.0, 2.0, math.inf, (0.0, 50.0)), reaches_an_end(4.0, 2.0, math.inf, (0.0, 50.0))
    (True, False)
    """
    ends = interval(value, se, df)
    lowest, highest = bounds
    return ends is not None and (
        (lowest is not None and ends[0] <= lowest) or (highest is not None and ends[1] >= highest)
    )


def intervals(
    values: Mapping[str, float],
    errors: Mapping[str, float],
    df: Mapping[str, float],
    declared: Mapping[str, Metric],
) -> dict[str, list[float]]:
    """Return [low, high], the 95 % interval in the unit of the value, by the name of each known error.

    Args:
        values: by name; those that are not finite get no interval.
        errors: standard errors by name.
        df: degrees of freedom of the errors by name, without infinite ones.
        declared: the metrics by name, whose bounds are those of the intervals.
    """
    found = {
        name: interval(values[name], se, df.get(name, math.inf), declared[name].bounds)
        for name, se in errors.items()
        if math.isfinite(values[name])
    }
    return {name: list(ends) for name, ends in found.items() if ends is not None}


def plus_minus(se: float | None, df: float, form: str, space: str = " ") -> str:
    """Return `± HALF`, half the 95 % interval; `± ?` if it is not known; empty for an exact number.

    Args:
        se: the standard error; None if it is not known, or if there is none.
        df: its degrees of freedom.
        form: the format of HALF, such as `.2g`.
        space: what stands after ±.

    >>> plus_minus(1.0, 9.0, ".1f"), plus_minus(None, 0.0, ".1f"), plus_minus(None, math.inf, ".1f")
    ('± 2.3', '± ?', '')
    """
    half = half_width(se, df)
    if half is not None and math.isfinite(half):
        return f"±{space}{as_number(half, form)}"
    return "" if half is None and df != UNKNOWN_DF else f"±{space}?"


def num_decimals(values: Sequence[float]) -> int:
    """Return how many decimals show three digits of the largest value, for a column of numbers.

    With the same decimals in every row, the decimal points stand below each other. Values that are not
    finite do not count.

    >>> num_decimals([0.05, 1.25]), num_decimals([0.05, 125.0])
    (2, 0)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return max(0, 2 - math.floor(math.log10(largest))) if largest else 0


def as_number(value: float, form: str) -> str:
    """Return a number in this form; if that would show a number that is not zero as zero, two digits.

    >>> as_number(0.25, ".3f"), as_number(0.0, ".3f"), as_number(3.8e-5, ".3f")
    ('0.250', '0.000', '3.8e-5')
    """
    text = f"{value:{form}}"
    if value == 0 or not math.isfinite(value) or float(text) != 0:
        return text
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
