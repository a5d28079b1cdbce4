"""Attention: values weighted by a softmax of how well their keys fit a query; one head, or several side by side."""

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real, whole
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

VASWANI = "Vaswani et al., Attention is all you need, 2017"


def check_masks(mask: Any, is_causal: Any) -> None:
    """DeriveError for an unknown kind of mask, or for one beside the causal one."""
    one_of("mask", mask, (None, "bool", "float"))
    one_of("is_causal", is_causal, (False, True))
    if is_causal and mask is not None:
        raise DeriveError(
            f"is_causal={is_causal} with mask={mask!r}",
            "one of the two",
            callers_place(),
            "is_causal=False, and a mask that is causal",
        )


def scores(query: Any, key: Any, scale: float | None = None) -> Any:
    """How well each key fits each query: their products, by the root of their size or times a scale."""
    products = query @ key.swapaxes(-1, -2)
    return products / np.sqrt(query.shape[-1]) if scale is None else products * scale


def weights(S: Any, keep: Any = None, is_causal: bool = False) -> Any:
    """The softmax of each row of scores; of those only that a mask keeps, that are not behind the row's own place."""
    E = np.exp(S) if keep is None else np.where(keep, np.exp(S), 0)
    E = np.tril(E) if is_causal else E
    return E / E.sum(axis=-1, keepdims=True)


@options
def scaled_dot_product_attention(
    *, mask: str | None = None, is_causal: bool = False, scale: float | None = None
) -> Layer:
    """Attention with any leading axes; ``mask``: none, "bool" (True takes part), or "float" (added to the scores)."""
    check_masks(mask, is_causal)
    if scale is not None:
        real("scale", scale)
    masks = {None: None, "bool": "... l s : bool", "float": "... l s"}

    @layer(source=f"{VASWANI}, eq. 1")
    def scaled_dot_product_attention(
        query: "... l d", key: "... s d", value: "... s e", attn_mask: masks[mask] = None
    ) -> Any:
        """The values, weighted by the softmax of the scaled products of query and keys."""
        S = scores(query, key, scale)
        if mask == "float":
            S = S + attn_mask
        P = weights(S, attn_mask if mask == "bool" else None, is_causal)
        output = P @ value
        return output

    return scaled_dot_product_attention


def heads(X: Any, h: Any) -> Any:
    """Rows cut into h parts, one for each head: (..., l, h*m) becomes (..., h, l, m)."""
    return X.reshape(*X.shape[:-1], h, X.shape[-1] // h).swapaxes(-2, -3)


def side_by_side(X: Any) -> Any:
    """The rows of all heads side by side: (..., h, l, m) becomes (..., l, h*m)."""
    rows = X.swapaxes(-2, -3)
    return rows.reshape(*rows.shape[:-2], rows.shape[-2] * rows.shape[-1])


PROJECTIONS = ("q_proj_weight", "k_proj_weight", "v_proj_weight")


@options
def multi_head_attention(
    *,
    num_heads: Any = "h",
    bias: bool = True,
    key_padding_mask: bool = False,
    need_weights: bool = False,
    mask: str | None = None,
    use_separate_proj_weight: bool = False,
    is_causal: bool = False,
) -> Layer:
    """Attention of several heads, batch first; ``num_heads``: a number, or "h", any number, which is then an input.

    In a mask that is "bool" and in a mask of padding True takes no part, as in PyTorch's module; one that is "float" is
    added to the scores.  ``use_separate_proj_weight``: keys and values may be rows of other sizes than the query's.
    ``need_weights``: the weights, averaged over the heads, are a second output.
    """
    check_masks(mask, is_causal)
    for option, value in (("bias", bias), ("key_padding_mask", key_padding_mask), ("need_weights", need_weights)):
        one_of(option, value, (True, False))
    apart = one_of("use_separate_proj_weight", use_separate_proj_weight, (False, True))
    given = num_heads == "h"
    n = "h*m" if given else f"{whole('num_heads', num_heads, 1)}*m"
    masks = {None: None, "bool": "l s : bool", "float": "l s"}

    @layer(parameters=("in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias", *PROJECTIONS),
           source=f"{VASWANI}, 3.2.2")  # fmt: skip
    def multi_head_attention(
        query: f"... l {n}",
        key: "... s c" if apart else f"... s {n}",
        value: "... s d" if apart else f"... s {n}",
        h: ": =h" if given else None = num_heads,
        in_proj_weight: None if apart else f"3*{n} {n}" = None,
        in_proj_bias: f"3*{n}" if bias else None = None,
        out_proj_weight: f"{n} {n}" = None,
        out_proj_bias: n if bias else None = None,
        key_padding_mask: "... s : bool" if key_padding_mask else None = None,
        attn_mask: masks[mask] = None,
        q_proj_weight: f"{n} {n}" if apart else None = None,
        k_proj_weight: f"{n} c" if apart else None = None,
        v_proj_weight: f"{n} d" if apart else None = None,
    ) -> Any:
        """Attention of h heads: query, key and value projected, each cut into heads, and what the heads give joined."""
        W_q, W_k, W_v = (q_proj_weight, k_proj_weight, v_proj_weight) if apart else np.split(in_proj_weight, 3)
        b_q, b_k, b_v = np.split(in_proj_bias, 3) if bias else (0, 0, 0)
        q, k, v = query @ W_q.T + b_q, key @ W_k.T + b_k, value @ W_v.T + b_v
        Q, K, V = heads(q, h), heads(k, h), heads(v, h)
        S = scores(Q, K)
        if mask == "float":
            S = S + attn_mask
        keep = np.logical_not(attn_mask) if mask == "bool" else None
        if key_padding_mask is not None:
            here = ~key_padding_mask[..., None, None, :]
            keep = here if keep is None else keep * here
        P = weights(S, keep, is_causal)
        A = P @ V
        Z = side_by_side(A)
        output = Z @ out_proj_weight.T + (out_proj_bias if bias else 0)
        if need_weights:
            attn_output_weights = P.mean(axis=-3)
            return output, attn_output_weights
        return output

    return multi_head_attention


@options
def rotary_embedding(*, interleaved: bool = False) -> Layer:
    """Pairs of entries turned by the angle of their place: entry i with i + d, or, ``interleaved``, with the next."""
    one_of("interleaved", interleaved, (False, True))

    @layer(source="Su et al., RoFormer: Enhanced transformer with rotary position embedding, 2021, eq. 34")
    def rotary_embedding(input: "... l 2*d", cos: "l d", sin: "l d") -> Any:
        """Each pair of entries of a row turned by the angle that belongs to the row's place and to the pair."""
        if interleaved:
            pairs = input.reshape(*input.shape[:-1], input.shape[-1] // 2, 2)
            x, y = pairs[..., 0], pairs[..., 1]
        else:
            x, y = np.split(input, 2, axis=-1)
        u, v = x * cos - y * sin, x * sin + y * cos
        output = np.stack((u, v), axis=-1).reshape(input.shape) if interleaved else np.concatenate((u, v), axis=-1)
        return output

    return rotary_embedding
