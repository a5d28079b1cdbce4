"""The page of a layer: statement, equations, derivation, gradients, code, evidence, and what is not shown.

Pages are Markdown that GitHub shows as it stands: display math in ``math`` fences, inline math in backquoted dollars,
diagrams in Mermaid.  The same layer gives the same bytes: no dates, no machine names, no timings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from types import MappingProxyType

from derive.arrays.latex import Latex, math_text, sides
from derive.arrays.rows import RowFunction
from derive.derivation.call import LayerCall
from derive.derivation.layer import Layer
from derive.derivation.notation import gradient_in_latex, notation_in, notation_of, upstream_in_latex
from derive.derivation.program import Equation
from derive.derivation.sweep import UPSTREAM, Derivation, Step
from derive.emit.accuracy import compared, grade, program_of, regime
from derive.emit.ladder import signature_of, verify
from derive.emit.legend import legend
from derive.emit.plan import unfolded
from derive.evidence.accuracy import Contender
from derive.evidence.balls import NoValue
from derive.rules.book import rule_of
from derive.verdict import Rung, Verdict

MARKS = {"proved": "✓ proved", "tested": "✓ tested", "refuted": "✗ refuted", "open": "? open"}
UNSAID = ("broadcast", "step")  # operations that a diagram does not name
BOUNDS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, inf)  # worst errors are told as bounds that hold on any machine


def page(
    layer: Layer,
    pictures: Mapping[str, str] = MappingProxyType({}),
    compare: Mapping[str, Contender] = MappingProxyType({}),
) -> str:
    """The layer's page in Markdown; ``pictures`` are the captions of figures that lie beside it, by file name.

    ``compare`` holds what else is measured beside the truth, by name: another library's function, say.
    """
    derivation = layer.derive()
    verdict = verify(layer)
    formulas = [equations(layer), derivation_table(derivation), gradients(derivation)]
    parts = [
        f"# {layer.name}",
        statement(layer, verdict),
        "## Equations",
        formulas[0],
        legend(layer, formulas),
        program_diagram(layer),
        "## Derivation",
        formulas[1],
        rules_used(derivation),
        "## Gradients",
        formulas[2],
        "## Generated code",
        "Read back after it was written: run on symbolic arrays, and each statement proved equal to its line.",
        fenced("python", derivation.numpy()),
        *claims(layer),
        "## Evidence",
        evidence_table(verdict),
        *digits(layer, compare),
        *(f"![{caption}]({file})" for file, caption in pictures.items()),
        "## Assumed",
        assumptions(verdict),
        "## Not shown",
        not_shown(),
        "## Rebuild",
        rebuilt(layer),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def rebuilt(layer: Layer) -> str:
    """The commands that write the page again and print the proof: by name only for what the catalogue has."""
    from derive.catalogue import layers

    known = layers.get(layer.name)
    listed = known is not None and str(known) == str(layer)
    name = layer.name if listed else f"FILE.py:{layer.name}"
    where = "" if listed else ", with the file that has the layer,"
    written = f"`derive report {name}`{where} writes this page again, byte for byte"
    return f"{written}; `derive prove {name}` prints the proof."


def pages(layers: Mapping[str, Layer] | None = None) -> dict[str, str | bytes]:
    """Every file of ``reports/`` by its name: a page for each layer of the catalogue, their figures, and the index."""
    if layers is None:
        from derive.catalogue import layers as catalogue

        layers = catalogue
    from derive.catalogue.textbook import TEXTBOOK
    from derive.formulas.markdown import annotated

    written: dict[str, str | bytes] = {"README.md": index(layers), "textbook.md": annotated(TEXTBOOK)}
    for files in _side_by_side([(layer, f"{name}.md") for name, layer in layers.items()]):
        written |= files
    return written


def _side_by_side(wanted: Sequence[tuple[Layer, str]]) -> Iterator[dict[str, str | bytes]]:
    """The files of each layer, in order; as many at a time as there are cores, where processes can be forked."""
    from multiprocessing import cpu_count, get_all_start_methods, get_context

    if "fork" not in get_all_start_methods() or cpu_count() == 1 or len(wanted) == 1:
        yield from (illustrated(*each) for each in wanted)
        return
    with get_context("fork").Pool(cpu_count(), _remember, (wanted,)) as pool:
        yield from pool.imap(_files_of, range(len(wanted)))


_wanted: list[tuple[Layer, str]] = []  # in a child: what there is to write, for layers cannot be pickled


def _remember(wanted: Sequence[tuple[Layer, str]]) -> None:
    _wanted[:] = wanted


def _files_of(place: int) -> dict[str, str | bytes]:
    return illustrated(*_wanted[place])


def illustrated(layer: Layer, file: str) -> dict[str, str | bytes]:
    """A layer's page and its figures, by file name.  DeriveError where matplotlib is not installed."""
    from derive.emit.illustrations import illustrations

    figures = illustrations(layer)
    drawn = {name: picture for name, (_, picture) in figures.items()}
    return {file: page(layer, {name: caption for name, (caption, _) in figures.items()}), **drawn}


