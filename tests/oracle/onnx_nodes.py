"""The node tests of ONNX: stored inputs and outputs of single operations, and the layers that compute the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from .onnx_attention import attention, rotary_embedding
from .onnx_calls import Array, Call, Node, Skipped

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: pip install '.[oracle]'")


@cache
def node_tests() -> tuple[Node, ...]:
    """The node tests of one node each; those of several are the same operations written out."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the computations that make the tests
        return tuple(_node(test) for test in load_model_tests(kind="node") if len(test.model.graph.node) == 1)


def _node(test: Any) -> Node:
    (node,) = test.model.graph.node
    version = next((o.version for o in test.model.opset_import if o.domain == node.domain), 1)
    given, wanted = test.data_sets[0]
    inputs = dict(zip((i.name for i in test.model.graph.input), given, strict=True))
    outputs = dict(zip((o.name for o in test.model.graph.output), wanted, strict=True))
    try:
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
    except onnx.defs.SchemaError:
        return Node(test.name, node.op_type, {}, {}, {})
    attributes = {key: _read(a.default_value) for key, a in schema.attributes.items() if a.default_value.name}
    attributes |= {a.name: _read(a) for a in node.attribute}
    return Node(
        test.name.removeprefix("test_"),
        node.op_type,
        attributes,
        dict(_formal(schema.inputs, node.input, inputs)),
        dict(_formal(schema.outputs, node.output, outputs)),
        test.rtol,
    )


def _formal(places: Any, names: Any, arrays: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    for place, name in zip(places, names, strict=False):
        if name in arrays:
            yield place.name, arrays[name]


def _read(attribute: Any) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    return value.decode() if isinstance(value, bytes) else value


# ---- the operations, one by one


def elementwise(layer: str, label: str = "X", **options: str) -> Callable[[Node], Call]:
    """The same function of every entry; ``options`` are attributes.  The layers of the seed network are for matrices."""

    def call(node: Node) -> Call:
        x, name = node[label], "X" if layer == "sigmoid" else "input"
        if not isinstance(x, np.ndarray) or x.dtype != np.float32:
            raise Skipped(str(x.dtype) if isinstance(x, np.ndarray) else "no array")
        given = {option: float(node[attribute]) for option, attribute in options.items()}
        return Call(layer, {name: x.reshape(-1, x.shape[-1])}, given, back=lambda y: y.reshape(x.shape))

    return call


def hard_sigmoid(node: Node) -> Call:
    if (node["alpha"], node["beta"]) != (np.float32(1 / 6), 0.5):
        raise Skipped("another slope than 1/6, which PyTorch's is")
    return elementwise("hardsigmoid")(node)


def selu(node: Node) -> Call:
    if abs(node["alpha"] - 1.6732632) > 1e-6 or abs(node["gamma"] - 1.050701) > 1e-6:
        raise Skipped("other numbers than those of the paper, which PyTorch's are")
    return elementwise("selu")(node)


def prelu(node: Node) -> Call:
    if node["slope"].size != 1:
        raise Skipped("a slope for each entry of the last axes: the layer has one, or one a channel")
    return Call("prelu", {"input": node["X"], "weight": node["slope"].reshape(1)})


def gelu(node: Node) -> Call:
    return Call("gelu", {"input": node["X"]}, {"approximate": node["approximate"]})


def swish(node: Node) -> Call:
    return Call("silu", {"input": node["X"] * node["alpha"]}, back=lambda y: y / node["alpha"])


def along_axis(layer: str) -> Callable[[Node], Call]:
    """Rows along an axis."""

    def call(node: Node) -> Call:
        x, axis = node["input"], node.get("axis", -1)
        return Call(layer, {"input": x}, {"dim": axis - x.ndim if axis >= 0 else axis})

    return call


def _rows(node: Node) -> tuple[Array, Callable[[Any], Any]]:
    """The axes from ``axis`` on as one, and the way back."""
    x, axis = node["X"], node["axis"]
    return x.reshape(*x.shape[:axis], -1), lambda y: y.reshape(x.shape)


def layer_normalization(node: Node) -> Call:
    rows, back = _rows(node)
    inputs = {"input": rows, "weight": node["Scale"].reshape(-1), "bias": node["B"].reshape(-1)}
    return Call("layer_norm", inputs, {"eps": node["epsilon"]}, back=back)


def rms_normalization(node: Node) -> Call:
    rows, back = _rows(node)
    return Call("rms_norm", {"input": rows, "weight": node["scale"].reshape(-1)}, {"eps": node["epsilon"]}, back=back)


def batch_normalization(node: Node) -> Call:
    inputs = {"input": node["X"], "weight": node["scale"], "bias": node["B"]}
    options = {"eps": node["epsilon"], "training": bool(node["training_mode"]), "dims": node["X"].ndim - 2}
    if not node["training_mode"]:
        inputs |= {"running_mean": node["input_mean"], "running_var": node["input_var"]}
    return Call("batch_norm", inputs, options)


def _images(node: Node, outside: float | None) -> tuple[Array, dict[str, Any], Callable[[Any], Any]]:
    """The images, padded by hand where the padding is uneven; the options; a row as an image and the way back."""
    x = node["X"]
    if x.dtype != np.float32:
        raise Skipped(f"{x.dtype}")
    if x.ndim == 5:
        raise Skipped("three dimensions: the layer is for two")
    flat = x.ndim == 3
    kernel = tuple(node["kernel_shape"]) if node.get("kernel_shape") else node["W"].shape[2:]
    stride, dilation = tuple(node.get("strides", [1] * len(kernel))), tuple(node.get("dilations", [1] * len(kernel)))
    pads = _pads(node, kernel, stride, dilation)
    if flat:
        x, kernel, stride, dilation = x[:, :, None], (1, *kernel), (1, *stride), (1, *dilation)
        pads = [(0, 0), *pads]
    even = all(low == high for low, high in pads)
    if not even:
        if outside is None:
            raise Skipped("uneven padding: the layer pads alike on both sides")
        x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=outside)
    options = {"kernel_size": kernel, "stride": stride, "dilation": dilation}
    options["padding"] = tuple(low for low, _ in pads) if even else (0, 0)
    return x, options, (lambda y: y[:, :, 0]) if flat else (lambda y: y)


