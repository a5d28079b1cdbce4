"""What people write out of habit that is not in the language, and what the language has for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 40  # characters of a name that is compared with others

SIGNS = {
    "ᵀ": "X.T", "⊤": "X.T", "′": "X.T", "’": "X.T", "·": "* or @", "×": "* or @", "⋅": "* or @", "⊙": "*", "∘": "*",
    "−": "-", "–": "-", "∑": "sum(X)", "Σ": "sum(X)", "√": "sqrt(x)", "²": "x ** 2", "³": "x ** 3", "‖": "norm(x)",
    "∥": "norm(x)", "≤": "<=", "≥": ">=", "≠": "!=", "⁻": "inv(X)", "∂": "dE/dX", "σ": "sigmoid(x)", "π": "pi",
    "λ": "lam", "ε": "eps", "“": '"', "”": '"',
}  # fmt: skip  # a table reads best in rows

_WRITTEN = (  # what a text that is no expression may have been meant as, the first that fits
    (r"\|\|", "norm(x) for the length of x"),
    (r"\|", "abs(x), or det(X) for a determinant"),
    (r"\w'", "X.T for the transpose"),
    (r"(?<![=!<>])=(?!=)", "the right-hand side alone"),
    (r"\\\w+", "NumPy-style text such as sum(G * (X @ W))"),
    (r"\^", "x ** 2 for a power"),
    (r"\$", "the formula without $"),
    (r"[\w)\]]\s+[\w(]|\d[A-Za-z(]|\)\(", "* or @ between factors"),
    (r"&|;|\?", "* for both, or where(condition, a, b)"),
)
WORDS = {  # names that are none of the language's, and what is
    "T": "X.T", "I": "eye(n)", "e": "exp(1)", "eps": "a number such as 1e-5, or declaring eps: : positive",
    "tr": "trace", "Tr": "trace", "ln": "log", "inverse": "inv", "pinv": "inv(X.T @ X) @ X.T", "hadamard": "*",
    "kron": "einsum", "vec": "X.reshape(n * m)", "multiply": "*", "sigma": "sigmoid", "logistic": "sigmoid",
    "average": "mean", "avg": "mean", "frobenius": "norm", "length": "norm", "clip": "minimum(maximum(x, a), b)",
    "heaviside": "step", "indicator": "x > 0", "logit": "log(p / (1 - p))", "identity": "eye",
    "ones_like": "ones(n, d)", "zeros_like": "zeros(n, d)",
}  # fmt: skip
ATTRIBUTES = {
    "shape": "n, the name of the size", "size": "n * d, the names of the sizes", "I": "inv(X)", "H": "X.T",
    "t": "X.T", "mT": "X.T", "inverse": "inv(X)",
}  # fmt: skip
KINDS = {
    "IfExp": "where(condition, a, b)", "BoolOp": "(x > 0) * (y > 0)", "BitXor": "x ** 2 for a power",
    "ListComp": "sum(X, axis=0) or einsum", "GeneratorExp": "sum(X, axis=0) or einsum", "FloorDiv": "/",
    "Lambda": "the formula itself", "BitAnd": "(x > 0) * (y > 0)", "BitOr": "abs(x)",
}  # fmt: skip


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one; empty if none is."""
    return next(iter(get_close_matches(name[:LONGEST], known, 1)), "")


def sign(text: str) -> tuple[str, str] | None:
    """The first character that is not in the language, and what to write for it; None if all are."""
    strange = next((c for c in text if not c.isascii() or not (c.isprintable() or c in "\n\r\t")), None)
    return None if strange is None else (strange, SIGNS.get(strange, ""))


def meant(text: str) -> str:
    """What to try for a text that is no expression; empty if no habit explains it."""
    return next((hint for pattern, hint in _WRITTEN if re.search(pattern, text)), "")
