"""ONNX's attention and rotary embedding as calls of the layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .onnx_calls import Array, Call, Node, Skipped


def attention(node: Node) -> Call:
    Q, K, V = node["Q"], node["K"], node["V"]
    if Q.dtype != np.float32:
        raise Skipped(f"{Q.dtype}")
    for label, what in (("past_key", "a cache of keys"), ("nonpad_kv_seqlen", "lengths of padded rows")):
        if label in node.inputs:
            raise Skipped(f"{what}: the layer has none")
    if node.get("softcap", 0.0):
        raise Skipped("softcap: the layer has no such option")
    if any(node.get(side, -1) >= 0 for side in ("left_window_size", "right_window_size", "window_size")):
        raise Skipped("a window: the layer has no such option")
    if flat := Q.ndim == 3:
        Q, K, V = (_heads(x, node[n]) for x, n in ((Q, "q_num_heads"), (K, "kv_num_heads"), (V, "kv_num_heads")))
    if Q.shape[1] != K.shape[1]:
        repeats = Q.shape[1] // K.shape[1]  # heads that share keys and values
        K, V = np.repeat(K, repeats, axis=1), np.repeat(V, repeats, axis=1)
    inputs = {"query": Q, "key": K, "value": V}
    options = {"scale": node.get("scale"), "is_causal": bool(node["is_causal"])}
    if "attn_mask" in node.inputs:
        mask = np.broadcast_to(node["attn_mask"], (*Q.shape[:-1], K.shape[-2]))
        if node["is_causal"]:  # the layer takes one of the two
            past = np.tri(*mask.shape[-2:], dtype=bool)
            mask = mask & past if mask.dtype == bool else np.where(past, mask, np.float32(-np.inf))
        if not (mask if mask.dtype == bool else mask > -np.inf).any(axis=-1).all():
            raise Skipped("a row in which nothing takes part, of which the formula says nothing")
        inputs["attn_mask"] = mask
        options |= {"is_causal": False, "mask": "bool" if mask.dtype == bool else "float"}

    if flat and _one_size(node):
        return _of_heads(node, {key: options[key] for key in options if key != "scale"}, inputs.get("attn_mask"))

    def back(y: Any) -> Any:
        return np.swapaxes(y, 1, 2).reshape(*node["Q"].shape[:2], -1) if flat else y

    return Call("scaled_dot_product_attention", inputs, options, back=back)


def _one_size(node: Node) -> bool:
    """True for as many heads of keys as of queries, all of one size, a mask that is the same for all, and no scale."""
    one = len({node[x].shape[-1] for x in "QKV"}) == 1 and node["q_num_heads"] == node["kv_num_heads"]
    return one and not node.get("scale") and ("attn_mask" not in node.inputs or node["attn_mask"].ndim == 2)


def _of_heads(node: Node, options: dict[str, Any], mask: Array | None) -> Call:
    """Several heads of the rows as they are: every projection is the identity."""
    one = np.eye(node["Q"].shape[-1], dtype=np.float32)
    weights = {"in_proj_weight": np.concatenate([one, one, one]), "out_proj_weight": one}
    inputs = {"query": node["Q"], "key": node["K"], "value": node["V"], "h": int(node["q_num_heads"]), **weights}
    if mask is not None:
        inputs["attn_mask"] = ~mask[0, 0] if mask.dtype == bool else mask[0, 0]  # True takes no part there
    return Call("multi_head_attention", inputs, {**options, "bias": False})


def _heads(x: Array, heads: int) -> Array:
    return np.swapaxes(x.reshape(*x.shape[:2], heads, -1), 1, 2)


def rotary_embedding(node: Node) -> Call:
    """Heads come first, and the places of all sequences in a row, as each has its own angles."""
    X, cos, sin = node["X"], node["cos_cache"], node["sin_cache"]
    if "position_ids" in node.inputs:
        cos, sin = cos[node["position_ids"]], sin[node["position_ids"]]
    heads = _heads(X, node["num_heads"]) if X.ndim == 3 else X
    rows, turned = np.swapaxes(heads, 0, 1), 2 * cos.shape[-1]  # entries beyond those turned stay
    flat = rows.reshape(len(rows), -1, rows.shape[-1])

    def back(y: Any) -> Any:
        whole = np.concatenate([y, flat[..., turned:]], axis=-1).reshape(rows.shape)
        return whole.transpose(1, 2, 0, 3).reshape(X.shape) if X.ndim == 3 else np.swapaxes(whole, 0, 1)

    angles = {"cos": cos.reshape(-1, turned // 2), "sin": sin.reshape(-1, turned // 2)}
    options = {"interleaved": bool(node["interleaved"])}
    return Call("rotary_embedding", {"input": flat[..., :turned], **angles}, options, back=back)
