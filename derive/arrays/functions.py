"""The scalar functions: one line each.

A line gives the arguments, the definition by what the kernel takes as given, the pullback (written with the result Y
wherever the result is at hand, so that nothing is computed twice), the NumPy and the LaTeX spelling, and the condition
under which it may be differentiated.  The kernel proves each pullback from the definition when it is first used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive.index.terms import Apply, Number, Term

ATOM, POWER, SIGN, TIMES, PLUS, COMPARE = 40, 30, 25, 20, 10, 5  # how tightly an operator binds


@dataclass(frozen=True)
class ScalarFunction:
    """A scalar function, mapped over arrays entry by entry.

    ``meaning`` takes terms; ``pullback(Y, G, *args)`` gives the adjoints of the arguments, None where there is none;
    ``numpy`` and ``math`` are templates with ``{0}``, ``{1}``, ...; ``binds`` is the precedence of both, ``ATOM`` for
    a call; ``smooth`` says, with the same templates, where it may be differentiated; ``imports`` is what the NumPy
    spelling needs besides NumPy.
    """

    name: str
    meaning: Callable[..., Term]
    pullback: Callable[..., tuple[Any, ...]]
    statement: str
    numpy: str
    math: str
    binds: int = ATOM
    smooth: str = ""
    kind: str = "float"
    helper: str = ""  # the source of a function that the NumPy spelling calls, where NumPy has none
    imports: str = ""

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return len(set(re.findall(r"{(\d)}", self.numpy)))


def exp(x: Term) -> Term:
    """The exponential of a term."""
    return Apply("exp", x)


def log(x: Term) -> Term:
    """The logarithm of a term."""
    return Apply("log", x)


def step(x: Term) -> Term:
    """1 where the term is more than 0, else 0."""
    return Apply("step", x)


def sigmoid(x: Term) -> Term:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + exp(-x))


def erf(x: Term) -> Term:
    """The error function of a term."""
    return Apply("erf", x)


def _np(function: str) -> Any:
    """A NumPy function, applied to symbolic arrays inside a pullback."""
    from derive.arrays import build

    return lambda *arrays: build.elementwise(function, *arrays)


SIGMOID = '''def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
'''

SPECIAL = "from scipy import special"  # what NumPy lacks is SciPy's

HALF = Fraction(1, 2)
ROOT_HALF = Number(2) ** -HALF
NOT_ZERO = "{0} ≠ 0"


def _root(value: float) -> Any:
    """The square root of a number, π among them, as a symbolic constant."""
    return _np("sqrt")(value)


def _comparison(name: str, meaning: Callable[..., Term], sign: str, numpy: str, math: str) -> ScalarFunction:
    """A comparison of two numbers: a mask, without an adjoint."""
    statement = f"Y = [A {sign} B] has no adjoint"
    spelled = f"{{0}} {numpy} {{1}}", rf"\left[{{0}} {math} {{1}}\right]"
    return ScalarFunction(
        name, meaning, lambda Y, G, A, B: (None, None), statement, *spelled, COMPARE, "{0} ≠ {1}", "bool"
    )


# A table is read by its rows.
# fmt: off
_TABLE = (
    # arithmetic
    ScalarFunction("add", lambda a, b: a + b, lambda Y, G, A, B: (G, G), "Y = A + B  =>  dA = G, dB = G",
                   "{0} + {1}", "{0} + {1}", PLUS),
    ScalarFunction("subtract", lambda a, b: a - b, lambda Y, G, A, B: (G, -G), "Y = A - B  =>  dA = G, dB = -G",
                   "{0} - {1}", "{0} - {1}", PLUS),
    ScalarFunction("negative", lambda a: -a, lambda Y, G, A: (-G,), "Y = -A  =>  dA = -G", "-{0}", "-{0}", SIGN),
    ScalarFunction("multiply", lambda a, b: a * b, lambda Y, G, A, B: (G * B, G * A),
                   "Y = A ∘ B  =>  dA = G ∘ B, dB = G ∘ A", "{0} * {1}", r"{0} \odot {1}", TIMES),
    ScalarFunction("divide", lambda a, b: a / b, lambda Y, G, A, B: (G / B, -(G * Y / B)),
                   "Y = A / B  =>  dA = G / B, dB = -G ∘ Y / B", "{0} / {1}", r"{0} \oslash {1}", TIMES, "{1} ≠ 0"),
    # exponentials and logarithms
    ScalarFunction("exp", exp, lambda Y, G, A: (G * Y,), "Y = exp A  =>  dA = G ∘ Y", "np.exp({0})", r"\exp({0})"),
    ScalarFunction("log", log, lambda Y, G, A: (G / A,), "Y = log A  =>  dA = G / A", "np.log({0})", r"\log({0})",
                   smooth="{0} > 0"),
    ScalarFunction("expm1", lambda a: exp(a) - 1, lambda Y, G, A: (G * _np("exp")(A),),
                   "Y = exp(A) - 1  =>  dA = G ∘ exp A", "np.expm1({0})", r"\left(\exp({0}) - 1\right)"),
    ScalarFunction("log1p", lambda a: log(1 + a), lambda Y, G, A: (G / (1 + A),),
                   "Y = log(1 + A)  =>  dA = G / (1 + A)", "np.log1p({0})", r"\log(1 + {0})", smooth="{0} > -1"),
    ScalarFunction("logaddexp", lambda a, b: log(exp(a) + exp(b)),
                   lambda Y, G, A, B: (G * _np("sigmoid")(A - B), G * _np("sigmoid")(B - A)),
                   "Y = log(exp A + exp B)  =>  dA = G ∘ σ(A - B), dB = G ∘ σ(B - A)",
                   "np.logaddexp({0}, {1})", r"\log(\exp({0}) + \exp({1}))"),
    ScalarFunction("sqrt", lambda a: a**HALF, lambda Y, G, A: (HALF * G / Y,), "Y = √A  =>  dA = G / (2 Y)",
                   "np.sqrt({0})", r"\sqrt{{{0}}}", smooth="{0} > 0"),
    ScalarFunction("sigmoid", sigmoid, lambda Y, G, A: (G * Y * (1 - Y),), "Y = σ(A)  =>  dA = G ∘ Y ∘ (1 - Y)",
                   "sigmoid({0})", r"\sigma({0})", helper=SIGMOID),
    ScalarFunction("tanh", lambda a: 1 - 2 / (1 + exp(2 * a)), lambda Y, G, A: (G * (1 - Y**2),),
                   "Y = tanh A  =>  dA = G ∘ (1 - Y²)", "np.tanh({0})", r"\tanh({0})"),
    ScalarFunction("softplus", lambda a: log(1 + exp(a)), lambda Y, G, A: (G * _np("sigmoid")(A),),
                   "Y = log(1 + exp A)  =>  dA = G ∘ σ(A)", "np.logaddexp(0, {0})", r"\log(1 + \exp({0}))"),
    # the error function and the normal distribution
    ScalarFunction("erf", erf, lambda Y, G, A: (2 * G * _np("exp")(-(A**2)) / _root(math.pi),),
                   "Y = erf A  =>  dA = 2 G ∘ exp(-A²) / √π", "special.erf({0})", r"\operatorname{{erf}}({0})",
                   imports=SPECIAL),
    ScalarFunction("ndtr", lambda a: HALF * (1 + erf(a * ROOT_HALF)),
                   lambda Y, G, A: (G * _np("exp")(-(A**2) / 2) / _root(2 * math.pi),),
                   "Y = Φ(A)  =>  dA = G ∘ exp(-A²/2) / √(2π)", "special.ndtr({0})", r"\Phi({0})", imports=SPECIAL),
    # trigonometry
    ScalarFunction("sin", lambda a: Apply("sin", a), lambda Y, G, A: (G * _np("cos")(A),),
                   "Y = sin A  =>  dA = G ∘ cos A", "np.sin({0})", r"\sin({0})"),
    ScalarFunction("cos", lambda a: Apply("cos", a), lambda Y, G, A: (-(G * _np("sin")(A)),),
                   "Y = cos A  =>  dA = -G ∘ sin A", "np.cos({0})", r"\cos({0})"),
    # kinks
    ScalarFunction("abs", lambda a: Apply("abs", a), lambda Y, G, A: (G * _np("sign")(A),),
                   "Y = |A|  =>  dA = G ∘ sign A", "np.abs({0})", r"\lvert {0} \rvert", smooth=NOT_ZERO),
    ScalarFunction("sign", lambda a: Apply("sign", a), lambda Y, G, A: (None,), "Y = sign A  =>  dA = 0",
                   "np.sign({0})", r"\operatorname{{sign}}({0})", smooth=NOT_ZERO),
    ScalarFunction("maximum", lambda a, b: b + (a - b) * step(a - b),
                   lambda Y, G, A, B: (G * (A > B), G * (A <= B)),
                   "Y = max(A, B)  =>  dA = G ∘ [A > B], dB = G ∘ [A ≤ B]",
                   "np.maximum({0}, {1})", r"\max({0}, {1})", smooth="{0} ≠ {1}"),
    ScalarFunction("minimum", lambda a, b: b + (a - b) * step(b - a),
                   lambda Y, G, A, B: (G * (A < B), G * (A >= B)),
                   "Y = min(A, B)  =>  dA = G ∘ [A < B], dB = G ∘ [A ≥ B]",
                   "np.minimum({0}, {1})", r"\min({0}, {1})", smooth="{0} ≠ {1}"),
    ScalarFunction("where", lambda c, a, b: b + (a - b) * c,
                   lambda Y, G, C, A, B: (None, G * C, G * ~C),
                   "Y = A where C, else B  =>  dA = G ∘ C, dB = G ∘ (not C)",
                   "np.where({0}, {1}, {2})", r"\operatorname{{where}}({0}, {1}, {2})"),
    ScalarFunction("softsign", lambda a: a / (1 + Apply("abs", a)), lambda Y, G, A: (G / (1 + abs(A)) ** 2,),
                   "Y = A / (1 + |A|)  =>  dA = G / (1 + |A|)²", "{0} / (1 + np.abs({0}))",
                   r"{0} \oslash \left(1 + \lvert {0} \rvert\right)", TIMES),
    # comparisons: 1 where true, 0 elsewhere
    _comparison("greater", lambda a, b: step(a - b), ">", ">", ">"),
    _comparison("less", lambda a, b: step(b - a), "<", "<", "<"),
    _comparison("greater_equal", lambda a, b: Number(1) - step(b - a), "≥", ">=", r"\ge"),
    _comparison("less_equal", lambda a, b: Number(1) - step(a - b), "≤", "<=", r"\le"),
    _comparison("equal", lambda a, b: Number(1) - step(a - b) - step(b - a), "=", "==", "="),
    _comparison("not_equal", lambda a, b: step(a - b) + step(b - a), "≠", "!=", r"\ne"),
    ScalarFunction("logical_not", lambda a: 1 - a, lambda Y, G, A: (None,), "Y = not A has no adjoint", "~{0}",
                   r"\lnot {0}", SIGN, kind="bool"),
)
# fmt: on

FUNCTIONS: dict[str, ScalarFunction] = {function.name: function for function in _TABLE}
KEEP_WHOLE = frozenset({"add", "subtract", "negative", "multiply", "maximum", "minimum", "abs", "sign", "where"})


def needed(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """What code that calls some functions of the table needs: its imports besides NumPy, and its helper functions."""
    used = set(names)
    lines = [function for function in _TABLE if function.name in used]
    return sorted({line.imports for line in lines if line.imports}), [line.helper for line in lines if line.helper]
