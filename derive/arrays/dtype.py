"""dtypes, to which the proof is blind: numbers are real, so only a dtype of floats says nothing new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.errors import DeriveError, callers_place


def check_dtype(dtype: Any) -> None:
    """DeriveError unless a dtype holds floats."""
    if dtype in (None, REAL, float) or str(getattr(dtype, "__name__", dtype)).startswith("float"):
        return
    raise DeriveError(
        f"the dtype {getattr(dtype, '__name__', dtype)}",
        "formulas are over the real numbers: a dtype of floats was wanted",
        callers_place(),
        "np.where with a comparison, if whole numbers or masks are meant",
    )


@dataclass(frozen=True)
class Dtype:
    """The dtype of symbolic arrays; its kind as NumPy calls it."""

    kind: str

    @staticmethod
    def type(value: Any) -> Any:
        """The value itself."""
        return value


REAL = Dtype("f")
DTYPES = {"float": REAL, "int": Dtype("i"), "bool": Dtype("b")}
