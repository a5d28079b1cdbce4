"""The textbook's formulas in floats: what generated code is when it is not written in stable forms.

Functions that NumPy does not have under their own name are written out as they are defined: what NumPy and SciPy offer
in their place is a stable form too.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.functions import FUNCTIONS
from derive.arrays.operations import Constant, Elementwise
from derive.arrays.rewriting import rewritten
from derive.derivation.sweep import Derivation
from derive.emit.loading import load_source
from derive.emit.numpy import module
from derive.index.functions import PI, PRIMITIVES
from derive.index.terms import Apply, Entry, Number, Plus, Power, Term, Times


def textbook(derivation: Derivation) -> ModuleType:
    """The generated module without stable forms, loaded."""
    return load_source(module(derivation, written_out), f"{derivation.layer.name}, as in a textbook")


def written_out(array: Array) -> Array:
    """The expression with functions by their definitions."""

    def defined(node: Array, new: Array) -> Array:
        if not isinstance(new.op, Elementwise) or not _is_defined(new.op.function):
            return new
        places = [Entry(str(k)) for k in range(len(new.operands))]
        return _expression(FUNCTIONS[new.op.function].meaning(*places), new.operands)

    return rewritten(array, defined)


def _is_defined(function: str) -> bool:
    """True for a function that neither the kernel nor NumPy has under its name."""
    spelled = FUNCTIONS[function].numpy
    return function not in PRIMITIVES and "(" in spelled and not spelled.startswith(f"np.{function}(")


def _expression(term: Term, operands: Sequence[Array]) -> Array:
    """A term without positions as an expression in arrays of one shape."""
    match term:
        case Number(value=value):
            return build.constant(value)
        case Entry(array=PI.array):
            return apply(Constant("pi"))
        case Entry(array=place):
            return operands[int(place)]
        case Plus(terms=terms):
            total = _expression(terms[0], operands)
            for each in terms[1:]:
                total = total + _expression(each, operands)
            return total
        case Times(factors=factors):
            result = _expression(factors[0], operands)
            for factor in factors[1:]:
                if isinstance(factor, Power) and factor.exponent == -1:
                    result = result / _expression(factor.base, operands)
                else:
                    result = result * _expression(factor, operands)
            return result
        case Power(base=base, exponent=exponent):
            return _expression(base, operands) ** exponent
        case Apply(function=function, argument=argument):
            return build.elementwise(function, _expression(argument, operands))
    raise TypeError(f"{type(term).__name__} in the definition of a scalar function")
