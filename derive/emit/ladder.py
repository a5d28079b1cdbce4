"""The ladder of evidence for a layer, climbed rung by rung: shapes, proof, read-back, properties."""

from __future__ import annotations

from derive.arrays.array import Array
from derive.arrays.build import count
from derive.arrays.moves import Reshape
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Matmul
from derive.arrays.shapes import Declaration
from derive.derivation.layer import Layer
from derive.derivation.sweep import Derivation
from derive.emit.loading import load_source
from derive.emit.readback import read_back
from derive.errors import DeriveError, callers_place
from derive.evidence.properties import Outcome, properties
from derive.evidence.sizes import Signature
from derive.index.size import ONE, Size
from derive.verdict import Rung, Verdict, weakest

EXAMPLES = {"ci": 40, "deep": 1000}  # cases that hypothesis draws
SEED = 0


def verify(layer: Layer, budget: str = "ci") -> Verdict:
    """The verdict over all rungs; a refutation carries its counterexample.  DeriveError for an unknown budget."""
    if budget not in EXAMPLES:
        raise DeriveError(
            f"budget {budget!r}", f"one of {', '.join(EXAMPLES)} was wanted", callers_place(), 'budget="ci"'
        )
    derivation = layer.derive()
    source = derivation.numpy()
    proof = derivation.prove()
    attack = attacked(derivation, source, EXAMPLES[budget])
    rungs = (shapes(layer), *proof.evidence, read_back(source, derivation), attack.rung)
    if attack.counterexample is not None:
        return Verdict("refuted", layer.name, attack.rung.detail, proof.assumptions, rungs, attack.counterexample)
    shown = weakest(rung.status for rung in rungs if rung.status != "tested")  # tested is what a properties rung can be
    reason = "; ".join(f"{rung.name}: {rung.detail}" for rung in rungs if rung.status == "open")
    return Verdict("open" if reason else shown, layer.name, reason, proof.assumptions, rungs)


def shapes(layer: Layer) -> Rung:
    """The rung of the symbolic shape check: every operation of every equation, from its operands' shapes anew."""
    wrong = [e.name for e in layer.equations if not all(map(conforms, e.expression.walk()))]
    number = len(layer.equations)
    numbers = {"equations": number, "conform": number - len(wrong)}
    detail = f"{number - len(wrong)} of {number} equations conform for every size"
    return Rung("shapes", "open" if wrong else "proved", detail + "".join(f"; not {name}" for name in wrong), numbers)


def conforms(node: Array) -> bool:
    """True if an operation's operands fit each other, and its result has the shape that follows from theirs."""
    shapes_of = [operand.shape for operand in node.operands]
    match node.op:
        case Elementwise():
            fits = len(set(shapes_of)) == 1
        case Matmul():
            left, right = shapes_of
            fits = left[:-2] == right[:-2] and left[-1] == right[-2]
        case Einsum(inputs=inputs):
            pairs = {pair for t, s in zip(inputs, shapes_of, strict=True) for pair in zip(t, s, strict=True)}
            fits = len(pairs) == len({letter for letter, _ in pairs})
        case Broadcast(extent=extent, axes=axes):
            fits = all(s in (ONE, extent[a]) for a, s in zip(axes, shapes_of[0], strict=True))
        case Reshape(extent=extent):
            fits = count(extent) == count(shapes_of[0])
        case _:
            fits = True
    return fits and node.op.shape(*node.operands) == node.shape


def attacked(derivation: Derivation, source: str, examples: int) -> Outcome:
    """The rung of properties, on the generated code."""
    layer = derivation.layer
    declared = {i.name: Declaration(i.shape, i.kind) for i in layer.inputs}
    signature = Signature(declared, tuple(layer.named(output).shape for output in layer.outputs))
    code = load_source(source, layer.name)
    return properties(
        code, signature, wrt=derivation.wrt, examples=examples, seed=SEED, positive_sizes=divisors(layer), source=source
    )


def divisors(layer: Layer) -> frozenset[str]:
    """The sizes that are divided by: means over nothing are not asked for."""
    found: set[str] = set()
    for output in layer.outputs:
        for node in layer.expanded(output).walk():
            if node.op.name == "divide":
                found |= _size_names(node.operands[1])
    return frozenset(found)


def _size_names(array: Array) -> set[str]:
    sizes = [n.op.value for n in array.walk() if isinstance(n.op, Constant) and isinstance(n.op.value, Size)]
    return {name for size in sizes for name in size.names}
