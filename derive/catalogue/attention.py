"""Attention: values weighted by a softmax of how well their keys fit a query; one head, or several side by side."""

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

SOURCE = "Vaswani et al., Attention is all you need, 2017, eq. 1"


@options
def scaled_dot_product_attention(
    *, mask: str | None = None, is_causal: bool = False, scale: float | None = None
) -> Layer:
    """Attention with any leading axes; ``mask``: none, "bool" (True takes part), or "float" (added to the scores)."""
    one_of("mask", mask, (None, "bool", "float"))
    one_of("is_causal", is_causal, (False, True))
    if scale is not None:
        real("scale", scale)
    if is_causal and mask is not None:
        raise DeriveError(
            f"is_causal={is_causal} with mask={mask!r}",
            "one of the two",
            callers_place(),
            "is_causal=False, and a mask that is causal",
        )

    def scores(query: Any, key: Any) -> Any:
        products = query @ key.swapaxes(-1, -2)
        return products / np.sqrt(query.shape[-1]) if scale is None else products * scale

    @layer(source=SOURCE)
    def scaled_dot_product_attention(query: "... l d", key: "... s d", value: "... s e") -> Any:
        """The values, weighted by the softmax of the scaled products of query and keys."""
        S = scores(query, key)
        E = np.tril(np.exp(S)) if is_causal else np.exp(S)
        P = E / E.sum(axis=-1, keepdims=True)
        output = P @ value
        return output

    @layer(source=SOURCE, title="scaled_dot_product_attention")
    def masked(query: "... l d", key: "... s d", value: "... s e", attn_mask: "... l s : bool") -> Any:
        """The values, weighted by the softmax of the scaled products of query and keys where the mask is True."""
        S = scores(query, key)
        E = np.where(attn_mask, np.exp(S), 0)
        P = E / E.sum(axis=-1, keepdims=True)
        output = P @ value
        return output

    @layer(source=SOURCE, title="scaled_dot_product_attention")
    def biased(query: "... l d", key: "... s d", value: "... s e", attn_mask: "... l s") -> Any:
        """The values, weighted by the softmax of the scaled products of query and keys plus the mask."""
        S = scores(query, key) + attn_mask
        P = np.exp(S) / np.exp(S).sum(axis=-1, keepdims=True)
        output = P @ value
        return output

    return {None: scaled_dot_product_attention, "bool": masked, "float": biased}[mask]
