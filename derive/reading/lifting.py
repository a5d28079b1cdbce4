"""User code with the NumPy of its module replaced: the same functions, with other allocators and special functions.

NumPy itself is never changed.  A function is made again over a copy of its module's names, and of its closure, in which
``np`` stands for another namespace; the functions of the same module that it calls are made again with it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any


class Namespace:
    """NumPy with some names replaced; ``linalg`` and the like are namespaces of their own."""

    def __init__(self, module: Any, replaced: Mapping[str, Any]) -> None:
        self._module, self._replaced = module, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced[name] if name in self._replaced else getattr(self._module, name)


class Lifting:
    """Makes functions again with other modules, library functions and builtins in place of some.

    With a function come the functions, classes and objects of its module that it uses.
    """

    def __init__(
        self, modules: Mapping[str, Any], functions: Mapping[str, Any], builtins: Mapping[str, Any] | None = None
    ) -> None:
        self._modules, self._functions, self._builtins = modules, functions, builtins or {}
        self._made: dict[int, dict[str, Any]] = {}
        self._again: dict[int, Any] = {}  # one object stays one object, one class one class
        self._held: list[Any] = []  # so that no other object takes its place in memory

    def lift(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function over the replaced names; anything that is no Python function stays as it is."""
        if isinstance(function, MethodType):
            return MethodType(self.lift(function.__func__), self._instance(function.__self__))
        if not isinstance(function, FunctionType):
            return self._value(function)  # type: ignore[no-any-return]  # a function of a library, or an object
        return self._function(function)

    def _function(self, function: FunctionType) -> FunctionType:
        names = self._globals(function.__globals__)
        cells = tuple(CellType(self._value(cell.cell_contents)) for cell in function.__closure__ or () if filled(cell))
        full = len(cells) == len(function.__closure__ or ())
        made = FunctionType(
            function.__code__,
            names,
            function.__name__,
            function.__defaults__,
            cells if full else function.__closure__,
        )
        made.__kwdefaults__ = function.__kwdefaults__
        return made

    def _globals(self, names: dict[str, Any]) -> dict[str, Any]:
        known = self._made.get(id(names))
        if known is None:
            known = self._made[id(names)] = dict(self._builtins)
            for key, value in list(names.items()):
                own = isinstance(value, FunctionType) and value.__globals__ is names
                known[key] = self._function(value) if own else self._value(value)
        return known

    def _value(self, value: Any) -> Any:
        if isinstance(value, ModuleType):
            return self._modules.get(value.__name__, value)
        if isinstance(value, FunctionType) and not value.__module__.startswith(("numpy", "scipy")):
            return self._function(value) if id(value.__globals__) in self._made else value
        library = str(getattr(value, "__module__", None) or "numpy").startswith(("numpy", "scipy"))
        name = getattr(value, "__name__", None)
        if library and isinstance(name, str) and callable(value) and name in self._functions:
            return self._functions[name]
        if type(value) in (list, dict, set):
            return self._container(value)
        if self._is_own(value):
            return self._class(value)
        return self._instance(value) if self._is_own(type(value)) else value

    def _container(self, value: Any) -> Any:
        """A copy, the same for all who hold it: what is put there while symbols are tried is not left there."""
        if id(value) not in self._again:
            self._again[id(value)] = copy.copy(value)
            self._held.append(value)
        return self._again[id(value)]

    def _is_own(self, kind: Any) -> bool:
        """True for a class of a module whose functions are made again."""
        if not isinstance(kind, type):
            return False
        methods = [value for value in vars(kind).values() if isinstance(value, FunctionType)]
        return any(id(method.__globals__) in self._made for method in methods)

    def _class(self, kind: type) -> Any:
        """A class below another, with the methods of all that it is made of made again."""
        if id(kind) not in self._again:
            of_all = [item for base in reversed(kind.__mro__) for item in vars(base).items()]
            own = {key: value for key, value in of_all if isinstance(value, FunctionType)}
            made = self._again[id(kind)] = type(kind.__name__, (kind,), {})
            for key, value in own.items():
                setattr(made, key, self._function(value))
        return self._again[id(kind)]

    def _instance(self, owner: Any) -> Any:
        """A copy of an object whose methods are made again, and those of the objects that it holds."""
        if isinstance(owner, type | ModuleType):
            return owner
        if id(owner) not in self._again:
            again = self._again[id(owner)] = copy.copy(owner)
            self._held.append(owner)
            again.__class__ = self._class(type(owner))
            for key, value in vars(owner).items():
                vars(again)[key] = self._value(value)
        return self._again[id(owner)]


def filled(cell: CellType) -> bool:
    """True if a cell of a closure holds something yet."""
    try:
        cell.cell_contents  # noqa: B018  # an empty cell raises
    except ValueError:
        return False
    return True