def index(layers: Mapping[str, Layer]) -> str:
    """The page that leads to the others: the layers by family, with their gradients."""
    from derive.catalogue import families

    told = "One page a layer: its gradients derived by named rules, proved for every shape, generated, tested."
    claims = "[Gradients as textbooks print them](textbook.md), true and false, each proved or refuted."
    read = "How a formula is read, and what its names stand for, is said on the page of the layer."
    parts = ["# Reports", told, f"{claims} {read}"]
    for title, names in families(layers).items():
        rows = [
            (
                f"[{name}]({name}.md)",
                "<br>".join(map(inline, _short(layers[name]))),
                mark(layers[name].derive().prove()).replace(" ", "\N{NO-BREAK SPACE}"),
            )
            for name in names
        ]
        parts += [f"## {title}", table(("layer", "gradients", "verdict"), rows)]
    return "\n\n".join([*parts, "`derive report` writes these pages."]) + "\n"


def _short(layer: Layer) -> list[str]:
    """The gradients of a layer, in a line each."""
    derivation = layer.derive()
    return [" = ".join(gradient_in_latex(derivation, key)) for key in derivation.gradients]


# ---- parts of a page


def statement(layer: Layer, verdict: Verdict) -> str:
    """What the layer is, its shapes, and the verdict in a sentence."""
    rows = [(f"`{i.name}`", f"`{i.written}`", i.role, str(i.kind)) for i in layer.inputs]
    rows += [(f"`{o}`", f"`{layer.written_shape(layer.named(o))}`", "output", "float") for o in layer.outputs]
    shown = table(("array", "shape", "role", "kind"), rows)
    doc = " ".join(layer.doc.split())
    source = f"Source: {layer.source}." if layer.source else ""
    return "\n\n".join(part for part in (doc, source, f"**{verdict_sentence(verdict)}**", shown) if part)


def verdict_sentence(verdict: Verdict) -> str:
    """The verdict as a sentence."""
    if verdict.status == "proved":
        return "Every line is proved for every shape and every real input, and the generated code says the same."
    return f"{verdict.status}: {verdict.reason}"


def equations(layer: Layer) -> str:
    """The equations as display math; a layer that is called, or a function of rows, is written out beside its name."""
    notation = notation_of(layer)
    lines = []
    for e in layer.equations:
        left, right = sides(e.name, e.expression, notation)
        line = f"{left} &= {right}"
        if any(isinstance(node.op, LayerCall) for node in e.expression.walk()):
            line += rf" = {math_text(unfolded(e.expression), notation)}"
        elif isinstance(op := e.expression.op, RowFunction) and (write := Latex(notation)):
            formula = write.text(op.formula(*e.expression.operands))[0]
            line += f" = {formula}" if write.whole and formula != right else ""
        lines.append(line)
    return aligned(lines)


def program_diagram(layer: Layer) -> str:
    """The program as a Mermaid graph; nothing for a program of one equation."""
    if len(layer.equations) < 2:
        return ""
    lines = ["flowchart LR"]
    lines += [f'    _{i.name}(["{i.name}"])' for i in layer.inputs]
    nodes: dict[str, list[Equation]] = {}
    for e in layer.equations:
        nodes.setdefault(e.name.partition("[")[0], []).append(e)  # of an array of all steps, several
    for key, those in nodes.items():
        lines.append(f'    _{key}["{key}<br>{_done_by(those)}"]')
        used = dict.fromkeys(name for e in those for name in e.expression.names())
        lines += [f"    _{name} --> _{key}" for name in used]
    return fenced("mermaid", "\n".join(lines))


def _done_by(those: Sequence[Equation]) -> str:
    """The operations of some equations, in the order in which they are done."""
    nodes = [node for e in those for node in e.expression.walk() if node.operands and node.op.name not in UNSAID]
    return ", ".join(dict.fromkeys(node.op.name.replace("_", " ") for node in nodes)) or "copy"


def derivation_table(derivation: Derivation) -> str:
    """One line a row: adjoint, formula, rule, reason, verdict."""
    notation = notation_in(derivation)
    rows = []
    for step in derivation.steps:
        given = step.rule == UPSTREAM
        left, right = sides(step.adjoint, step.expression, notation)
        reason = step.reason.partition(",")[0] if given else "; ".join(inline_code(r) for r in step.reason.split("; "))
        verdict = "given" if given else mark(step.verdict).replace(" ", "\N{NO-BREAK SPACE}")
        shown = upstream_in_latex(step.name, notation) if given else right
        rows.append((inline(left), inline(shown), _rule_cell(derivation, step), reason, verdict))
    return table(("adjoint", "formula", "rule", "because", "verdict"), rows)


