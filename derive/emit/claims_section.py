"""The claims about a network, accepted or refuted one by one, as a section of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from derive.arrays.latex_names import symbol
from derive.catalogue.seed_claims import CLAIMS, AdjointIs, Claim, StepIs, ValueIs
from derive.derivation.layer import Layer
from derive.emit.claims_decided import Decided, DecidedClaim, decided
from derive.emit.report import MARKS, fenced, inline, table
from derive.verdict import Counterexample, Verdict

INTRO = """## Claims

The claims of the source text, accepted or refuted one by one. A formula is accepted if it is proved equal to the
derived line for every shape and every real input. It is refuted by numbers at which it differs from differences of the
forward equations, which use no rule. A claim is worth what its weakest statement is worth.

How they are read: each $`\\delta`$ is the true adjoint ($`\\delta^4`$ is {delta4}, $`\\delta^3`$ is {delta3},
$`\\delta^2`$ is {delta2}), so that one wrong claim does not spoil the next; $`E`$ is the loss, so
$`\\mathrm{{d}}E = 1`$; a matrix of shape 1 × m and a vector of length m are the same row."""
UNSAID = ("dE = 1",)  # said above, once for all


def section(layer: Layer) -> str:
    """The section of a layer's page; empty for a layer about which there are no claims."""
    found = [decided(claim) for claim in CLAIMS if claim.layer is layer]
    return written(found) if found else ""


def written(found: list[DecidedClaim]) -> str:
    """Decided claims as Markdown: the table, then what is wrong with those that are refuted."""
    deltas = {f"delta{k}": inline(rf"\mathrm{{d}}{name}") for k, name in ((4, "Y"), (3, "S"), (2, "Z_{1}"))}
    rows = [(c.claim.id, c.claim.words, verdict_cell(c), formula_cell(c)) for c in found]
    accepted = sum(c.verdict.ok for c in found)
    count = f"{accepted} of {len(found)} claims are accepted."
    parts = [INTRO.format(**deltas), count, table(("id", "claim", "verdict", "formula as derived"), rows)]
    parts += [f"**{each.claim.id}.** {note}." for each in found if (note := notes(each))]
    for each in found:
        parts += [wrong(each.claim, part) for part in each.parts if not part.verdict.ok]
    return "\n\n".join(parts)


def verdict_cell(found: DecidedClaim) -> str:
    """``✗ refuted; holds for n = 1``."""
    verdict = found.verdict
    text = MARKS.get(verdict.status, verdict.status)
    said = [condition for condition in verdict.assumptions if condition not in UNSAID]
    if verdict.ok:
        return f"{text}, for {', '.join(said)}" if said else text
    failed = [part for part in found.parts if not part.verdict.ok]
    about = f" for {', '.join(map(about_what, failed))}" if len(found.parts) > 1 else ""
    special = {size for part in failed for size in holds_for(part.verdict)}
    return f"{text}{about}" + (f"; holds for {' and for '.join(sorted(special))}" if special else "")


def notes(found: DecidedClaim) -> str:
    """What was shown of statements that are no formulas, and what is to be said besides."""
    shown = [rung.detail for part in found.parts for rung in part.verdict.evidence if rung.name == "structure"]
    return ". ".join(["; ".join(shown)] * bool(shown) + [part.note for part in found.parts if part.note])


def holds_for(verdict: Verdict) -> list[str]:
    """The special sizes at which a refuted formula holds."""
    return [size for rung in verdict.evidence for size in rung.numbers.get("holds_for", ())]


def formula_cell(found: DecidedClaim) -> str:
    """The formulas that were derived, each once; of the parameters' steps, which are all alike, the first."""
    formulas: dict[str, None] = {}
    for part in found.parts:
        formulas.update(dict.fromkeys(part.derived[:1] if isinstance(part.part, StepIs) else part.derived))
    return ", ".join(map(inline, formulas)) or "none"


def about_what(part: Decided) -> str:
    """What a statement is about: a name in math, or a layer."""
    if isinstance(part.part, AdjointIs | ValueIs | StepIs):
        return inline(symbol(part.verdict.subject))
    return f"`{part.verdict.subject}`"


# ---- what is wrong


def wrong(claim: Claim, part: Decided) -> str:
    """The paragraph of a statement that is not accepted: what is wrong, the numbers, the code, the formula."""
    verdict = part.verdict
    said = f"About {about_what(part)}, the claim is {verdict.status}: {verdict.reason}."
    lines = [f"### {claim.id} is {verdict.status}", said]
    if verdict.counterexample is not None:
        lines += numbers(verdict, verdict.counterexample)
    if part.derived:
        lines += ["Corrected, as derived:", fenced("math", "\n".join(part.derived))]
    if verdict.counterexample is not None:
        lines += [details(verdict.counterexample)]
    return "\n\n".join(lines)


def numbers(verdict: Verdict, found: Counterexample) -> list[str]:
    """The counterexample with its numbers."""
    sizes: Mapping[str, int] = next((r.numbers["sizes"] for r in verdict.evidence if "sizes" in r.numbers), {})
    at = f", at {', '.join(f'{key} = {value}' for key, value in sizes.items())}" if sizes else ""
    rows = [(key, code(value)) for key, value in found.inputs.items()]
    if found.upstream is not None and not _one(found.upstream):
        rows.append(("from above", code(found.upstream)))
    rows += [("**claimed**", code(found.got)), ("**expected**", code(found.expected))]
    return [f"Counterexample{at}; what is expected comes from differences:", table(("name", "value"), rows)]


def code(value: Any) -> str:
    """Numbers as inline code."""
    return f"`{np.asarray(value).tolist()}`"


def _one(value: Any) -> bool:
    return bool(np.ndim(value) == 0 and value == 1)


def details(found: Counterexample) -> str:
    """The snippet, folded."""
    summary = "<details>\n<summary>Python that shows it, as it stands</summary>"
    return f"{summary}\n\n{fenced('python', found.snippet)}\n\n</details>"
