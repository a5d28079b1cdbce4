"""The ladder of evidence for a layer, climbed rung by rung: shapes, proof, read-back, properties, accuracy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from derive.arrays.array import Array
from derive.arrays.build import count
from derive.arrays.gather import AddRows, Pick, Put
from derive.arrays.joining import Concatenate
from derive.arrays.moves import Reshape, Slice
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Matmul
from derive.arrays.rows import OfRows, without
from derive.arrays.windows import Overlap, Windows
from derive.derivation.layer import Layer
from derive.derivation.reader import called
from derive.derivation.recurrence import LoopDerivation
from derive.derivation.sweep import Derivation
from derive.emit import loop_readback, readback
from derive.emit.accuracy import accuracy
from derive.emit.domain import domain_of
from derive.emit.loading import load_source
from derive.errors import DeriveError, callers_place
from derive.evidence.contract import not_told
from derive.evidence.properties import Outcome, properties, sample
from derive.evidence.sizes import Signature
from derive.index.size import ONE, Size
from derive.verdict import Rung, Verdict, weakest

EXAMPLES = {"ci": 40, "deep": 1000}  # cases that hypothesis draws
SEED = 0
WRITTEN = 12  # cases at which a function and its formula are compared


def verify(layer: Layer, budget: str = "ci") -> Verdict:
    """The verdict over all rungs; a refutation carries its counterexample.  DeriveError for an unknown budget.

    Accuracy is told, but decides nothing: floats that lose digits at the ends of their range do not make an equation
    of real numbers any less shown.
    """
    if budget not in EXAMPLES:
        raise DeriveError(
            f"budget {budget!r}", f"one of {', '.join(EXAMPLES)} was wanted", callers_place(), 'budget="ci"'
        )
    derivation = layer.derive()
    source = derivation.numpy()
    proof = derivation.prove()
    attack = attacked(derivation, source, EXAMPLES[budget])
    reading = loop_readback if isinstance(derivation, LoopDerivation) else readback
    digits = accuracy(derivation, load_source(source, layer.name), signature_of(layer).where, budget)
    said = (shapes(layer), *proof.evidence, reading.read_back(source, derivation))
    rungs = (*said, attack.rung, *_as_written(layer, source))
    evidence = (*rungs, digits)
    refuted = next((rung for rung in rungs if rung.status == "refuted" and rung is not attack.rung), None)
    if refuted is not None:
        return Verdict("refuted", layer.name, refuted.detail, proof.assumptions, evidence)
    if attack.counterexample is not None:
        return Verdict("refuted", layer.name, attack.rung.detail, proof.assumptions, evidence, attack.counterexample)
    shown = weakest(rung.status for rung in rungs if rung.status != "tested")  # tested is what a properties rung can be
    reason = "; ".join(f"{rung.name}: {rung.detail}" for rung in rungs if rung.status == "open")
    return Verdict("open" if reason else shown, layer.name, reason, proof.assumptions, evidence)


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
        case Concatenate(axis=axis):
            fits = len({(*s[:axis], *s[axis + 1 :]) for s in shapes_of}) == 1
        case Pick(axis=axis) | Put(axis=axis):
            fits = all(shape == without(shapes_of[0], (axis,)) for shape in shapes_of[1:])
        case AddRows():
            fits = shapes_of[1][: len(shapes_of[0])] == shapes_of[0]
        case Reshape(extent=extent):
            fits = count(extent) == count(shapes_of[0])
        case _:
            fits = True
    return fits and node.op.shape(*node.operands) == node.shape


def signature_of(layer: Layer) -> Signature:
    """What evidence draws: the inputs and outputs, and the sizes that the assumptions ask for."""
    declared = {i.name: i.declaration for i in layer.inputs}
    where = tuple(a.replace("≥", ">=") for a in layer.derive().prove().assumptions if "≥" in a)
    return Signature(declared, tuple(layer.named(output).shape for output in layer.outputs), where)


def attacked(derivation: Derivation, source: str, examples: int) -> Outcome:
    """The rung of properties, on the generated code."""
    layer = derivation.layer
    signature = signature_of(layer)
    code = load_source(source, layer.name)
    return properties(
        code,
        signature,
        wrt=derivation.wrt,
        examples=examples,
        seed=SEED,
        positive_sizes=divisors(layer),
        source=source,
        domain=domain_of(derivation),
    )


def _as_written(layer: Layer, source: str) -> list[Rung]:
    """The rung of the function that the layer was read from: on arrays it gives what the generated forward gives.

    This is what notices a function that is not what it seemed when it was read (it asks what type it was given, say).
    """
    if layer.written is None:
        return []
    forward, compared = load_source(source, layer.name).forward, 0
    for case in sample(signature_of(layer), WRITTEN, SEED, divisors(layer)):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                given = case.contiguous().arguments()
                theirs, ours = called(layer.written, given), forward(*given.values())[0]
            except Exception as error:
                if not_told(error):
                    continue
                return [Rung("as written", "refuted", f"{layer.name} on arrays raised {type(error).__name__}: {error}")]
        pairs = zip(theirs, ours, strict=True) if len(layer.outputs) > 1 else [(theirs, ours)]
        if not all(_same(a, b) for a, b in pairs):
            return [Rung("as written", "refuted", f"{layer.name} on arrays gives another result than its formula")]
        compared += 1
    return [Rung("as written", "tested", f"the function and the generated forward agree on {compared} cases")]


def _same(theirs: Any, ours: Any) -> bool:
    """Equal to half of the digits: a formula that was misread is no rounding error."""
    left, right = np.asarray(theirs, dtype=float), np.asarray(ours, dtype=float)
    if left.shape != right.shape:
        return False
    half = np.sqrt(np.finfo(float).eps)
    both = np.isfinite(left) & np.isfinite(right)
    scale = np.max(np.abs(right[both]), initial=1.0)
    return bool(np.all(np.abs(left[both] - right[both]) <= half * scale))


def divisors(layer: Layer) -> frozenset[str]:
    """The sizes that are divided by, of rows, of windows: the mean or the maximum of nothing is not asked for."""
    assumed = {text.removesuffix(" > 0") for text in layer.derive().prove().assumptions}
    found = {name for name in layer.sizes if name in assumed}
    found |= {name for i in layer.inputs if i.kind.equals is not None for name in i.kind.equals.names}
    for equation in layer.equations:
        for node in equation.expression.walk():
            if node.op.name == "divide":
                found |= _size_names(node.operands[1])
            if isinstance(node.op, OfRows | Windows | Overlap | Slice):
                found |= {name for size in node.op.lengths(node) for name in size.names}
    return frozenset(found)


def _size_names(array: Array) -> set[str]:
    sizes = [n.op.value for n in array.walk() if isinstance(n.op, Constant) and isinstance(n.op.value, Size)]
    return {name for size in sizes for name in size.names}