def _pads(node: Node, kernel: Any, stride: Any, dilation: Any) -> list[tuple[int, int]]:
    how = node.get("auto_pad", "NOTSET")
    if how == "NOTSET":
        pads = node.get("pads", [0] * (2 * len(kernel)))
        return list(zip(pads[: len(kernel)], pads[len(kernel) :], strict=True))
    found = []
    for size, k, s, d in zip(node["X"].shape[2:], kernel, stride, dilation, strict=True):
        total = max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        small, large = total // 2, total - total // 2
        found.append((small, large) if how == "SAME_UPPER" else (large, small))
    return found


def conv(node: Node) -> Call:
    x, options, back = _images(node, 0.0)
    del options["kernel_size"]
    weight = node["W"] if node["W"].ndim == 4 else node["W"][:, :, None]
    bias = node.get("B", np.zeros(len(weight), x.dtype))
    inputs = {"input": x, "weight": weight, "bias": bias}
    return Call("conv2d", inputs, options | {"groups": node.get("group", 1)}, back=back)


def conv_transpose(node: Node) -> Call:
    if node["auto_pad"] != "NOTSET" or node.get("output_shape"):
        raise Skipped("padding by the wanted size of the output: the layer has no such option")
    x, options, back = _images(node, None)
    del options["kernel_size"]
    weight = node["W"] if node["W"].ndim == 4 else node["W"][:, :, None]
    bias = np.zeros(weight.shape[1] * node["group"], x.dtype)
    more = {"groups": node["group"], "output_padding": tuple(node.get("output_padding", (0, 0)))}
    return Call("conv_transpose2d", {"input": x, "weight": weight, "bias": bias}, options | more, back=back)


