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

#include "Array.h"
#include "Bindings.h"
#include "Session.h"

#include "llvm/Support/FormatVariadic.h"

#include <nanobind/stl/string.h>

using namespace mlir::bn;
using namespace mlir::bn::python;
using namespace nanobind::literals;

namespace {
/// Has no state of its own: the options are those of the session.
struct Config {};
} // namespace

/// Binds one field of CompilerOptions.
template <typename Field>
static void bindField(nb::class_<Config> &type, const char *name,
                      Field CompilerOptions::*field, const char *doc) {
  type.def_prop_rw(
      name,
      [field](const Config &) { return Session::get().getOptions().*field; },
      [field](const Config &, const Field &value) {
        Session::get().changeOptions(
            [&](CompilerOptions &options) { options.*field = value; });
      },
      doc);
}

static void setThreads(const Config &, int64_t threads) {
  if (threads < 0 || threads > 1024)
    raiseValueError(llvm::formatv(
        "expected 'threads' to be from 0 to 1024, got {0}", threads));
  Session::get().changeOptions(
      [&](CompilerOptions &options) { options.threads = threads; });
}

static void setOptLevel(const Config &, int64_t level) {
  if (level < 0 || level > 3)
    raiseValueError(llvm::formatv(
        "expected 'opt_level' to be from 0 to 3, got {0}", level));
  Session::get().changeOptions(
      [&](CompilerOptions &options) { options.target.optLevel = level; });
}

static void bindTarget(nb::class_<Config> &type) {
  type.def_prop_rw(
      "cpu",
      [](const Config &) { return Session::get().getOptions().target.cpu; },
      [](const Config &, const std::string &cpu) {
        Session::get().changeOptions(
            [&](CompilerOptions &options) { options.target.cpu = cpu; });
      },
      "The CPU to compile for, for example 'znver3'; empty for this "
      "machine's.");
  type.def_prop_rw(
      "features",
      [](const Config &) {
        return Session::get().getOptions().target.features;
      },
      [](const Config &, const std::string &features) {
        Session::get().changeOptions([&](CompilerOptions &options) {
          options.target.features = features;
        });
      },
      "Features on top of the CPU's, for example '+avx2,-fma'.");
  type.def_prop_rw(
      "opt_level",
      [](const Config &) {
        return int64_t(Session::get().getOptions().target.optLevel);
      },
      &setOptLevel, "How hard LLVM tries: 0 to 3.");
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
  type.def_prop_rw(
      "threads",
      [](const Config &) { return Session::get().getOptions().threads; },
      &setThreads,
      "Threads of a kernel; 0 for as many as the OpenMP runtime, or the "
      "framework on\nwhose threads it runs, has. Results do not depend on "
      "it.");
  bindField(type, "disk_cache", &CompilerOptions::useDiskCache,
            "Keep compiled kernels on disk.");
  bindField(type, "cache_dir", &CompilerOptions::cacheDir,
            "The folder for them; empty for the user's cache folder.");
  bindField(type, "dump_dir", &CompilerOptions::dumpDir,
            "Where to write the module after each phase of a compilation; "
            "empty for\nnowhere. Caches are not looked at then.");
  bindField(type, "perf", &CompilerOptions::enablePerf,
            "Write the files that ``perf inject --jit`` reads.");
  bindField(type, "gdb", &CompilerOptions::enableGDB,
            "Register kernels with gdb.");
  bindTarget(type);
  type.def_prop_rw(
      "pool_limit",
      [](const Config &) { return Session::get().pool.getLimit(); },
      [](const Config &, int64_t limit) {
        Session::get().pool.setLimit(limit);
      },
      "Bytes of dead results' memory that are kept for later results; negative "
      "for\nan eighth of the machine's memory.");
  module.attr("config") = nb::cast(Config());
  bindPool(module);
  bindCaches(module);
}
