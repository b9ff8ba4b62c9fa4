//===- Config.cpp - Options of the process ----------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The options behind bn_mlir.config. Python's knobs.py reads the environment
// into them.
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Array.h"
#include "Bindings.h"
#include "Session.h"

#include "bn/Dialect/BN/IR/BNDialect.h"
#include "bn/Target/TargetMachine.h"

#include "llvm/Support/FormatVariadic.h"

#include <nanobind/stl/string.h>

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;

namespace {
/// Has no state of its own: the options are those of the session.
struct Config {};
} // namespace

/// Binds an option of type T, which `get` returns and `set` is given.
template <typename T, typename Get, typename Set>
static void bindOption(nb::class_<Config> &type, const char *name, Get get,
                       Set set, const char *doc) {
  const char *kind = std::is_same_v<T, bool>      ? "bool"
                     : std::is_same_v<T, int64_t> ? "int"
                                                  : "str";
  std::string signature =
      llvm::formatv("def {0}(self, value: {1}, /) -> None", name, kind);
  type.def_prop_rw(
      name, [get](const Config &) { return T(get()); },
      [name, set](const Config &, nb::handle value) {
        set(convertArgument<T>(value, name));
      },
      nb::for_setter("value"_a.none()),
      nb::for_setter(nb::sig(signature.c_str())), doc);
}

/// Binds one field of CompilerOptions.
template <typename T, typename Field>
static void bindField(nb::class_<Config> &type, const char *name,
                      Field CompilerOptions::*field, const char *doc) {
  bindOption<T>(
      type, name, [field] { return Session::get().getOptions().*field; },
      [field](T value) {
        Session::get().changeOptions(
            [&](CompilerOptions &options) { options.*field = value; });
      },
      doc);
}

static void setThreads(int64_t threads) {
  if (threads < 0 || threads > kMaxThreads)
    raiseValueError(
        llvm::formatv("expected 'threads' to be from 0 to {0}, got {1}",
                      kMaxThreads, threads));
  Session::get().changeOptions(
      [&](CompilerOptions &options) { options.threads = threads; });
}

static void setOptLevel(int64_t level) {
  if (level < 0 || level > 3)
    raiseValueError(llvm::formatv(
        "expected 'opt_level' to be from 0 to 3, got {0}", level));
  Session::get().changeOptions(
      [&](CompilerOptions &options) { options.target.optLevel = level; });
}

/// Changes the target, if LLVM knows it.
static void changeTarget(llvm::function_ref<void(TargetOptions &)> change) {
  TargetOptions target = Session::get().getOptions().target;
  change(target);
  if (auto machine = createTargetMachine(target); !machine)
    raiseIfError(machine.takeError());
  Session::get().changeOptions(
      [&](CompilerOptions &options) { options.target = target; });
}

static void bindTarget(nb::class_<Config> &type) {
  bindOption<std::string>(
      type, "cpu", [] { return Session::get().getOptions().target.cpu; },
      [](const std::string &cpu) {
        changeTarget([&](TargetOptions &target) { target.cpu = cpu; });
      },
      "The CPU to compile for, for example 'znver3'; empty for this "
      "machine's.");
  bindOption<std::string>(
      type, "features",
      [] { return Session::get().getOptions().target.features; },
      [](const std::string &features) {
        changeTarget(
            [&](TargetOptions &target) { target.features = features; });
      },
      "Features on top of the CPU's, for example '+avx2,-fma'.");
  bindOption<int64_t>(
      type, "opt_level",
      [] { return Session::get().getOptions().target.optLevel; }, &setOptLevel,
      "How hard LLVM tries: 0 to 3.");
}

/// "Config(threads=0, ...)"
static std::string printConfig(nb::handle config) {
  std::string text = "Config(";
  for (const char *name :
       {"threads", "disk_cache", "cache_dir", "dump_dir", "cpu", "features",
        "opt_level", "perf", "gdb", "pool_limit"}) {
    nb::str value = nb::repr(config.attr(name));
    text += llvm::formatv("{0}{1}={2}", text.back() == '(' ? "" : ", ", name,
                          value.c_str());
  }
  return text + ")";
}

static void bindPool(nb::module_ &module) {
  module.def(
      "clear_pool", [] { Session::get().pool.clear(); },
      "Gives the memory that is kept for results back to the system.");
  module.def(
      "pool_statistics",
      [] {
        ResultPoolStatistics statistics = Session::get().pool.getStatistics();
        nb::dict result;
        result["kept_bytes"] = statistics.keptBytes;
        result["used_bytes"] = statistics.usedBytes;
        result["reused"] = statistics.reused;
        result["fresh"] = statistics.fresh;
        return result;
      },
      "Bytes that are kept for later and in use, and how many results were "
      "given kept\nand fresh memory.",
      nb::sig("def pool_statistics() -> dict[str, int]"));
}

static void bindCaches(nb::module_ &module) {
  module.def(
      "clear_kernels", [] { Session::get().clearKernels(); },
      "Forgets the kernels in memory; those on disk stay.");
  module.def(
      "compile_statistics",
      [] {
        CompilerStatistics statistics =
            Session::get().getCompiler()->getStatistics();
        nb::dict result;
        result["memory_hits"] = statistics.memoryHits;
        result["disk_hits"] = statistics.diskHits;
        result["disk_rejected"] = statistics.diskRejected;
        result["compiled"] = statistics.compiled;
        return result;
      },
      "How often a kernel that was not in the table of calls came from memory, "
      "from\ndisk, or was compiled; 'disk_rejected' counts damaged files.",
      nb::sig("def compile_statistics() -> dict[str, int]"));
}

void mlir::bn::python::bindConfig(nb::module_ &module) {
  nb::class_<Config> type(module, "Config",
                          "The options of the process. A change holds for all "
                          "calls that begin after it.");
  bindOption<int64_t>(
      type, "threads", [] { return Session::get().getOptions().threads; },
      &setThreads,
      "Threads of a kernel; 0 for as many as the OpenMP runtime, or the "
      "framework on\nwhose threads it runs, has. Results do not depend on "
      "it.");
  bindField<bool>(type, "disk_cache", &CompilerOptions::useDiskCache,
                  "Keep compiled kernels on disk.");
  bindField<std::string>(
      type, "cache_dir", &CompilerOptions::cacheDir,
      "The folder for them; empty for the user's cache folder.");
  bindField<std::string>(
      type, "dump_dir", &CompilerOptions::dumpDir,
      "Where to write the module after each phase of a compilation; "
      "empty for\nnowhere. Caches are not looked at then.");
  bindField<bool>(type, "perf", &CompilerOptions::enablePerf,
                  "Write the files that ``perf inject --jit`` reads.");
  bindField<bool>(type, "gdb", &CompilerOptions::enableGDB,
                  "Register kernels with gdb.");
  bindTarget(type);
  bindOption<int64_t>(
      type, "pool_limit", [] { return Session::get().pool.getLimit(); },
      [](int64_t limit) { Session::get().pool.setLimit(limit); },
      "Bytes of dead results' memory that are kept for later results; negative "
      "for\nan eighth of the machine's memory.");
  type.def("__repr__", &printConfig, nb::sig("def __repr__(self) -> str"));
  module.attr("config") = nb::cast(Config());
  bindPool(module);
  bindCaches(module);
}
