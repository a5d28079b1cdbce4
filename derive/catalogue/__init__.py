"""The catalogue: one family a file, a layer a definition, found by discovery.

Every ``Layer`` defined in a module of this folder is in ``layers``, in the order of files and definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from derive.derivation.layer import Layer
from derive.errors import DeriveError, callers_place


class Catalogue(Mapping[str, Layer]):
    """A read-only mapping from names to layers."""

    @cached_property
    def _found(self) -> dict[str, Layer]:
        found: dict[str, Layer] = {}
        for module in sorted(iter_modules(__path__), key=lambda m: m.name):
            for value in vars(import_module(f"{__name__}.{module.name}")).values():
                if isinstance(value, Layer):
                    found.setdefault(value.name, value)
        return found

    def __getitem__(self, name: str) -> Layer:
        if name not in self._found:
            near = get_close_matches(str(name), self._found, 1)
            raise DeriveError(
                f"no layer named {name!r}",
                f"one of {', '.join(self._found)} was wanted",
                callers_place(),
                near[0] if near else "derive list, or FILE.py:name for a layer of your own",
            )
        return self._found[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The layer, or the default if there is none of that name."""
        return self._found.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<catalogue: {', '.join(self._found)}>"


layers: Mapping[str, Layer] = Catalogue()


def families(of: Mapping[str, Layer]) -> dict[str, list[str]]:
    """The names of layers by family, the first words of the file that defines them; the last are those of no file."""
    left, found = set(of), dict[str, list[str]]()
    for module in sorted(iter_modules(__path__), key=lambda m: m.name):
        defined = vars(import_module(f"{__name__}.{module.name}"))
        names = [value.name for value in defined.values() if isinstance(value, Layer) and of.get(value.name) is value]
        own = [name for name in dict.fromkeys(names) if name in left]
        if own:
            found[re.split(r"[:,.]", defined["__doc__"])[0]] = own
            left.difference_update(own)
    return found | ({"Others": [name for name in of if name in left]} if left else {})