def _rule_cell(derivation: Derivation, step: Step) -> str:
    called = {n.op.name for e in derivation.layer.equations for n in e.expression.walk() if isinstance(n.op, LayerCall)}
    return ", ".join(f"[{rule}]({rule}.md)" if rule in called else rule for rule in step.rule.split(", "))


def rules_used(derivation: Derivation) -> str:
    """The statements of the rules in the table, with their sources."""
    wanted = {rule for step in derivation.steps for rule in step.rule.split(", ")}
    found: dict[str, str] = {}
    for e in derivation.layer.equations:
        for node in e.expression.walk():
            if node.op.name in wanted and node.operands and not isinstance(node.op, LayerCall):
                rule = rule_of(node)
                source = f" ({rule.source})" if rule.source else ""
                said = " ⇒ ".join(map(str.strip, rule.statement.split("=>")))
                found.setdefault(rule.name, f"* {rule.name}: {said}{source}")
    if not found:
        return ""
    return "Rules, with G the adjoint of Y; each is proved by the kernel before it is used:\n\n" + "\n".join(
        sorted(found.values())
    )


def gradients(derivation: Derivation) -> str:
    """The gradients as display math; entry by entry, names that only say where entries lie are seen through."""
    lines = [gradient_in_latex(derivation, key) for key in derivation.gradients]
    return aligned(f"{left} &= {right}" for left, right in lines)


def claims(layer: Layer) -> list[str]:
    """The claims that the catalogue holds about this layer, accepted or refuted; nothing if there are none."""
    from derive.emit.claims_section import section

    text = section(layer)
    return [text] if text else []


def evidence_table(verdict: Verdict) -> str:
    """The rungs with what they showed."""
    return table(
        ("rung", "verdict", "what was shown"),
        [(r.name, MARKS.get(r.status, r.status), _shown(r)) for r in verdict.evidence],
    )


def _shown(rung: Rung) -> str:
    """A rung in words that are the same on every machine."""
    if rung.name != "properties" or rung.status != "tested":
        return rung.detail
    numbers = rung.numbers
    bound = next(b for b in BOUNDS if 10 * float(numbers["worst_relative_error"]) <= b)
    return (
        f"{numbers['examples']} cases drawn by hypothesis (seed {numbers['seed']}, sizes 0 or 1 to 6): shapes, "
        f"dtypes, memory, repetition; derivatives by differences within {bound:.0e}"
    )


def digits(layer: Layer, compare: Mapping[str, Contender]) -> list[str]:
    """How accurate the floats are, beside the textbook's formulas; nothing if there is no truth to measure by."""
    derivation = layer.derive()
    where = signature_of(layer).where
    try:
        found = compared(derivation, derivation.compile(), where, compare)
    except NoValue:
        return []
    dtypes = list(next(iter(found.tallies.values())))
    rows = [(name, *(grade(tallies[dtype], dtype) for dtype in dtypes)) for name, tallies in found.tallies.items()]
    told = (
        "Worst error in mixed ulp, |error| / (ulp(g) + Σ |∂g/∂x| ulp(x)), of outputs and gradients beside the truth in "
        f"ball arithmetic: {regime(program_of(derivation, where))}."
    )
    return ["## Accuracy", told, table(("", *dtypes), rows)]


def assumptions(verdict: Verdict) -> str:
    """The side conditions."""
    if not verdict.assumptions:
        return "Nothing beyond real arithmetic."
    return "\n".join(f"* `{assumption}`" for assumption in verdict.assumptions)


def not_shown() -> str:
    """What the evidence does not say."""
    lines = [
        "* Proofs are over the real numbers, not the floats; differences and mixed ulps test the float code at points.",
        "* Entries that are infinite or nan are outside the statement.",
    ]
    return "\n".join(lines)


# ---- Markdown


def mark(verdict: Verdict) -> str:
    """The verdict in a cell."""
    return MARKS.get(verdict.status, verdict.status)


def inline(math: str) -> str:
    """Inline math, its fractions as large as in a display."""
    return f"$`{math.replace(chr(92) + 'frac', chr(92) + 'dfrac')}`$"


def inline_code(text: str) -> str:
    """Inline code."""
    return f"`{text}`"


def aligned(lines: Iterable[str]) -> str:
    """Display math, one line an equation."""
    body = " \\\\\n".join(lines)
    return fenced("math", f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}")


def fenced(language: str, text: str) -> str:
    """A fenced block."""
    return f"```{language}\n{text.rstrip()}\n```"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
