"""How the formulas of a page are read: a sentence for each notation that occurs there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive.derivation.layer import Layer

SENTENCES = (  # a sign that occurs, and what is said of it
    (
        r"\\mathrm\{d\}",
        r"$`\mathrm{d}A`$ is the adjoint of $`A`$: $`\partial E / \partial A`$ for the loss $`E`$, of the same shape",
    ),
    (
        r"\\odot|\\oslash",
        r"$`\odot`$, $`\oslash`$, $`A^{\odot 2}`$ and functions of one number act on every entry; "
        "a product of matrices, without a sign, binds tighter",
    ),
    (r"\\left\[[^\]]*(>|<|=|\\le|\\ge|\\ne)", "a comparison in square brackets is 1 where it is true, else 0"),
    (
        r"\\mathbf\{1\}(?!_)",
        r"$`\mathbf{1}`$ is a column of ones: $`\mathbf{1} \, b`$ has the row $`b`$ in every row, "
        r"$`\mathbf{1}^{\top} A`$ is the sum of the rows of $`A`$",
    ),
    (
        r"operatorname\{(row|col)",
        r"$`\operatorname{rowsum}(A)`$ has the shape of $`A`$, and the sum of a row at every place of the row; "
        "rowmean, rowmax and rowvar alike, colmean and colvar for columns",
    ),
    (r"softmax\}", "softmax is that of each row, along the last axis"),
    (
        r"\\operatorname\{onehot",
        r"$`\operatorname{onehot}(t)`$ has in row $`i`$ a 1 at place $`t_{i}`$, and 0 elsewhere",
    ),
    (
        r"_\{[a-z](?:,[^{}]*)?\}",
        "a subscript is a place, counted from 0; it runs over its axis, or as far as is said below a sum",
    ),
    (r"\[:", "ranges in brackets behind an array, as in NumPy, are that part of it"),
)
BATCHED = "products and transposes are those of the last two axes, for each place in the axes before them"


def legend(layer: Layer, formulas: Sequence[str]) -> str:
    """The sentences that some formulas need."""
    text = "\n".join(formulas)
    said = [sentence for sign, sentence in SENTENCES if re.search(sign, text)]
    deep = any(node.ndim > 2 for e in layer.equations for node in e.expression.walk())
    if deep and r"\top" in text:
        said.append(BATCHED)
    return "How the formulas are read:\n\n" + "\n".join(f"* {sentence}." for sentence in said) if said else ""