def _torch_pads_at_most_half(options: Mapping[str, Any]) -> None:
    if any(2 * p > k for p, k in zip(options["padding"], options["kernel_size"], strict=True)):
        raise Skipped("padding by more than half of the window, which PyTorch refuses")


def max_pool(node: Node) -> Call:
    x, options, back = _images(node, -np.inf)
    _torch_pads_at_most_half(options)
    return Call("max_pool2d", {"input": x}, options | {"ceil_mode": bool(node["ceil_mode"])}, back=back)


def average_pool(node: Node) -> Call:
    x, options, back = _images(node, 0.0 if node["count_include_pad"] else None)
    _torch_pads_at_most_half(options)
    if options.pop("dilation") != (1, 1):
        raise Skipped("dilation: the layer has no such option")
    more = {"ceil_mode": bool(node["ceil_mode"]), "count_include_pad": bool(node["count_include_pad"])}
    return Call("avg_pool2d", {"input": x}, options | more, back=back)


def global_pool(layer: str) -> Callable[[Node], Call]:
    """A window as large as the image."""

    def call(node: Node) -> Call:
        return Call(layer, {"input": node["X"]}, {"kernel_size": node["X"].shape[2:]})

    return call


def loss_at_labels(layer: str, scores: str, label: str, weights: str) -> Callable[[Node], Call]:
    """The loss of each row at its label; the classes run along axis 1.  The layer has up to three axes behind it."""

    def call(node: Node) -> Call:
        x, target, more = node[scores], node[label], node[scores].shape[5:]
        if more:  # the last axes as one
            x, target = x.reshape(*x.shape[:4], -1), target.reshape(*target.shape[:3], -1)
        inputs = {"input": x, "target": target}
        options = {"reduction": node["reduction"], "ignore_index": node.get("ignore_index"), "dims": x.ndim - 2}
        if weights in node.inputs:
            inputs["weight"] = node[weights]
            options["weight"] = True

        def back(loss: Any) -> Any:
            return loss.reshape(node[label].shape) if node["reduction"] == "none" else loss

        return Call(layer, inputs, options, back=back)

    return call


def gather(node: Node) -> Call:
    if node["axis"] != 0:
        raise Skipped("gathered along another axis than the first")
    data, indices = node["data"], node["indices"]
    if (indices < 0).any():
        raise Skipped("negative indices, which PyTorch's embedding refuses")
    table = data.reshape(len(data), -1)
    return Call(
        "embedding",
        {"input": indices, "weight": table},
        back=lambda rows: rows.reshape(*indices.shape, *data.shape[1:]),
    )


def gemm(node: Node) -> Call:
    A = node["A"].T if node["transA"] else node["A"]
    B = node["B"] if node["transB"] else node["B"].T
    C = node.get("C", np.zeros(1, A.dtype))
    if C.ndim == 2 and C.shape[0] != 1:
        raise Skipped("another bias for each row")
    bias = np.broadcast_to(C, (1, len(B)))[0]
    inputs = {"input": A, "weight": np.float32(node["alpha"]) * B, "bias": np.float32(node["beta"]) * bias}
    return Call("linear", inputs)


def det(node: Node) -> Call:
    if node["X"].ndim > 2:
        raise Skipped("several matrices: the layer takes one")
    return Call("det", {"A": node["X"]})


def dropout(node: Node) -> Call:
    x = node["data"]
    if node.get("training_mode"):
        if "mask" not in node.outputs:
            raise Skipped("the mask is drawn inside and not given")
        keep = node.outputs["mask"]
        return Call("dropout", {"input": x, "mask": keep}, {"p": float(node.get("ratio", 0.5))})
    return Call("dropout", {"input": x, "mask": np.ones(x.shape, bool)}, {"p": 0.0})


