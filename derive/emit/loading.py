"""The generated module, loaded."""

from __future__ import annotations

import linecache
from types import ModuleType

from derive.derivation.sweep import Derivation
from derive.errors import DeriveError


def load(derivation: Derivation) -> ModuleType:
    """The module that ``derivation.numpy()`` writes; arrays that do not fit raise DeriveError."""
    return load_source(derivation.numpy(), derivation.layer.name)


def load_source(source: str, title: str) -> ModuleType:
    """A module from source text; what it raises as ValueError is a DeriveError to the caller."""
    filename = f"<derive: {title}>"
    loaded = ModuleType(title)
    loaded.__dict__["ValueError"] = DeriveError
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), loaded.__dict__)
    return loaded
