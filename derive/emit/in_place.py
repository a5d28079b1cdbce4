"""Where code changes an array of its own in place: ``R -= R.mean(axis=1, keepdims=True)``.

NumPy makes an array for every step of a formula, but for some that it sees nobody else holds.  Where a formula would
make two more than it must, it is written step by step into one; and a part that is not needed any more becomes what
comes after it.  Only large arrays are changed, and only those that are floats whatever the inputs are.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.arrays.array import Array
from derive.arrays.functions import KEEP_WHOLE
from derive.arrays.named import label
from derive.arrays.operations import Broadcast, Constant, Elementwise, Matmul, PowerOf, is_whole
from derive.arrays.shapes import is_leading

if TYPE_CHECKING:
    from derive.arrays.writing import Writer
    from derive.emit.statements import Statement

AUGMENTED = {"add": "+=", "subtract": "-=", "multiply": "*=", "divide": "/="}
EITHER_SIDE = ("add", "multiply")  # the result may take the place of either operand
CALL = re.compile(r"np\.\w+\(\{0\}(, \{1\})?\)")
SHORT = 50  # a formula that takes no more letters stays one, unless it makes more arrays than one too many

Spine = tuple[tuple[Array, int], ...]  # the steps of a formula from the last to the first, each with what it changes


@dataclass(frozen=True)
class Steps:
    """A formula as steps on one array: what is made first, unless ``taken`` is a part that is given up for it."""

    spine: Spine
    saved: int  # so many arrays are not made
    taken: str = ""

    def are_better(self, formula: str) -> bool:
        """True if the steps are better code than the formula."""
        return bool(self.taken) or self.saved > 1 or (self.saved == 1 and len(formula) > SHORT)

    def lines(self, target: str, known: dict[Array, str], write: Writer) -> tuple[str, list[str]]:
        """The text of what is made first, empty if a part is taken, and the lines that change it."""
        node, place = self.spine[-1]
        first = "" if self.taken else write.text(node.operands[place])[0]
        changes: list[str] = []
        for node, place in reversed(self.spine):
            line = _change(write.knowing(ChainMap({node.operands[place]: target}, known)), node, place, target)
            if node.op.name == "negative" and changes and changes[-1].startswith(f"{target} *= "):
                changes[-1] = changes[-1].replace("*= ", "*= -")
            else:
                changes.append(line)
        return first, changes


def _change(write: Writer, node: Array, place: int, target: str) -> str:
    """``A *= B`` or ``np.exp(A, out=A)``."""
    texts = [text for text, _ in write.implicit(node.operands)]
    sign = AUGMENTED.get(node.op.name)
    if sign is None:
        assert isinstance(node.op, Elementwise)
        template = "np.negative({0})" if node.op.name == "negative" else node.op.scalar.numpy
        return f"{template.format(*texts)[:-1]}, out={target})"
    other = texts[1 - place]
    if sign == "*=" and other.startswith("1 / "):
        return f"{target} /= {other.removeprefix('1 / ')}"
    return f"{target} {sign} {other}"


class InPlace:
    """The steps of the statements of a block that are better done in place, and the names of parts that are given up.

    ``names`` are those that parts have in the code, ``own`` those that may be given up; ``floats`` are names of arrays
    that are floats in any case.
    """

    def __init__(
        self,
        block: Sequence[Statement],
        names: Mapping[Array, str],
        own: Collection[str] = (),
        floats: Set[str] = frozenset(),
    ) -> None:
        self.block, self.names, self.own = block, dict(names), own
        later = {s.target: k for k, s in enumerate(block)}
        self.made = {node: later.get(key, -1) for node, key in names.items()}
        for k, s in enumerate(block):
            if s.expression.operands and s.expression not in self.made:
                self.made[s.expression], self.names[s.expression] = k, s.target
        self.rank = max((s.expression.ndim for s in block), default=0)
        self.floats = set(floats)
        self._sure: dict[Array, bool] = {}
        self.steps: dict[str, Steps] = {}
        self.renamed: dict[str, str] = {}
        last = self._last_uses()
        for k, s in enumerate(block):
            if self.made.get(s.expression, k) >= k and (found := self._steps_of(s, k, last)):
                self.steps[s.target] = found
            if self._is_float(s.expression):
                self.floats.add(s.target)
        for s in reversed(block):
            if s.target in self.steps and (taken := self.steps[s.target].taken):
                self.renamed[taken] = self.renamed.get(s.target, s.target)

    def name(self, key: str) -> str:
        """What an array is called in the code."""
        return self.renamed.get(key, key)

    # ---- names

    def _called(self, node: Array, k: int) -> str | None:
        """The name of a part that has been made before a statement."""
        return self.names[node] if self.made.get(node, k) < k else label(node)

    def _mentioned(self, expression: Array, k: int) -> list[str]:
        """The names in the text of a statement, or of a part of it."""
        found, seen, stack = list[str](), set[Array](), [expression]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            key = self._called(node, k)
            if key is not None:
                found.append(key)
                continue
            found += [key for part in node.op.hints(node) if (key := self._called(part, k)) is not None]
            stack += node.operands
        return found

    def _last_uses(self) -> dict[str, int]:
        """The last statement that mentions a name."""
        return {key: k for k, s in enumerate(self.block) for key in self._mentioned(s.expression, k)}

    # ---- steps

    def _steps_of(self, statement: Statement, k: int, last: Mapping[str, int]) -> Steps | None:
        spine = self._spine(statement.expression, k)
        bottom = _changed(*spine[-1]) if spine else statement.expression
        taken = self._taken(bottom, k, last)
        if taken is not None:
            place, key = taken
            others = [a for step in spine for a in step[0].operands if a is not _changed(*step)]
            if key not in {name for a in others for name in self._mentioned(a, k)}:
                return Steps((*spine, (bottom, place)), 0, key)
        while spine and not (_saves(*spine[-1]) and self._is_float(_changed(*spine[-1]))):
            spine = spine[:-1]
        return Steps(spine, sum(_saves(*step) for step in spine)) if spine else None

    def _spine(self, root: Array, k: int) -> Spine:
        """The steps from the root down, each through the operand that has been computed for it alone."""
        done: dict[Array, tuple[int, Spine]] = {}

        def look(node: Array) -> tuple[int, Spine]:
            if node not in done:
                best: tuple[int, Spine] = (0, ())
                for place in _places(node):
                    operand = node.operands[place]
                    if self._called(operand, k) is None and _is_made(operand):
                        saved, steps = look(operand)
                        saved += _saves(node, place)
                        if not best[1] or saved > best[0]:
                            best = (saved, ((node, place), *steps))
                done[node] = best
            return done[node]

        return look(root)[1] if self._is_large(root) else ()

    def _taken(self, node: Array, k: int, last: Mapping[str, int]) -> tuple[int, str] | None:
        """The operand whose place the node may take since nobody needs it any more, and its name."""
        for place in _places(node):
            operand = node.operands[place]
            at = self.made.get(operand, -1)
            key = self.names.get(operand, "")
            if not (0 <= at < k and key in self.own and last.get(key) == k and self.block[at].target == key):
                continue
            fresh = isinstance(operand.op, Elementwise) and self._is_large(operand) and self._is_float(operand)
            viewed = any(key in self._mentioned(s.expression, j) and not _is_made(s.expression)
                         for j, s in enumerate(self.block[at + 1 : k], at + 1))  # fmt: skip
            if fresh and not viewed:
                return place, key
        return None

    def _is_large(self, node: Array) -> bool:
        """True for an array of the block's highest rank that is one with any number of leading axes."""
        return node.ndim == self.rank and node.ndim > (1 if is_leading(node.shape) else 0)

    def _is_float(self, node: Array) -> bool:
        """True for an array that is of floats also if the inputs are whole numbers."""
        stack = [node]
        while stack:
            here = stack[-1]
            missing = [a for a in here.operands if a not in self._sure]
            if here in self._sure or not missing:
                self._sure.setdefault(stack.pop(), self._is_float_by_parts(here))
            else:
                stack += missing
        return self._sure[node]

    def _is_float_by_parts(self, node: Array) -> bool:
        key = label(node)
        if key is not None:
            return key in self.floats
        if isinstance(node.op, Constant):
            return not is_whole(node)
        if node.kind != "float":
            return False
        makes_floats = isinstance(node.op, Elementwise) and node.op.function not in KEEP_WHOLE
        return makes_floats or any(self._sure[a] for a in node.operands)


