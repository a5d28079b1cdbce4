"""The book of stable forms: what a formula becomes when floats are to keep its value.

Derivations and reports keep the textbook form; only generated code is written with these.  A form is a function from a
node to an equal expression that rounds well, or None where it does not apply.  ``definition`` gives what a named array
stands for, so that ``S (1 - S)`` can see that S is a sigmoid.  None is trusted: the kernel proves each use (stable.py).
Every module of this folder is found by discovery.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from derive.arrays.array import Array, Operation

Definition = Callable[[Array], Array]
Form = Callable[[Array, Definition], Array | None]

FORMS: dict[type[Operation], list[Form]] = {}


def stable(*kinds: type[Operation]) -> Callable[[Form], Form]:
    """Enter a stable form into the book, under the operations at whose nodes it is tried."""

    def enter(form: Form) -> Form:
        for kind in kinds:
            FORMS.setdefault(kind, []).append(form)
        return form

    return enter


for _module in sorted(iter_modules(__path__), key=lambda module: module.name):
    import_module(f"{__name__}.{_module.name}")
