"""A layer: a short program of named equations from inputs to outputs.

Layers are written with SymPy matrix symbols (``Layer.from_sympy``), as NumPy-style functions (``derive.layer``), or by
calling other layers, which makes a network: any acyclic graph of equations, each one line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from derive.arrays.array import Array
from derive.arrays.axis import axis_size
from derive.arrays.named import as_declared, substitute
from derive.arrays.renaming import sizes_inside
from derive.arrays.shapes import (
    FLOAT,
    LEADING,
    LEADING_NAME,
    RESERVED,
    Declaration,
    Kind,
    Shape,
    check_name,
    declare,
    size_names,
    write_shape,
)
from derive.derivation import upstairs
from derive.derivation.program import Equation, program
from derive.errors import DeriveError, callers_place, place_of

if TYPE_CHECKING:
    from derive.derivation.sweep import Derivation
    from derive.verdict import Verdict


@dataclass(frozen=True)
class Input:
    """A named array with a symbolic shape, a kind, and a role: ``data``, ``parameter`` or ``constant``.

    ``leading``: its first axis stands for any number of leading axes.
    """

    name: str
    shape: Shape
    kind: Kind = FLOAT
    role: str = "data"
    leading: bool = False

    @property
    def array(self) -> Array:
        """The input as an expression."""
        return as_declared(self.name, self.declaration)

    @property
    def value(self) -> Any:
        """What a formula gets for it: the array; for a plain int that is a size, the size."""
        return self.array if self.kind.equals is None else axis_size(self.kind.equals)

    @property
    def declaration(self) -> Declaration:
        """Its shape and kind."""
        return Declaration(self.shape, self.kind, self.leading)

    @property
    def written(self) -> str:
        """Its shape as messages and pages show it: ``(..., d)`` for any leading axes, ``int`` for a plain one."""
        if self.kind.scalar:
            return self.kind.name
        shape = write_shape(self.shape)
        return shape.replace(LEADING_NAME, LEADING, 1) if self.leading else shape


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer: its inputs, its equations in order, the names of its outputs, and the source of its formula."""

    name: str
    inputs: tuple[Input, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[str, ...]
    doc: str = ""
    source: str = ""
    written: Callable[..., Any] | None = field(default=None, repr=False)  # the function it was read from
    symbols: Mapping[str, Any] = field(default_factory=dict, repr=False)  # the SymPy symbols it was read with
    options: Mapping[str, Any] = field(default_factory=dict)
    variant: Callable[..., Layer] | None = field(default=None, repr=False)  # makes it with other options; options.py

    def __post_init__(self) -> None:
        check_layer(self)

    # ---- three ways in

    @staticmethod
    def from_sympy(
        layer_name: str,
        inputs: Sequence[Any],
        output: Any,
        shapes: Mapping[str, str] | None = None,
        *,
        result: str | None = None,
        parameters: Sequence[str] = (),
        doc: str = "",
        source: str = "",
    ) -> Layer:
        """A layer from a SymPy matrix expression in the given MatrixSymbols (and Symbols, for scalars).

        ``shapes`` names the shape of an array that stands for a row or column symbol, such as ``{"b": "m"}``;
        ``result`` names the output (``Y``, or ``E`` for a scalar); ``parameters`` are the inputs that are learned.
        DeriveError for a node outside the language, clashing shapes, or a symbol that is not an input.
        """
        arrays, expression = upstairs.call("arrays.sympy_in", "read", output, inputs, shapes)
        said = {key: declare(text) for key, text in (shapes or {}).items()}
        declared = {key: said.get(key) or Declaration(a.shape, Kind(a.op.fact)) for key, a in arrays.items()}
        symbols = {str(symbol): symbol for symbol in inputs}
        title = result or output_name(expression, arrays)
        return build_layer(layer_name, declared, {}, {title: expression}, parameters, doc, source, symbols=symbols)

    # ---- what it says

    def __call__(self, *args: Any, **named: Any) -> Any:
        """One line of a network: this layer applied to symbolic arrays (or, to NumPy arrays, its value)."""
        operands = self.bind(args, named)
        if not any(isinstance(operand, Array) for operand in operands):
            return self._compiled.forward(*operands)[0]
        return upstairs.call("derivation.call", "called", self, operands)

    def bind(self, args: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        """The arguments in the order of the inputs; DeriveError for one missing, unknown or given twice."""
        names = [i.name for i in self.inputs]
        given = dict(zip(names, args, strict=False))
        wanted = f"{self.name}({', '.join(names)}) was wanted"
        if len(args) > len(names):
            raise DeriveError(f"{self.name}: {len(args)} arguments", wanted, callers_place())
        for key, value in named.items():
            if key not in names:
                raise DeriveError(f"{self.name}: an argument named {key}", wanted, callers_place())
            if key in given:
                raise DeriveError(f"{self.name}: {key} given twice", wanted, callers_place())
            given[key] = value
        missing = [key for key in names if key not in given]
        if missing:
            raise DeriveError(f"{self.name}: no {', '.join(missing)}", wanted, callers_place())
        return [given[key] for key in names]

    def written_shape(self, array: Array) -> str:
        """A shape as pages show it: ``(..., d)`` where its first axis stands for any leading axes."""
        leads = any(i.leading for i in self.inputs) and bool(array.shape) and array.shape[0].name == LEADING_NAME
        shape = write_shape(array.shape)
        return shape.replace(LEADING_NAME, LEADING, 1) if leads else shape

    @property
    def arrays(self) -> tuple[Input, ...]:
        """The inputs that are arrays; the others are sizes, given as plain ints."""
        return tuple(i for i in self.inputs if i.kind.equals is None)

    @property
    def wrt(self) -> tuple[str, ...]:
        """The inputs that have a gradient: those of a float kind."""
        return tuple(i.name for i in self.inputs if i.kind.is_float)

    @property
    def sizes(self) -> tuple[str, ...]:
        """The names of its sizes."""
        return self._sizes

    @cached_property
    def _sizes(self) -> tuple[str, ...]:
        inside = [name for e in self.equations for name in sizes_inside(e.expression)]  # a stride, say
        given = tuple(i.kind.equals for i in self.inputs if i.kind.equals is not None)
        return tuple(dict.fromkeys([*size_names([*(i.shape for i in self.inputs), given]), *inside]))

    @cached_property
    def _compiled(self) -> Any:
        return self.derive().compile()

    @cached_property
    def conditional(self) -> bool:
        """True if any operation in its formulas holds under conditions only."""
        return any(part.op.assumes(part) for o in self.outputs for part in self.expanded(o).walk())

    @cached_property
    def _equations(self) -> dict[str, Equation]:
        return {e.name: e for e in self.equations}

    @cached_property
    def _inputs(self) -> dict[str, Input]:
        return {i.name: i for i in self.inputs}

    def equation(self, label: str) -> Equation | None:
        """The equation of a name, or None for an input."""
        return self._equations.get(label)

    def input(self, label: str) -> Input | None:
        """The input of a name, or None."""
        return self._inputs.get(label)

    def named(self, label: str) -> Array:
        """An input or the result of an equation, as an expression."""
        found = self.input(label)
        if found is not None:
            return found.array
        equation = self.equation(label)
        assert equation is not None
        return equation.array

    def expanded(self, output: str) -> Array:
        """An output as one expression in the inputs."""
        done: dict[str, Array] = {}
        for equation in self.equations:
            done[equation.name] = substitute(equation.expression, done)
        return done[output]

    # ---- what is done with it

    def derive(self, wrt: Sequence[str] | None = None) -> Derivation:
        """The derivation: the adjoint of every name, one proved line each.  ``wrt``: inputs, by default all floats."""
        derived: Derivation = upstairs.call("derivation.sweep", "derivation", self, wrt)
        return derived

    def verify(self, budget: str = "ci") -> Verdict:
        """The whole ladder of evidence (``budget`` "ci" or "deep"): proof, read-back, properties."""
        verdict: Verdict = upstairs.call("emit.ladder", "verify", self, budget)
        return verdict

    def report(self) -> str:
        """The layer's page in Markdown."""
        text: str = upstairs.call("emit.report", "page", self)
        return text

    def with_options(self, **options: Any) -> Layer:
        """The layer with other options; DeriveError for one that it does not have, or of a wrong value."""
        if self.variant is not None:
            return self.variant(**options)
        if options:
            raise DeriveError(
                f"{self.name}: options {', '.join(options)}", "this layer has no options", callers_place()
            )
        return self

    def _repr_latex_(self) -> str:
        text: str = upstairs.call("derivation.notation", "layer_in_latex", self)
        return text

    def __str__(self) -> str:
        head = f"{self.name}({', '.join(f'{i.name}: {i.written}' for i in self.inputs)})"
        return "\n".join([head, *(f"  {equation}" for equation in self.equations)])


# ---- making layers


def output_name(expression: Array, taken: Mapping[str, Any]) -> str:
    """A name for an output that has none: E for a scalar, else Y."""
    wanted: tuple[str, ...] = ("Y", "Z", "out", "result") if expression.shape else ("E", "L", "loss")
    sizes = size_names(array.shape for array in taken.values() if isinstance(array, Array))
    more = [f"{wanted[0]}{k}" for k in range(1, len(taken) + len(sizes) + 2)]
    return next(c for c in [*wanted, *more] if c not in taken and f"d{c}" not in taken and c not in sizes)


def build_layer(
    title: str,
    inputs: Mapping[str, Declaration],
    parts: Mapping[str, Array],
    outputs: Mapping[str, Array],
    parameters: Sequence[str] = (),
    doc: str = "",
    source: str = "",
    written: Callable[..., Any] | None = None,
    symbols: Mapping[str, Any] | None = None,
) -> Layer:
    """A layer from expressions: ``parts`` are intermediate results that have a name."""
    unknown = sorted(set(parameters) - set(inputs))
    if unknown:
        raise DeriveError(
            f"{title}: parameters {', '.join(unknown)}", f"some of {', '.join(inputs)} were wanted", callers_place()
        )
    used = {text for output in outputs.values() for text in output.names()}
    if unused := next((key for key, d in inputs.items() if key not in used and d.kind.equals is None), None):
        raise DeriveError(
            f"{title}: the input {unused} is not used",
            "every declared input in the formula",
            callers_place() if written is None else place_of(written),
            f"removing {unused} from the inputs",
        )
    equations = program(inputs, parts, outputs)
    slots = _parameter_slots([*outputs.values()])
    roles = {
        key: "parameter" if key in parameters or key in slots else "data" if declared.kind.is_float else "constant"
        for key, declared in inputs.items()
    }
    declared = tuple(Input(key, value.shape, value.kind, roles[key], value.leading) for key, value in inputs.items())
    return Layer(title, declared, equations, tuple(outputs), doc, source, written, dict(symbols or {}))


def _parameter_slots(expressions: Sequence[Array]) -> set[str]:
    """The inputs that stand in a parameter's place of a layer that is called."""
    from derive.arrays.named import label
    from derive.derivation.call import LayerCall

    found = set()
    for expression in expressions:
        for node in expression.walk():
            if isinstance(node.op, LayerCall):
                for i, operand in zip(node.op.layer.arrays, node.operands, strict=True):
                    if i.role == "parameter" and (text := label(operand)) is not None:
                        found.add(text)
    return found


def check_layer(layer: Layer) -> None:
    """DeriveError for a name that is reserved, taken twice, unused, or that an adjoint would take."""
    where = callers_place() if layer.written is None else place_of(layer.written)
    if layer.name not in tuple(RESERVED):  # a layer is no array: it may be called sigmoid
        check_name(layer.name, "a layer", where)
    names = Counter([i.name for i in layer.inputs] + [e.name for e in layer.equations])
    sizes = set(layer.sizes)
    for label, times in names.items():
        check_name(label, f"{layer.name}: an array", where)
        if times > 1:
            raise DeriveError(
                f"{layer.name}: the name {label} is declared twice",
                "one array a name",
                where,
                "another name for one of the two",
            )
        if label in sizes and not _is_size(layer.input(label)):
            raise DeriveError(
                f"{layer.name}: {label} names an array and a size",
                "one meaning a name",
                where,
                f'another name for the size, such as "{label}_"',
            )
        if f"d{label}" in names or f"d{label}" in sizes:
            raise DeriveError(
                f"{layer.name}: the name d{label} is declared",
                f"it names the adjoint of {label}",
                where,
                "another name for one of the two",
            )
        if label in layer.outputs and f"{label}_out" in names:
            raise DeriveError(
                f"{layer.name}: the name {label}_out is declared",
                f"d{label}_out names what comes from above to the output {label}",
                where,
                "another name for one of the two",
            )


def _is_size(given: Input | None) -> bool:
    """True for the size of that name, given as a plain int."""
    return given is not None and given.kind.equals is not None and given.kind.equals.name == given.name
