//===- KernelObject.h - A compiled kernel in Python -------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: all.
//
//===----------------------------------------------------------------------===//

#ifndef BN_PYTHON_KERNELOBJECT_H
#define BN_PYTHON_KERNELOBJECT_H

#include "Array.h"
#include "Layout.h"
#include "Session.h"

#include "bn/Pipelines/Phase.h"

#include <array>
#include <optional>

namespace mlir::bn::python {

/// Says in `spec` which gradients are wanted. Returns, for each of input,
/// scale, offset and addend, which result its gradient is, or -1.
std::array<int, 4> setWhich(BatchNormSpec &spec, nb::handle which);

/// Returns name, element type, sizes (None: any) and access of each argument.
nb::list listArguments(const KernelSignature &signature);

/// What was compiled: a spec, or a function of a module.
struct KernelSource {
  std::optional<BatchNormSpec> spec;
  std::string module, entry;

  llvm::Expected<Kernel> compile(Compiler &compiler) const;
  llvm::Expected<std::string> getIR(Compiler &compiler, Phase phase) const;
  llvm::Expected<std::string> getStrategy(Compiler &compiler) const;
  llvm::Expected<std::string> getAssembly(Compiler &compiler) const;
};

/// kernel.ir: a mapping from the name of a phase to text.
class KernelIR {
public:
  KernelIR(KernelSource source, std::shared_ptr<Compiler> compiler)
      : source(std::move(source)), compiler(std::move(compiler)) {}

  nb::str get(const char *phase);
  bool contains(nb::handle phase) const;
  std::vector<std::string> getNames() const;

private:
  KernelSource source;
  std::shared_ptr<Compiler> compiler;
  std::array<nb::object, 8> texts;
};

class KernelObject {
public:
  static KernelObject compile(nb::handle source, const char *entry);

  nb::object call(nb::args arrays, nb::handle out) const;
  nb::list getArguments() const { return listArguments(kernel.getSignature()); }
  nb::object getIR();
  nb::str getStrategy() const;
  nb::str getAssembly() const;
  std::string getSourceHash() const;
  std::string print() const;

private:
  KernelObject(KernelSource source, std::shared_ptr<Compiler> compiler,
               Kernel kernel)
      : source(std::move(source)), compiler(std::move(compiler)),
        kernel(std::move(kernel)) {}

  nb::object callSpec(nb::args arrays, nb::handle out) const;
  nb::object callFunction(nb::args arrays) const;

  KernelSource source;
  std::shared_ptr<Compiler> compiler;
  Kernel kernel;
  nb::object ir;
};

} // namespace mlir::bn::python

#endif // BN_PYTHON_KERNELOBJECT_H
