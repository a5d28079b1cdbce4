"""How much work a question to the kernel may be: counted, not timed, so that it has the same answer everywhere.

What is counted is characters.  Everything that the kernel makes it writes out in canonical form sooner or later, so
that their count bounds both the time and the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from threading import local
from typing import Any, TypeVar, cast

MAX_EFFORT = 3_000_000  # about a second; ten times what the hardest layer of the catalogue needs
MAX_BITS = 8_000  # of one number
MONOMIAL, FACTOR, PLACE = 10, 3, 50  # what one counts for that is made or looked at, but not written yet

Question = TypeVar("Question", bound=Callable[..., Any])


class Exhausted(ArithmeticError):
    """A question that is too much work; what was asked stays undecided."""


class _Account(local):
    left: int | None = None  # None while no question is asked


_account = _Account()


def spend(characters: int) -> None:
    """Count work; Exhausted where it is more than one question may be."""
    if _account.left is not None:
        _account.left -= characters
        if _account.left < 0:
            raise Exhausted(f"given up after {MAX_EFFORT} steps of work a question")


def is_spent() -> bool:
    """True inside a question for which no work is left: nothing more can come of it."""
    return _account.left is not None and _account.left < 0


def bounded(question: Question, questions: int = 1) -> Question:
    """A question to the kernel, or some together: whatever it leads to is paid from one account."""

    @wraps(question)
    def asked(*args: Any, **kwargs: Any) -> Any:
        if _account.left is not None:
            return question(*args, **kwargs)
        _account.left = questions * MAX_EFFORT
        try:
            return question(*args, **kwargs)
        except RecursionError:
            raise Exhausted("given up: nested too deeply") from None
        finally:
            _account.left = None

    return cast(Question, asked)


def digits(number: Fraction | int) -> str:
    """A number as text; Exhausted if it is too long."""
    if number.numerator.bit_length() + number.denominator.bit_length() > MAX_BITS:
        raise Exhausted(f"given up at a number of more than {MAX_BITS} bits")
    return str(number)


def raised(number: Fraction | int, times: int) -> Fraction | int:
    """A number to a whole power; Exhausted where that is too much work."""
    spend(abs(times) * (number.numerator.bit_length() + number.denominator.bit_length()))
    return number**times if times >= 0 else Fraction(number) ** times
