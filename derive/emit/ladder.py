"""The ladder of evidence for a layer, climbed rung by rung: shapes, proof, read-back, properties."""

from __future__ import annotations

from derive.arrays.array import Array
from derive.arrays.operations import Constant
from derive.arrays.shapes import Declaration
from derive.derivation.layer import Layer
from derive.derivation.sweep import Derivation
from derive.emit.loading import load_source
from derive.emit.readback import read_back
from derive.errors import DeriveError
from derive.evidence.properties import Outcome, properties
from derive.evidence.sizes import Signature
from derive.index.size import Size
from derive.verdict import Rung, Verdict, weakest

EXAMPLES = {"ci": 40, "deep": 1000}  # cases that hypothesis draws
SEED = 0


def verify(layer: Layer, budget: str = "ci") -> Verdict:
    """The verdict over all rungs; a refutation carries its counterexample.  DeriveError for an unknown budget."""
    if budget not in EXAMPLES:
        raise DeriveError(f"budget {budget!r}", f"one of {', '.join(EXAMPLES)} was wanted")
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
    """The rung of the symbolic shape check, which every equation passed when it was written."""
    number = len(layer.equations)
    return Rung("shapes", "proved", f"{number} of {number} equations conform for every size", {"equations": number})


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