def _places(node: Array) -> tuple[int, ...]:
    """The operands that the result of an operation may be written over."""
    if not isinstance(node.op, Elementwise):
        return ()
    if node.op.name in EITHER_SIDE:
        return (0, 1)
    called = CALL.fullmatch(node.op.scalar.numpy)
    return (0,) if called or node.op.name in AUGMENTED or node.op.name == "negative" else ()


def is_call_of_entries(node: Array, text: str) -> bool:
    """True for the text ``np.tanh(..)`` of one function of entries, which can put its result where it is told to."""
    template = node.op.scalar.numpy if isinstance(node.op, Elementwise) else ""
    return bool(CALL.fullmatch(template)) and text.startswith(template.partition("{")[0])


def _changed(node: Array, place: int) -> Array:
    """What a step changes."""
    return node.operands[place]


def _saves(node: Array, place: int) -> bool:
    """True if NumPy would make another array: it does not where both operands are arrays of one shape."""
    if node.op.name not in AUGMENTED:
        return node.op.name != "negative"
    return isinstance(node.operands[1 - place].op, Broadcast | Constant)


def _is_made(node: Array) -> bool:
    """True for what is computed into an array of its own."""
    return isinstance(node.op, Elementwise | Matmul | PowerOf) and node.kind == "float"
