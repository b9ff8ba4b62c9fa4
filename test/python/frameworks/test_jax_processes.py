# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What needs a process of its own: several devices, orders of imports, no JAX;
and the layouts of XLA's interface.
"""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | environment, capture_output=True, text=True,
        timeout=300)


def check(code, **environment):
    done = run(code, **environment)
    assert done.returncode == 0, done.stderr


ROOT = pathlib.Path(__file__).parents[3]


def test_page():
    """The code of docs/JAX.md runs as it stands there."""
    pytest.importorskip("flax", reason="Flax is not installed")
    page = (ROOT / "docs/JAX.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 2
    check("".join(blocks))


def test_two_devices():
    """Under shard_map each device has the statistics of its own part; what XLA
    partitions by itself has those of the whole.
    """
    check(
        """
        import jax, jax.numpy as jnp, numpy as np
        import bn_mlir.jax as bn
        from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

        mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
        x = jax.random.normal(jax.random.key(0), (8, 5, 6, 7))
        scale = jnp.arange(1.0, 6.0)
        layer = lambda x, scale: bn.training(x, scale, axis=1)[0]
        parts = jnp.concatenate([layer(x[:4], scale), layer(x[4:], scale)])
        local = jax.jit(jax.shard_map(
            layer, mesh=mesh, in_specs=(P("batch"), P()),
            out_specs=P("batch")))
        np.testing.assert_array_equal(local(x, scale), parts)

        def loss(x, scale):
            y = local(x, scale)
            return jnp.sum(y * jnp.cos(x))
        def plain(x, scale):
            y = bn.training(x, scale, axis=1, groups=2)[0]
            return jnp.sum(y * jnp.cos(x))
        for a, b in zip(jax.grad(loss, (0, 1))(x, scale),
                        jax.grad(plain, (0, 1))(x, scale)):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

        sharded = jax.device_put(x, NamedSharding(mesh, P("batch")))
        np.testing.assert_array_equal(
            jax.jit(layer)(sharded, scale), layer(x, scale))
        """,
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
    )


#: Of each framework, something that makes it start its threads and compiler.
USES = {
    "bn_mlir.jax": """
        import bn_mlir.jax, jax
        x = jax.numpy.ones((2, 3, 64, 64))
        assert abs(jax.jit(lambda x: bn_mlir.jax.training(x, axis=1)[0])(x)
                   ).max() == 0
        """,
    "jax": """
        import jax
        assert jax.jit(lambda a: a @ a)(jax.numpy.ones((64, 64)))[0, 0] == 64
        """,
    "torch": """
        import torch
        assert (torch.ones(256, 256) @ torch.ones(256, 256))[0, 0] == 256
        """,
    "tensorflow": """
        import tensorflow as tf
        f = tf.function(lambda a: a @ a, jit_compile=True)
        assert f(tf.ones((64, 64)))[0, 0] == 64
        """,
}


# Each is first once, and before each other; but TensorFlow before Triton, which
# aborts without us as well.
@pytest.mark.parametrize(
    "order",
    [
        ("bn_mlir.jax", "torch", "tensorflow"),
        ("torch", "tensorflow", "bn_mlir.jax"),
        ("tensorflow", "jax", "bn_mlir.jax", "torch"),
    ],
    ids="-".join)
def test_import_orders(order):
    """Frameworks bring an LLVM of their own each, and threads."""
    for name in order:
        if importlib.util.find_spec(name.split(".")[0]) is None:
            pytest.skip(f"{name} is not installed")
    code = "\n".join(textwrap.dedent(USES[name]) for name in order)
    check(code + code, TF_CPP_MIN_LOG_LEVEL="2")


def test_kernels_run_on_the_threads_of_xla():
    """However many parts they have, they start none of their own."""
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("the system does not list a process' threads")
    check(
        """
        import os
        import jax, numpy as np
        import bn_mlir, bn_mlir.jax as bn

        x = np.random.default_rng(0).random((16, 8, 64, 64), np.float32)
        ideal = bn_mlir.training(x, axis=1)[0]
        for threads in (0, 5):
            bn_mlir.config.threads = threads
            layer = jax.jit(lambda x: bn.training(x, axis=1)[0])
            layer = layer.lower(x).compile()
            before = len(os.listdir("/proc/self/task"))
            for _ in range(20):
                np.testing.assert_array_equal(layer(x), ideal)
            assert len(os.listdir("/proc/self/task")) == before
        """,
        BN_THREADS="1")


def test_without_jax():
    done = run(
        """
        import sys
        sys.modules["jax"] = None
        import bn_mlir
        import bn_mlir.jax
        """)
    assert done.returncode != 0
    assert done.stderr.strip().endswith(
        "ImportError: expected JAX to be installed, which bn_mlir.jax needs, "
        "got none: 'pip install jax' installs it")


def test_layouts():
    """Our declarations of XLA's interface have the layouts of jaxlib's."""
    compiler = shutil.which("clang++-22") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    source = ROOT / "python/src"
    fields = {
        "Extension=Extension_Base": "structSize=struct_size type next",
        "Version=Api_Version": "major=major_version minor=minor_version",
        "ErrorArguments=Error_Create_Args": "message code=errc",
        "API=Api": "version=api_version internal=internal_api "
                   "createError=XLA_FFI_Error_Create "
                   "getMessage=XLA_FFI_Error_GetMessage "
                   "destroyError=XLA_FFI_Error_Destroy "
                   "schedule=XLA_FFI_ThreadPool_Schedule "
                   "getNumThreads=XLA_FFI_ThreadPool_NumThreads",
        "DestroyArguments=Error_Destroy_Args": "error",
        "ScheduleArguments=ThreadPool_Schedule_Args": "context=ctx task data",
        "NumThreadsArguments=ThreadPool_NumThreads_Args":
            "context=ctx count=num_threads",
        "Buffer=Buffer": "dtype data rank sizes=dims",
        "String=ByteSpan": "data=ptr size=len",
        "Operands=Args": "size types operands=args",
        "Operands=Rets": "size types operands=rets",
        "Attributes=Attrs": "size types names values=attrs",
        "CallFrame=CallFrame": "extensions=extension_start api context=ctx "
                               "stage arguments=args results=rets "
                               "attributes=attrs",
        "Metadata=Metadata": "structSize=struct_size version=api_version "
                             "traits",
        "MetadataExtension=Metadata_Extension": "extension=extension_base "
                                                "metadata",
    }
    values = {
        "kMajorVersion": "API_MAJOR",
        "(int)Extension::metadata": "Extension_Metadata",
        "ErrorArguments::invalidArgument": "Error_Code_INVALID_ARGUMENT",
        "Operands::buffer": "ArgType_BUFFER",
        "Operands::buffer ": "RetType_BUFFER",
        "Attributes::string": "AttrType_STRING",
        "CallFrame::execute": "ExecutionStage_EXECUTE",
    } | {
        f"(int)ElementType::{name}": f"DataType_{name.upper()}"
        for name in ("Pred", "S8", "S32", "S64", "F16", "F32", "F64", "BF16")
    }
    lines = [
        '#include "XLAFFI.h"', '#include "xla/ffi/api/c_api.h"',
        "using namespace mlir::bn::xla;",
        "static_assert(kMinorVersion <= XLA_FFI_API_MINOR);",
    ]
    for structs, names in fields.items():
        ours, theirs = structs.split("=")
        for name in names.split():
            a, _, b = name.partition("=")
            lines.append(f"static_assert(offsetof({ours}, {a}) == "
                         f"offsetof(XLA_FFI_{theirs}, {b or a}));")
            lines.append(f"static_assert(sizeof({ours}::{a}) == "
                         f"sizeof(XLA_FFI_{theirs}::{b or a}));")
    lines += [f"static_assert({a} == (int)XLA_FFI_{b});"
              for a, b in values.items()]
    done = subprocess.run(
        [compiler, "-std=c++17", "-fsyntax-only", "-w", f"-I{source}",
         f"-I{jax.ffi.include_dir()}", "-xc++", "-"],
        input="\n".join(lines), text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
