"""ONNX Runtime: the operator BatchNormalization, with bound memory."""

from __future__ import annotations

from ..arrays import Data
from ..cases import EPSILON, Case
from . import Unsupported, Variant, refuse_epilogue

NAME = "onnxruntime"
MODULES = ("onnx", "onnxruntime")
PACKAGES = ("onnxruntime",)


def environment(threads: int) -> dict[str, str]:
    return {}


def build_model(case: Case) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    names = ("x", "scale", "offset", "mean", "variance")
    shapes = (case.memory_shape,) + ((case.channels,),) * 4
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
              for n, s in zip(names, shapes)]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes[0])
    node = helper.make_node("BatchNormalization", names, ["y"],
                            epsilon=EPSILON)
    graph = helper.make_graph([node], "batch_norm", inputs, [output])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import onnxruntime as ort

    if (case.kind, case.dtype) != ("inference", "f32"):
        raise Unsupported("inference in f32 only")
    refuse_epilogue(case)
    if case.axis != 1:
        raise Unsupported("channels first only")
    options = ort.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(build_model(case), options,
                                   providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    names = ("x", "scale", "offset", "mean", "variance")
    values = [ort.OrtValue.ortvalue_from_numpy(getattr(data, n)) for n in names]
    for name, value in zip(names, values):
        binding.bind_ortvalue_input(name, value)
    binding.bind_output("y", "cpu", 0, data.output.dtype,
                        data.output.shape, data.output.ctypes.data)

    def call() -> None:
        session.run_with_iobinding(binding)

    return {"": Variant(call, lambda: (values, data.output)[1])}
