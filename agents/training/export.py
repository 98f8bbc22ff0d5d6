"""Turns weights into ONNX graphs that the agents' runtime loads."""

import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
MOST_BYTES = 150_000


def constant(name, array):
    """A named weight, as it is stored in the graph."""
    return numpy_helper.from_array(array, name)


def dense(name, source, weights, bias):
    """A fully connected layer from `source` to `name`: its node and its weights, in 32 bits."""
    node = helper.make_node("Gemm", [source, f"{name}_weights", f"{name}_bias"], [name], name=f"{name}_gemm")
    stored = [constant(f"{name}_weights", weights.astype("float32")), constant(f"{name}_bias", bias.astype("float32"))]
    return [node], stored


def perceptron(name, source, network):
    """The layers of a fitted MLPClassifier, from `source` to probabilities called `name`."""
    nodes, stored = [], []
    last = len(network.coefs_) - 1
    for index, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_)):
        layer = f"{name}_{index}"
        more_nodes, more_stored = dense(layer, source, weights, bias)
        nodes += more_nodes
        stored += more_stored
        operator, source = ("Softmax", name) if index == last else ("Relu", f"{layer}_relu")
        nodes.append(helper.make_node(operator, [layer], [source], name=f"{layer}_{operator.lower()}"))
    return nodes, stored


def save(path, name, inputs, outputs, nodes, stored):
    """Checks and writes a graph; inputs and outputs are (name, type, shape)."""
    ends = [[helper.make_tensor_value_info(*end) for end in side] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, name, ends[0], ends[1], stored)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="swarm")
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name} takes {len(data)} bytes, more than {MOST_BYTES}: choose fewer hidden units")
    path.write_bytes(data)
    print(f"{name}: wrote {len(data)} bytes")


FLOAT = TensorProto.FLOAT
BYTE = TensorProto.UINT8
