"""OpenVINO: the operator BatchNormInference on its CPU plug-in."""

from __future__ import annotations

from ..arrays import Data
from ..cases import EPSILON, Case
from . import Unsupported, Variant, refuse_epilogue

NAME = "openvino"
MODULES = ("openvino",)
PACKAGES = ("openvino",)


def environment(threads: int) -> dict[str, str]:
    return {}


def prepare(case: Case, data: Data) -> dict[str, Variant]:
    import openvino as ov
    from openvino import opset13 as ops

    if (case.kind, case.dtype) != ("inference", "f32"):
        raise Unsupported("inference in f32 only")
    refuse_epilogue(case)
    if case.axis != 1:
        raise Unsupported("channels first only")
    x = ops.parameter(list(case.memory_shape), ov.Type.f32)
    node = ops.batch_norm_inference(
        x, data.scale.copy(), data.offset.copy(), data.mean.copy(),
        data.variance.copy(), EPSILON)
    compiled = ov.Core().compile_model(ov.Model([node], [x]), "CPU", {
        "INFERENCE_NUM_THREADS": case.threads, "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(data.x, shared_memory=True))
    request.set_output_tensor(ov.Tensor(data.output, shared_memory=True))
    return {"": Variant(request.infer, lambda: data.output)}
