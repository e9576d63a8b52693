# SPDX-License-Identifier: Apache-2.0
"""Uncertainty budgets: components of type A and B, combined after JCGM 100:2008, the 95 % interval by propagating their distributions.

JCGM 100's own interval (Welch-Satterthwaite, Student's t) takes the sum for normal. A stated tolerance is not: where one rectangular
component outweighs the rest, k = 2 covers 100 % and says too much. So the half width is that of JCGM 101:2008 (propagation of
distributions by random draws), for a sum of independent components; the draws are the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..measure.estimate import Floats

COVERAGE = 0.95
_DRAWS = 20_000
_SEED = 101


@dataclass(frozen=True)
class Component:
    """One thing that makes a value uncertain.

    Attributes:
        name: what it is.
        u: its standard uncertainty, in the quantity's unit; of type A the standard deviation of the mean.
        kind: ``A`` (from repeats) or ``B`` (from what is known otherwise).
        shape: ``t`` (with `dof`), ``normal`` or ``rectangular``.
        dof: degrees of freedom of type A.
        common: it is one and the same error for all leads (correlation 1 between them); else they have nothing to do with each other.
    """

    name: str
    u: float
    kind: str
    shape: str
    dof: int = 0
    common: bool = False


def from_repeats(u: float, n: int) -> Component:
    """The scatter of n repeats."""
    return Component("repeats", u, "A", "t", n - 1)


def within(name: str, half_width: float, *, common: bool = False) -> Component:
    """Anything within ± half_width is as likely: JCGM 100, 4.3.7."""
    return Component(name, half_width / float(np.sqrt(3)), "B", "rectangular", common=common)


@dataclass(frozen=True)
class Quantity:
    """A measured value with its budget.

    Attributes:
        expanded: half width of the interval that holds the true value with 95 %, if the budget names all that matters.
    """

    value: float
    unit: str
    components: tuple[Component, ...]
    expanded: float

    @property
    def u(self) -> float:
        """Combined standard uncertainty."""
        return float(np.sqrt(sum(part.u**2 for part in self.components)))

    @property
    def k(self) -> float:
        """Coverage factor: expanded over standard uncertainty."""
        return self.expanded / self.u if self.u else float("nan")


def quantity(value: float, unit: str, components: Sequence[Component]) -> Quantity:
    """A value and what makes it uncertain."""
    return Quantity(float(value), unit, tuple(components), half_width(components))


def half_width(components: Sequence[Component], coverage: float = COVERAGE) -> float:
    """Half width of the symmetric interval that holds the sum of these components with that probability.

    >>> round(half_width([Component("one", 1.0, "B", "normal")]), 1)
    2.0
    >>> round(half_width([within("one", 1.0)]), 2)
    0.95
    """
    total = np.zeros(_DRAWS)
    for place, part in enumerate(components):
        total += part.u * _draws(part.shape, part.dof, place)
    return float(np.quantile(np.abs(total), coverage))


@cache
def _draws(shape: str, dof: int, place: int) -> Floats:
    """Draws of a component with the standard uncertainty 1 (of a t: with the scale 1)."""
    rng = np.random.default_rng([_SEED, place])
    even = (rng.permutation(_DRAWS) + 0.5) / _DRAWS
    if shape == "rectangular":
        return np.asarray((2 * even - 1) * np.sqrt(3), np.float64)
    normal = rng.standard_normal(_DRAWS)
    if shape == "normal":
        return normal
    if shape == "t" and dof > 0:
        return np.asarray(normal / np.sqrt(rng.chisquare(dof, _DRAWS) / dof), np.float64)
    raise ValueError(f"a component of shape {shape!r} with {dof} degrees of freedom")
