"""Expressions in LaTeX: in matrix notation where they have one, else entry by entry (latex_entries.py).

A product, a transpose and an inverse are those of the last two axes; ``rowsum(A)`` has the shape of A, and the sum of a
row at every place of the row.  Everything else of more than two axes, or along another axis, is written with indices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from derive.arrays import functions
from derive.arrays.array import Array, apply
from derive.arrays.latex_names import MINUS, PLAIN, Notation, Text, math_size, number, operator, subscripted, symbol
from derive.arrays.methods import reduction
from derive.arrays.moves import Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, PowerOf, Sum
from derive.arrays.rows import RowFunction
from derive.arrays.shapes import Shape
from derive.arrays.writing import uncopied
from derive.index.size import ONE, Size

ROW_FUNCTIONS = ("sum", "mean", "max", "min", "var")


class Latex:
    """Writes whole arrays.  A call writes an operand, in brackets if need be."""

    ATOM, POWER, SIGN, TIMES, PLUS = functions.ATOM, functions.POWER, functions.SIGN, functions.TIMES, functions.PLUS
    SUM = 16  # a sum sign takes in the products behind it

    def __init__(self, notation: Notation = PLAIN) -> None:
        self.notation, self.names = notation, notation.names
        self.whole = True  # False once a part was written entry by entry

    def text(self, array: Array) -> Text:
        """The text and its precedence."""
        return (self.symbol(self.names[array]), self.ATOM) if array in self.names else array.op.math(self, array)

    def __call__(self, array: Array, binds: int) -> str:
        """The text of an operand, in brackets if it binds less tightly than ``binds``."""
        text, own = self.text(array)
        return text if own >= binds else bracket(text)

    def symbol(self, label: str) -> str:
        """A name."""
        return symbol(label, self.notation)

    def named(self, label: str) -> Text:
        """A named array."""
        return self.symbol(label), self.ATOM

    def number(self, value: Fraction | Size | str) -> Text:
        """A number."""
        return number(value)

    def constant(self, value: Fraction | Size | str, shape: Shape) -> Text:
        """A constant array: the number times an array of ones, whose shape is said."""
        text, binds = number(value)
        if not shape:
            return text, binds
        by = r" \times ".join(math_size(size, "") for size in shape)
        if value == 0:
            return rf"\mathbf{{0}}_{{{by}}}", self.ATOM
        ones = rf"\mathbf{{1}}_{{{by}}}"
        return (ones, self.ATOM) if value == 1 else (rf"{text} \, {ones}", min(binds, self.TIMES))

    def call(self, function: str, *operands: Array) -> Text:
        """A function by name."""
        return rf"{operator(function)}({', '.join(self(operand, 0) for operand in operands)})", self.ATOM

    def entries(self, array: Array) -> Text:
        """``[A_ij]_ij``: what has no matrix notation."""
        from derive.arrays.latex_entries import entries_of

        self.whole = False
        letters, (text, own) = entries_of(array, self.notation)
        return (rf"\left[{text}\right]_{{{','.join(letters)}}}", self.ATOM) if letters else (text, own)

    # ---- functions of entries

    def template(self, template: str, binds: int, node: Array) -> Text:
        """An elementwise function by its template; a constant or a scalar beside a matrix is written once."""
        scaled = self._scaled(node)
        template, binds = (scaled, self.TIMES) if scaled else (template, binds)
        plain = [self._plain(operand) for operand in node.operands]
        if node.shape and all(map(_is_copied_scalar, node.operands)):
            plain[0] = self.text(node.operands[0])  # one must have the shape
        if scaled == PRODUCT and plain[0][1] == self.TIMES and any(sign in plain[0][0] for sign in (" / ", r"\oslash")):
            plain[0] = (bracket(plain[0][0]), self.ATOM)  # A / (2 q) is not (A / 2) q
        return filled(template, binds, node, plain)

    def _plain(self, operand: Array) -> Text:
        core = uncopied(operand)
        if core is None or not _is_copied_scalar(operand):
            return self.text(operand)
        return self._scalar(core)

    def _scalar(self, core: Array) -> Text:
        """A scalar, or the one entry of an array of size 1."""
        if isinstance(core.op, Constant):
            return number(core.op.value)
        text, own = self.text(core)
        if not core.shape:
            return (bracket(text), self.ATOM) if own == self.TIMES + 1 else (text, own)  # (xᵀ x) A
        return subscripted(text if own == self.ATOM else bracket(text), "0" * core.ndim), self.ATOM

    def _scaled(self, node: Array) -> str:
        """The template of a product or quotient by a scalar; empty for every other."""
        if node.op.name not in ("multiply", "divide"):
            return ""
        scalars = [not node.shape or _is_copied_scalar(operand) for operand in node.operands]
        if node.op.name == "divide":
            return FRACTION if not node.shape else "{0} / {1}" if scalars[1] else ""
        if not any(scalars):
            return ""
        return "{0} {1}" if isinstance(node.operands[0].op, Constant) and not all(scalars) else PRODUCT

    # ---- products

    def matmul(self, left: Array, right: Array) -> Text:
        """``A B``."""
        scalars, (left, right) = self._scalars([left, right])
        return self._product(*scalars, self(left, self.TIMES + 1), self(right, self.TIMES + 1))

    def _scalars(self, factors: Sequence[Array]) -> tuple[list[str], list[Array]]:
        """The scalars by which factors of a product are multiplied, to be written in front of it; and the rest."""
        scalars, rest = list[str](), list[Array]()
        for factor in factors:
            cores = [uncopied(operand) for operand in factor.operands] if factor.op.name == "multiply" else []
            place = next((k for k, c in enumerate(cores) if c is not None and not c.shape and c.names()), None)
            if place is None or not factor.shape or factor in self.names:
                rest.append(factor)
                continue
            scalars.append(self(cores[place], self.TIMES + 1))  # type: ignore[arg-type]  # a scalar was found
            rest.append(factor.operands[1 - place])
        return scalars, rest

    def _product(self, *factors: str) -> Text:
        return r" \, ".join(factors), self.TIMES + 1

    def transposed(self, array: Array) -> Text:
        """A superscript, one with the inverse if there is one."""
        if array.op.name == "inv" and array not in self.names:
            return rf"{self(array.operands[0], self.POWER + 1)}^{{-\top}}", self.POWER
        if isinstance(array.op, Transpose) and array.op.swaps and array not in self.names:
            return self.text(array.operands[0])
        return rf"{self(array, self.POWER + 1)}^{{\top}}", self.POWER

    def einsum(self, node: Array) -> Text:
        """A trace, products of matrices and vectors, else entry by entry."""
        scalars, factors = self._scalars(node.operands)
        if scalars:
            text, own = self.einsum(apply(node.op, *factors))
            return self._product(*scalars, text if own > self.TIMES else bracket(text))
        op = node.op
        assert isinstance(op, Einsum)
        if op.pattern == "aa->":
            return self.call("tr", *node.operands)
        if op.pattern == "a,a->":
            left, right = node.operands
            return self._product(self._row(left), self._column(right))
        if op.pattern in ("ab,b->a", "ba,b->a", "a,ab->b", "a,ba->b"):
            return self._column(node), self.TIMES + 1
        if op.pattern == "a,b->ab":
            left, right = node.operands
            return self._product(self._column(left), self._row(right))
        product = _of_matrices(op)
        if product is not None:
            sides = [(node.operands[place], flipped) for place, flipped in product]
            texts = [self.transposed(a) if flipped else self.text(a) for a, flipped in sides]
            return self._product(*[text if own > self.TIMES else bracket(text) for text, own in texts])
        return self.entries(node)

    def _column(self, vector: Array) -> str:
        """A vector as a column: ``A x``."""
        parts = self._of_vector(vector)
        if parts is None:
            return self(vector, self.TIMES + 1)
        matrix, flipped, inner = parts
        text, own = self.transposed(matrix) if flipped else self.text(matrix)
        return self._product(text if own > self.TIMES else bracket(text), self._column(inner))[0]

    def _row(self, vector: Array) -> str:
        """A vector as a row: ``xᵀ Aᵀ``."""
        parts = self._of_vector(vector)
        if parts is None:
            return rf"{self(vector, self.POWER + 1)}^{{\top}}"
        matrix, flipped, inner = parts
        text, own = self.text(matrix) if flipped else self.transposed(matrix)
        return self._product(self._row(inner), text if own > self.TIMES else bracket(text))[0]

    def _of_vector(self, vector: Array) -> tuple[Array, bool, Array] | None:
        """The matrix, whether it is transposed, and the vector whose product a vector is; None if it is none."""
        op = vector.op
        if vector in self.names or not isinstance(op, Einsum) or vector.ndim != 1 or len(op.inputs) != 2:
            return None
        matrix, inner = sorted(zip(op.inputs, vector.operands, strict=True), key=lambda pair: -len(pair[0]))
        if len(matrix[0]) != 2 or len(inner[0]) != 1 or {*matrix[0]} != {*inner[0], *op.output}:
            return None
        return matrix[1], matrix[0][0] == inner[0], inner[1]

    def slice(self, node: Array) -> Text:
        """``A[:, d:2d]``: a range of rows or columns."""
        op = node.op
        assert isinstance(op, Slice)
        (operand,) = node.operands
        keys = zip(op.begin, op.extent, op.stride, operand.shape, strict=True)
        below = r",\, ".join(_range(*axis) for axis in keys)
        return f"{self(operand, self.ATOM)}[{below}]", self.ATOM

    # ---- sums and copies

    def sum(self, node: Array, axes: tuple[int, ...]) -> Text:
        """``1ᵀ A`` for the columns of a matrix, ``A 1`` for its rows, else entry by entry."""
        (operand,) = node.operands
        if isinstance(operand.op, Broadcast) and operand not in self.names:
            return self.entries(node)  # ones times ones: nothing would say how many
        if operand.ndim == 2 and axes == (0,):
            return self._product(r"\mathbf{1}^{\top}", self(operand, self.TIMES + 1))
        if operand.ndim == 2 and axes == (1,):
            return self._product(self(operand, self.TIMES + 1), r"\mathbf{1}")
        return self.entries(node)

    def copies(self, node: Array) -> Text:
        """A row below ones, a column beside ones, a function of rows, or a scalar times ones."""
        op = node.op
        assert isinstance(op, Broadcast)
        (core,) = node.operands
        if isinstance(core.op, Broadcast) and core not in self.names:
            return self.text(copied(core, node))
        if _is_copied_scalar(node):
            text, own = self._scalar(core)
            ones = self.constant(Fraction(1), node.shape)[0]
            return self._product(text if own > self.TIMES else bracket(text), ones)[0], self.TIMES
        last = node.ndim - 1
        for word, axis in (("row", last), ("col", 0)):
            others = tuple(k for k in range(node.ndim) if k != axis)
            kept = core.ndim == node.ndim and core.shape[axis] == ONE and op.axes == tuple(range(node.ndim))
            if (op.axes == others or kept) and (word == "row" or node.ndim == 2):
                found = self._of_rows(core, node, word, axis)
                if found is not None:
                    return found
        if node.ndim != 2:
            return self.entries(node)
        if core.ndim == 1 and node.shape[op.new_axes[0]] == ONE:
            return self.entries(node)  # a vector as a matrix of one row or column
        if core not in self.names and _lies(core) == ("column" if op.axes == (1,) else "row"):
            return self.entries(node)  # as it is written, it lies the other way
        below = op.axes == (1,) if core.ndim == 1 else core.shape[0] == ONE and node.shape[0] != ONE
        body = self(core, self.TIMES + 1)
        return self._product(r"\mathbf{1}", body) if below else self._product(body, r"\mathbf{1}^{\top}")

    def _of_rows(self, core: Array, node: Array, word: str, axis: int) -> Text | None:
        """``rowsum(A)``, or a formula of such, if that is what is copied along an axis; else None."""
        if core in self.names or not _reduces(core, self.names):
            return None
        found = reduction(core, self.names)
        if found is not None and found.method in ROW_FUNCTIONS:
            if found.axes != (axis,) or found.operand.shape != node.shape:
                return None
            return self.call(word + found.method, found.operand)
        if isinstance(core.op, RowFunction) and core.shape != core.operands[0].shape:
            return self._of_rows(core.op.formula(*core.operands), node, word, axis)
        if not isinstance(core.op, Elementwise | PowerOf):
            return None
        return self.text(apply(core.op, *[copied(operand, node) for operand in core.operands]))


# ---- lines


def sides(label: str, array: Array, notation: Notation = PLAIN) -> tuple[str, str]:
    """The two sides of an equation: of whole arrays, or of their entries where there is no matrix notation."""
    write = Latex(notation)
    text = write.text(array)[0]
    if write.whole:
        return symbol(label, notation), text
    from derive.arrays.latex_entries import entries_of

    letters, (text, _) = entries_of(array, notation, label)
    return subscripted(symbol(label, notation), letters), text


def math_text(array: Array, notation: Notation = PLAIN) -> str:
    """The expression as LaTeX, without delimiters."""
    return Latex(notation).text(array)[0]


# ---- templates


PRODUCT = r"{0} \, {1}"
FRACTION = r"\frac{{{0}}}{{{1}}}"


def choice(rows: Sequence[tuple[str, str]], other: str) -> str:
    """What holds under the first of some conditions that is true, else another."""
    said = [rf"{text} & \text{{if }} {condition}" for text, condition in rows] + [rf"{other} & \text{{otherwise}}"]
    return r"\begin{cases} " + r" \\ ".join(said) + r" \end{cases}"


def bracket(text: str) -> str:
    """The text in brackets."""
    return rf"\left({text}\right)"


def filled(template: str, binds: int, node: Array, operands: list[Text]) -> Text:
    """A template with its operands, bracketed where they bind less tightly."""
    if node.op.name == "where":
        condition, *values = [text for text, _ in operands]
        if condition.startswith(r"\left[") and condition.count(r"\left[") == 1 and condition.endswith(r"\right]"):
            condition = condition.removeprefix(r"\left[").removesuffix(r"\right]")
        return choice([(values[0], condition)], values[1]), 0
    if template.startswith(r"\left["):
        binds = Latex.ATOM
    call = binds == Latex.ATOM or template == FRACTION
    either = node.op.name in ("add", "multiply")  # associative
    texts = []
    for place, (text, own) in enumerate(operands):
        least = 0 if call else binds + (1 if place and not either else 0)
        if template.startswith("-"):
            least = Latex.SUM
        ends = place and node.op.name == "multiply" and own == Latex.SUM  # a sum sign as the last factor
        signed = (place or template.startswith("-")) and not call and text.startswith("-")
        texts.append(text if (own >= least or ends) and not signed else bracket(text))
        binds = Latex.SUM if ends else binds
    if template == FRACTION:  # the sign of a fraction stands before it
        above, below = texts
        sign = "-" if above.startswith("-") and operands[0][1] == MINUS else ""
        return f"{sign}{template.format(above.removeprefix(sign), below)}", MINUS if sign else Latex.ATOM
    return template.format(*texts), MINUS if template.startswith("-") else binds


# ---- what expressions are


def copied(array: Array, node: Array) -> Array:
    """An operand of a formula that is copied as a node is, copied by itself."""
    if isinstance(array.op, Constant):
        return apply(Constant(array.op.value, node.shape))
    assert isinstance(node.op, Broadcast)
    axes = node.op.axes
    while isinstance(array.op, Broadcast):
        axes = tuple(axes[k] for k in array.op.axes)
        (array,) = array.operands
    return apply(Broadcast(node.shape, axes), array)


def _lies(vector: Array) -> str:
    """Whether a vector is written as a column, ``A 1``, or as a row, ``1ᵀ A``; empty for a name, that may be either."""
    op = vector.op
    if isinstance(op, Sum) and vector.ndim == 1:
        return "row" if op.axes == (0,) else "column"
    if isinstance(op, Einsum) and vector.ndim == 1:
        return "column"
    return next((lies for operand in vector.operands if operand.ndim == 1 and (lies := _lies(operand))), "")


def _is_scalar(array: Array) -> bool:
    """True for what is one number, or an array of one number only."""
    return isinstance(array.op, Constant) or all(size == ONE for size in array.shape)


def _is_copied_scalar(array: Array) -> bool:
    """True for the copies of one number; a row of one entry below ones is a matrix product like any other."""
    core = uncopied(array)
    if core is None or isinstance(core.op, Constant):
        return core is not None
    assert isinstance(array.op, Broadcast)
    return _is_scalar(core) and (not core.shape or any(array.shape[axis] != ONE for axis in array.op.axes))


def _reduces(array: Array, names: Mapping[Array, str]) -> bool:
    """True if a function of rows is among what an expression is made of, entry by entry."""
    found = reduction(array, names)
    if array in names or (found is not None and found.method in ROW_FUNCTIONS):
        return array not in names
    if isinstance(array.op, RowFunction):
        return array.shape != array.operands[0].shape
    return isinstance(array.op, Elementwise | PowerOf | Broadcast) and any(
        _reduces(operand, names) for operand in array.operands
    )


def _range(begin: Size, extent: Size, stride: Size | int, size: Size) -> str:
    """``:d`` or ``d:`` or ``::2``: the places of a slice of one axis."""
    whole = not begin.terms and extent == size and stride == 1
    start = "" if not begin.terms else math_size(begin, "")
    if stride != 1:
        return f"{start}:{math_size(begin + extent * stride, '')}:{math_size(Size.of(stride), '')}"
    return ":" if whole else f"{start}:{'' if begin + extent == size else math_size(begin + extent, '')}"


def _of_matrices(op: Einsum) -> list[tuple[int, bool]] | None:
    """The places of two matrices in a product, and whether each is transposed; None for other contractions."""
    if [len(letters) for letters in (*op.inputs, op.output)] != [2, 2, 2] or any(len(set(t)) < 2 for t in op.inputs):
        return None
    shared = {*op.inputs[0]} & {*op.inputs[1]}
    if len(shared) != 1 or shared & {*op.output}:
        return None
    first = 0 if op.output[0] in op.inputs[0] else 1
    left, right = op.inputs[first], op.inputs[1 - first]
    return [(first, left[0] != op.output[0]), (1 - first, right[1] != op.output[1])]
