# The lit configuration of bn-mlir's tests. Tests mirror include/bn; those that
# execute kernels are under Integration.
#
# Environment:
#   BN_OPT_VERIFY_ROUNDTRIP=1   every bn-opt also verifies that the module it
#                               read survives printing and parsing

import os
import shutil
import subprocess
import sys

import lit.formats


def find_python():
    """The environment that utils/ makes in the build tree, else lit's own."""
    venv = os.path.join(config.bn_obj_root, "venv", "bin", "python")
    return venv if os.path.exists(venv) else sys.executable


def python_has(module):
    command = [python, "-c", "import " + module]
    return subprocess.run(command, capture_output=True).returncode == 0


def host_cpu_flags():
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            for line in cpuinfo:
                if line.startswith(("flags", "Features")):
                    return line.split(":", 1)[1].split()
    except OSError:
        pass
    return []


def tool(directory, name, file=None, extra_args=()):
    """A command that stands for a tool of ours, or of LLVM's, by full path.

    A name is not taken inside an option, a path or a longer name.
    """
    path = os.path.join(directory, file or name)
    if not os.path.exists(path):
        lit_config.fatal("expected the tool '%s' at %s, got no such file"
                         % (name, path))
    command = " ".join([path, *extra_args])
    config.substitutions.append(
        (r"(?<![-./=\w])" + name + r"(?![-./\w])", command))


config.name = "BN"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "lit.cfg.py", "lit.site.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.bn_obj_root, "test")

# The same strictness as upstream MLIR: variables do not leak over CHECK-LABEL,
# and a prefix that no line uses is a mistake.
config.environment["FILECHECK_OPTS"] = (
    "-enable-var-scope --allow-unused-prefixes=false")
# No test may read or leave something in the user's kernel cache, and none may
# be served a kernel that an older build of the compiler made.
kernel_cache = os.path.join(config.test_exec_root, "kernel-cache")
shutil.rmtree(kernel_cache, ignore_errors=True)
config.environment["BN_CACHE_DIR"] = kernel_cache
config.environment["PATH"] = os.pathsep.join(
    [config.bn_tools_dir, config.llvm_tools_dir, os.environ["PATH"]])
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "HOME",
             "OMP_NUM_THREADS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

python = find_python()
config.substitutions += [
    ("%bn_src_root", config.bn_src_root),
    ("%bn_obj_root", config.bn_obj_root),
    ("%bn_tools", config.bn_tools_dir),
    ("%bn_libs", config.bn_libs_dir),
    ("%llvm_libs", config.llvm_libs_dir),
    ("%python", python),
]

roundtrip = os.environ.get("BN_OPT_VERIFY_ROUNDTRIP", "0") not in ("", "0")
tool(config.bn_tools_dir, "bn-opt",
     extra_args=["--verify-roundtrip"] if roundtrip else [])
tool(config.bn_tools_dir, "bn-runner")
tool(config.llvm_tools_dir, "mlir-opt-22", file="mlir-opt")
for name in ("FileCheck", "count", "mlir-translate", "not", "split-file",
             "llc", "llvm-objdump"):
    tool(config.llvm_tools_dir, name)

# What a test may require; without it, lit reports it as unsupported.
if python_has("numpy"):
    config.available_features.add("numpy")
if python_has("ml_dtypes"):
    config.available_features.add("ml_dtypes")
for flag in ("avx2", "avx512f", "f16c"):
    if flag in host_cpu_flags():
        config.available_features.add(flag)
if "-fsanitize=" in config.bn_cxx_flags:
    config.available_features.add("sanitizer")
if config.bn_build_type == "Debug":
    config.available_features.add("debug-build")
if roundtrip:
    config.available_features.add("verify-roundtrip")
