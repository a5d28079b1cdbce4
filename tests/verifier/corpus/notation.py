"""The notation of the corpus: right pairs as people write them, and bugs planted in their text.

A right pair is a class that holds ``forward`` and ``backward`` (methods, if they take ``self``); its text is kept.  A bug
is that text with one place changed, under the name of a class of bugs.  Neither is known to any checker.
"""

from __future__ import annotations

import inspect
import linecache
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

CLASSES = (
    "missing term", "missing sum", "transpose", "sign", "factor", "forgot 1/n", "mean against sum", "wrong axis",
    "wrong index", "pre/post activation", "upstream of ones", "sizes coincide", "size 1", "off by one",
    "repeated indices", "ties", "kinks", "narrow range", "large |x|", "overflow", "cancellation", "size threshold",
    "epsilon", "relative 1e-3", "relative 1e-5", "relative 1e-7", "dtype", "in place", "aliased", "memory order",
    "stale state", "contract",
)  # fmt: skip

RIGHT: list[Right] = []


@dataclass(frozen=True)
class Functions:
    """A pair ready to be called."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Bug:
    """A right pair with one place of its text changed."""

    right: Right
    kind: str
    text: str
    name: str

    def functions(self) -> Functions:
        """The wrong pair."""
        return self.right.made(self.text, self.name)


@dataclass(frozen=True, eq=False)
class Right:
    """A right pair: its text, the shapes of its inputs, and the bugs that were planted in it."""

    name: str
    family: str
    text: str
    shapes: dict[str, str]
    where: tuple[str, ...]
    names: dict[str, Any]  # of the module that it was written in
    bugs: list[Bug] = field(default_factory=list)

    def functions(self) -> Functions:
        """The right pair."""
        return self.made(self.text, self.name)

    def made(self, text: str, name: str) -> Functions:
        """Functions from a text; ``inspect`` finds the text, as it does that of a file."""
        file = f"<corpus: {name}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        names = {key: value for key, value in self.names.items() if getattr(value, "__module__", "") != self.names["__name__"]}
        exec(compile(text, file, "exec"), names)
        made = names[self.name]
        held = made() if "self" in inspect.signature(made.forward).parameters else made
        return Functions(held.forward, held.backward)

    def bug(self, kind: str, old: str, new: str) -> None:
        """Plant a bug: ``new`` in place of ``old``, which must be there once.

        Further lines of either are indented as the first line of ``old`` is.
        """
        lines = re.findall(rf"^( *)(?=.*{re.escape(old.splitlines()[0])})", self.text, re.MULTILINE)
        margins = [m for m in dict.fromkeys(lines) if old.replace("\n", "\n" + m) in self.text]
        places = [self.text.count(old.replace("\n", "\n" + margin)) for margin in margins]
        if places != [1]:
            raise ValueError(f"{self.name}: {old!r} is not there once, but {places} times")
        there, instead = (text.replace("\n", "\n" + margins[0]) for text in (old, new))
        self._plant(kind, self.text.replace(there, instead))

    def wedge(self, kind: str, at: str, statement: str) -> None:
        """Plant a bug: a statement before the line with ``at``, which must be there once."""
        self.bug(kind, at, f"{statement}\n{at}")

    def _plant(self, kind: str, text: str) -> None:
        if kind not in CLASSES:
            raise ValueError(f"{self.name}: no class of bugs is called {kind!r}")
        same = sum(bug.kind == kind for bug in self.bugs)
        name = f"{self.name}, {kind}" + (f" {same + 1}" if same else "")
        self.bugs.append(Bug(self, kind, text, name))


def right(shapes: str, *where: str, uses: tuple[FunctionType, ...] = ()) -> Callable[[type], Right]:
    """Enter a right pair: ``right("X: n d; W: d m")``, conditions on sizes, and the helpers that it calls."""

    def enter(made: type) -> Right:
        module = inspect.getmodule(made)
        assert module is not None
        own = inspect.getsource(made)
        own = own[own.index("class ") :]
        helpers = [textwrap.dedent(inspect.getsource(helper)) for helper in uses]
        declared = dict(re.split(r"\s*:\s*", each.strip(), maxsplit=1) for each in shapes.split(";"))
        family = module.__name__.rpartition(".")[2]
        entered = Right(made.__name__, family, "\n\n".join([*helpers, own]), declared, where, vars(module))
        RIGHT.append(entered)
        return entered

    return enter


def planted() -> Iterator[Bug]:
    """Every bug."""
    for each in RIGHT:
        yield from each.bugs
