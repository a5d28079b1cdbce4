"""The identities by which expressions are simplified, so that they read as a person would write them.

Each is a function from a node to a simpler expression, or None where it does not apply; its docstring is its statement.
None is trusted: what an identity did is proved by the kernel before it is used (simplify.py).  Every module of this
folder is found by discovery.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from derive.arrays.array import Array, Operation

Identity = Callable[[Array], Array | None]

IDENTITIES: dict[type[Operation], list[Identity]] = {}


def identity(*kinds: type[Operation]) -> Callable[[Identity], Identity]:
    """Enter an identity into the book, under the operations at whose nodes it is tried."""

    def enter(function: Identity) -> Identity:
        for kind in kinds:
            IDENTITIES.setdefault(kind, []).append(function)
        return function

    return enter


for _module in sorted(iter_modules(__path__), key=lambda module: module.name):
    import_module(f"{__name__}.{_module.name}")