GATES = {"lstm": (0, 2, 3, 1), "gru": (1, 0, 2), "rnn": (0,)}  # PyTorch's order of the gates, in ONNX's


def recurrent(layer: str) -> Callable[[Node], Call]:
    """A sequence; the gates in PyTorch's order."""

    def call(node: Node) -> Call:
        if node["direction"] == "bidirectional":
            raise Skipped("both directions: the layer runs in one")
        if "P" in node.inputs:
            raise Skipped("peepholes: the layer has none")
        x = np.swapaxes(node["X"], 0, 1) if node["layout"] else node["X"]
        x = x[::-1] if node["direction"] == "reverse" else x
        h, n = node["hidden_size"], x.shape[1]
        if "sequence_lens" in node.inputs and (node["sequence_lens"] != len(x)).any():
            raise Skipped("sequences of several lengths")

        def gates(rows: Array) -> Array:
            return np.concatenate([rows[k * h : (k + 1) * h] for k in GATES[layer]])

        both = node.get("B", np.zeros((1, 2 * node["W"].shape[1]), x.dtype))[0]
        b_ih, b_hh = np.split(both, 2)
        start = node.get("initial_h", np.zeros((1, n, h), x.dtype))[0]
        without = len(x) == 1 and not start.any() and not b_hh.any()  # then it makes no difference
        if layer == "gru" and not (node["linear_before_reset"] or without):
            raise Skipped("the reset before the product: PyTorch's comes after it")
        inputs = {"input": x, "h0": start}
        if layer == "lstm":
            inputs["c0"] = node.get("initial_c", np.zeros((1, n, h), x.dtype))[0]
        inputs |= {"w_ih": gates(node["W"][0]), "w_hh": gates(node["R"][0]), "b_ih": gates(b_ih), "b_hh": gates(b_hh)}
        axis = 1 if node["layout"] else 0
        return Call(layer, inputs, output="Y_h", back=lambda y: np.expand_dims(y[0][-1], axis))

    return call


OPERATIONS: Mapping[str, Callable[[Node], Call]] = {
    "Attention": attention,
    "AveragePool": average_pool,
    "BatchNormalization": batch_normalization,
    "Celu": elementwise("celu", alpha="alpha"),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Det": det,
    "Dropout": dropout,
    "Elu": elementwise("elu", alpha="alpha"),
    "GRU": recurrent("gru"),
    "Gather": gather,
    "Gelu": gelu,
    "Gemm": gemm,
    "GlobalAveragePool": global_pool("avg_pool2d"),
    "GlobalMaxPool": global_pool("max_pool2d"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": elementwise("hardswish"),
    "Identity": elementwise("identity", "input"),
    "LSTM": recurrent("lstm"),
    "LayerNormalization": layer_normalization,
    "LeakyRelu": elementwise("leaky_relu", negative_slope="alpha"),
    "LogSoftmax": along_axis("log_softmax"),
    "MaxPool": max_pool,
    "Mish": elementwise("mish"),
    "NegativeLogLikelihoodLoss": loss_at_labels("nll_loss", "input", "target", "weight"),
    "PRelu": prelu,
    "RMSNormalization": rms_normalization,
    "RNN": recurrent("rnn"),
    "Relu": elementwise("relu"),
    "RotaryEmbedding": rotary_embedding,
    "Selu": selu,
    "Sigmoid": elementwise("sigmoid"),
    "Softmax": along_axis("softmax"),
    "SoftmaxCrossEntropyLoss": loss_at_labels("cross_entropy", "scores", "labels", "weights"),
    "Softplus": elementwise("softplus"),
    "Softsign": elementwise("softsign", "input"),
    "Swish": swish,
    "Tanh": elementwise("tanh", "input"),
    "ThresholdedRelu": elementwise("threshold", threshold="alpha"),
}
