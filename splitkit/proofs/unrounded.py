"""The numbers of a step without the rounding of their floats.

A step computes 1/α, 2α, 1 − θ or α·(1/α) in floating point; what is analysed is the step without
rounding, for which α · (1/α) = 1. So a float that is, up to rounding, a decimal of few digits, a
small fraction, or one over such a decimal, is that number; and one that is n/d, (n/d)k, (n/d)/k,
1 + (n/d)k, or a product or quotient of two numbers k that the step has used is what it is of them.
Others are what they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

SIMPLE = 2520 * 10**4  # decimals of four digits, halves, thirds, …
SMALL = 840  # denominators of multiples of a number that is known
ROUNDED = 2.0**-49  # relative
LONGEST = 2.0**40  # numerators
DENOMINATOR = 1000  # of fractions of two whole numbers
OF_SUMS = 2.0**-51  # of 1 + ck: what rounding of a sum near 1 leaves


def simple(c: float, denominator: int = SIMPLE) -> Fraction | None:
    """The fraction with such a denominator that c is up to rounding, if there is one."""
    multiple = c * denominator
    if not 0.5 < abs(multiple) < LONGEST:
        return None
    nearest = round(multiple)
    close = abs(multiple - nearest) <= abs(multiple) * ROUNDED
    return Fraction(nearest, denominator) if close else None


def without_rounding(c: Fraction) -> Fraction:
    """c, or what is simple and c up to rounding."""
    return c if c.denominator <= SIMPLE else simple(float(c)) or c


class Numbers:
    """Those that a step has used."""

    def __init__(self) -> None:
        self._seen: dict[float, Fraction] = {}
        self._known: list[tuple[float, Fraction]] = []  # as a float, and without rounding

    def exact(self, c: float | Fraction) -> Fraction:
        """c without rounding."""
        if isinstance(c, Fraction):
            return c
        found = self._seen.get(c)
        if found is None:
            found = self._seen[c] = self._recognized(float(c))
        return found

    def _recognized(self, c: float) -> Fraction:
        if not c:
            return Fraction(0)
        found = simple(c) or _fraction(c) or next(self._of_known(c), None)
        if found is None:
            found = _long(c) or _inverse(c) or Fraction(c)
            self._known.append((abs(c), abs(found)))
        return found

    def _of_known(self, c: float) -> Iterator[Fraction]:
        for value, k in self._known:
            for left, restored in ((c / value, k), (c * value, 1 / k)):
                ratio = _small(left)
                if ratio is not None:
                    yield ratio * restored
            ratio = _near((c - 1) / value, OF_SUMS / value)
            if ratio is not None and abs(1 + float(ratio) * value - c) <= OF_SUMS:
                yield 1 + ratio * k
        for i, (_, k) in enumerate(self._known):
            for _, other in self._known[: i + 1]:
                for product in (k * other, k / other, other / k, 1 / (k * other)):
                    ratio = _small(c / float(product)) if product != 1 else None
                    if ratio is not None:
                        yield ratio * product


def _fraction(c: float) -> Fraction | None:
    """The fraction of a small denominator that c is up to rounding."""
    if not DENOMINATOR**-2 < abs(c) < DENOMINATOR:
        return None
    found = Fraction(c).limit_denominator(DENOMINATOR)
    return found if abs(float(found) - c) <= ROUNDED * abs(c) else None


def _inverse(c: float) -> Fraction | None:
    """1/d for the simple fraction d that 1/c is up to rounding."""
    d = 1 / c
    found = simple(d) or _long(d) if math.isfinite(d) else None
    return 1 / found if found else None


def _long(c: float) -> Fraction | None:
    """The fraction of a smaller denominator that c is, if ``simple`` finds it too large."""
    fits = (d for d in (2520, 1) if abs(c) * d < LONGEST <= abs(c) * SIMPLE)
    return next((simple(c, d) for d in fits), None)


def _near(c: float, tolerance: float) -> Fraction | None:
    """A multiple that is known, of 1 + ck = d where d is known to its rounding."""
    if not math.isfinite(c) or abs(c) > 64 or tolerance * SMALL > 1e-6:
        return None
    nearest = Fraction(round(c * SMALL), SMALL)
    return nearest if nearest and abs(float(nearest) - c) <= tolerance else None


def _small(c: float) -> Fraction | None:
    found = simple(c, SMALL) if math.isfinite(c) else None
    return found if found is not None and abs(found) <= 64 else None
