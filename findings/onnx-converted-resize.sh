#!/usr/bin/env bash
# onnx.version_converter of onnx 1.23.2 changes what a model with linear upsampling computes.
#
# In operator sets 9 and 10 linear Upsample and Resize put the first voxel of the result on the first voxel of the
# input (later called "asymmetric"). Since operator set 11 this is an attribute whose default is another one,
# "half_pixel". The converter leaves the attribute out, so a model converted from 10 to 11 or later upsamples with
# a shift of a fraction of a voxel. The file is valid before and after, and nothing is said. Nearest neighbours by
# whole factors are not affected.
#
# voxstill takes teachers of operator sets 11 and later, so older ones have to be converted or exported anew;
# docs/teachers.md says beside these numbers which of the two to choose.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper, version_converter

print("onnx", onnx.__version__, "and ONNX Runtime", ort.__version__)
LINE = np.array([[[1, 2, 3, 4]]], np.float32)


def model_of(op, operator_set, mode):
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "scales"], ["y"], mode=mode)],
        "upsampling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8])],
        [numpy_helper.from_array(np.array([1, 1, 2], np.float32), "scales")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", operator_set)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def run(model):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [round(float(v), 4) for v in session.run(None, {"x": LINE})[0].ravel()]


BEFORE, AFTER = [1, 1.5, 2, 2.5, 3, 3.5, 4, 4], [1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4]
same = True
for op, operator_set in (("Upsample", 9), ("Resize", 10)):
    for mode in ("linear", "nearest"):
        model = model_of(op, operator_set, mode)
        before = run(model)
        print(f"{op} of operator set {operator_set}, {mode}: {before}")
        for target in (11, 13, 18):
            converted = version_converter.convert_version(model, target)
            onnx.checker.check_model(converted)
            after = run(converted)
            resize = next(node for node in converted.graph.node if node.op_type == "Resize")
            attributes = [attribute.name for attribute in resize.attribute]
            print(f"  converted to {target}: {after}, attributes {attributes}")
            expected = (BEFORE, AFTER) if mode == "linear" else (before, before)
            same = same and (before, after) == expected and "coordinate_transformation_mode" not in attributes

if not same:
    sys.exit("changed: the numbers are no longer those that this finding states")
print("as stated")
PYTHON
