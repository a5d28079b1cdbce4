"""The forward of our layers on the stored inputs of the ONNX node tests of the same operation."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import derive

from .generated import compiled
from .onnx_calls import Call, Node, Skipped
from .onnx_nodes import OPERATIONS, node_tests

ROUNDINGS = 32  # of the largest entry, in the dtype of the inputs
NODES = {node.name: node for node in node_tests() if node.op in OPERATIONS}


def agree(node: Node, call: Call) -> None:
    """AssertionError unless the layer gives the operation's stored output."""
    _, code = compiled(derive.layers[call.layer], tuple(sorted(call.options.items())))
    label = call.output or next(iter(node.outputs))
    got, wanted = np.asarray(call.back(code.forward(**call.inputs)[0])), node.outputs[label]
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    assert np.array_equal(np.isfinite(got), np.isfinite(wanted))
    scale = np.max(np.abs(wanted), initial=0.0, where=np.isfinite(wanted))
    error = np.max(np.abs(got - wanted), initial=0.0, where=np.isfinite(wanted))
    typed = np.array_equal(wanted, np.round(wanted, 4)) and not np.array_equal(wanted, np.round(wanted))
    relative = node.rtol if typed else ROUNDINGS * float(np.finfo(wanted.dtype).eps)  # typed with four digits
    assert error <= relative * scale


@pytest.mark.parametrize("name", NODES)
def test_layer_gives_the_stored_output(name, nodes):
    node = NODES[name]
    try:
        call = OPERATIONS[node.op](node)
        if call.layer not in derive.layers:
            raise Skipped(f"no layer {call.layer} in the catalogue")
        nodes[name] = node.op, "not compared"
        agree(node, call)
        nodes[name] = node.op, "compared"
    except Skipped as reason:
        nodes[name] = node.op, str(reason)
        pytest.skip(f"{node.op}: {reason}")


def test_every_operation_has_tests():
    assert {node.op for node in NODES.values()} == {*OPERATIONS}


def snake(op: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", op).lower()


def test_an_operation_with_the_name_of_a_layer_is_in_the_table():
    assert {node.op for node in node_tests() if snake(node.op) in derive.layers} <= {*OPERATIONS}


def test_a_wrong_output_is_caught():
    node = NODES["sigmoid"]
    call = OPERATIONS["Sigmoid"](node)
    agree(node, call)
    with pytest.raises(AssertionError):
        agree(node, replace(call, back=lambda y: call.back(y) * np.float32(1 + 1e-5)))
    with pytest.raises(AssertionError):
        agree(node, replace(call, back=lambda y: y))
