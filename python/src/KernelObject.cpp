//===- KernelObject.cpp - A compiled kernel in Python -----------*- C++ -*-===//
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

#include "KernelObject.h"

#include "bn/InitAllDialects.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::bn;
using namespace mlir::bn::python;
using Access = KernelOperand::Access;

//===----------------------------------------------------------------------===//
// Source
//===----------------------------------------------------------------------===//

/// Calls `callback` with the module in `text`, in a context of its own.
template <typename T, typename Callback>
static llvm::Expected<T> onParsedModule(llvm::StringRef text,
                                        Callback &&callback) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string diagnostics;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    llvm::raw_string_ostream os(diagnostics);
    os << (diagnostics.empty() ? "" : "\n") << diagnostic.getLocation() << ": "
       << diagnostic;
  });
  auto module =
      parseSourceString<ModuleOp>(text, ParserConfig(&context), "module");
  if (module)
    return callback(*module);
  if (text.ends_with(".mlir") && !text.contains('\n'))
    return llvm::createStringError(
        "expected the text of a module, got a path, '" + text + "'");
  return llvm::createStringError(diagnostics);
}

llvm::Expected<Kernel> KernelSource::compile(Compiler &compiler) const {
  if (spec)
    return compiler.compile(*spec);
  return onParsedModule<Kernel>(
      module, [&](ModuleOp op) { return compiler.compile(op, entry); });
}

llvm::Expected<std::string> KernelSource::getIR(Compiler &compiler,
                                                Phase phase) const {
  if (spec)
    return compiler.getIR(*spec, phase);
  return onParsedModule<std::string>(
      module, [&](ModuleOp op) { return compiler.getIR(op, entry, phase); });
}

llvm::Expected<std::string>
KernelSource::getStrategy(Compiler &compiler) const {
  if (spec)
    return compiler.getStrategy(*spec);
  return onParsedModule<std::string>(
      module, [&](ModuleOp op) { return compiler.getStrategy(op, entry); });
}

llvm::Expected<std::string>
KernelSource::getAssembly(Compiler &compiler) const {
  if (spec)
    return compiler.getAssembly(*spec);
  return onParsedModule<std::string>(
      module, [&](ModuleOp op) { return compiler.getAssembly(op, entry); });
}

/// Calls `function` without the GIL, and raises its error.
template <typename Function> static auto compileUnlocked(Function &&function) {
  auto result = [&] {
    nb::gil_scoped_release release;
    return function();
  }();
  if (!result)
    throw CompileError(llvm::toString(result.takeError()));
  return std::move(*result);
}

static nb::str toPython(const std::string &text) {
  return nb::str(text.c_str(), text.size());
}

//===----------------------------------------------------------------------===//
// IR
//===----------------------------------------------------------------------===//

nb::str KernelIR::get(const char *name) {
  std::optional<Phase> phase = symbolizePhase(name);
  if (!phase)
    throw nb::key_error(
        llvm::formatv("expected one of the phases {0}, got '{1}'",
                      llvm::join(getNames(), ", "), name)
            .str()
            .c_str());
  nb::object &text = texts[static_cast<size_t>(*phase)];
  if (!text.is_valid())
    text = toPython(
        compileUnlocked([&] { return source.getIR(*compiler, *phase); }));
  return nb::str(text);
}

bool KernelIR::contains(nb::handle phase) const {
  return nb::isinstance<nb::str>(phase) &&
         symbolizePhase(nb::cast<const char *>(phase));
}

std::vector<std::string> KernelIR::getNames() const {
  std::vector<std::string> names;
  for (Phase phase : getAllPhases())
    names.push_back(stringifyPhase(phase).str());
  return names;
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

KernelObject KernelObject::compile(nb::handle object, const char *entry) {
  KernelSource source;
  if (nb::isinstance<BatchNormSpec>(object)) {
    source.spec = nb::cast<BatchNormSpec>(object);
  } else if (nb::isinstance<nb::str>(object)) {
    source.module = nb::cast<const char *>(object);
    source.entry = entry;
  } else {
    raiseTypeError(llvm::formatv("expected 'source' to be a Spec or the text "
                                 "of a module, got {0}",
                                 nb::inst_name(object).c_str()));
  }
  std::shared_ptr<Compiler> compiler = Session::get().getCompiler();
  Kernel kernel = compileUnlocked([&] { return source.compile(*compiler); });
  return KernelObject(std::move(source), std::move(compiler),
                      std::move(kernel));
}

nb::object KernelObject::getIR() {
  if (!ir.is_valid())
    ir = nb::cast(KernelIR(source, compiler));
  return ir;
}

nb::str KernelObject::getStrategy() const {
  return toPython(
      compileUnlocked([&] { return source.getStrategy(*compiler); }));
}

nb::str KernelObject::getAssembly() const {
  return toPython(
      compileUnlocked([&] { return source.getAssembly(*compiler); }));
}

std::string KernelObject::getSourceHash() const {
  std::string text =
      source.spec ? source.spec->getKey() : source.module + source.entry;
  return llvm::toHex(llvm::SHA256::hash(llvm::arrayRefFromStringRef(text)),
                     /*LowerCase=*/true);
}

static const char *stringifyAccess(Access access) {
  switch (access) {
  case Access::Read:
    return "read";
  case Access::Write:
    return "write";
  case Access::ReadWrite:
    return "read_write";
  }
  llvm_unreachable("unknown access");
}

nb::list mlir::bn::python::listArguments(const KernelSignature &signature) {
  nb::list result;
  for (auto [index, operand] : llvm::enumerate(signature.arguments)) {
    nb::list sizes;
    for (int64_t size : operand.shape)
      sizes.append(size < 0 ? nb::none() : nb::object(nb::int_(size)));
    std::string name = operand.name.empty()
                           ? "argument " + std::to_string(index)
                           : operand.name;
    result.append(nb::make_tuple(
        toPython(name), toPython(stringifyDType(operand.dtype).str()),
        nb::tuple(sizes), stringifyAccess(operand.access)));
  }
  return result;
}

std::string KernelObject::print() const {
  std::string text = "<bn_mlir.Kernel ";
  text += source.spec ? source.spec->getKey() : "of a module";
  return text + ">";
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

nb::object KernelObject::call(nb::args arrays, nb::handle out) const {
  if (source.spec)
    return callSpec(arrays, out);
  if (!out.is_none())
    raiseTypeError("expected 'out' to be None for a function of a module, "
                   "which takes all its arguments, got " +
                   std::string(nb::inst_name(out).c_str()));
  return callFunction(arrays);
}

static void callUnlocked(const Kernel &kernel,
                         llvm::ArrayRef<TensorView> views) {
  llvm::Error error = [&] {
    nb::gil_scoped_release release;
    return kernel.call(views);
  }();
  raiseIfError(std::move(error));
}

/// Makes result `operand` of the sizes that `input` gives it, holding zeros
/// where the kernel adds to it.
static nb::object makeResult(const KernelOperand &operand, const Array &input,
                             TensorView &view) {
  view.dtype = operand.dtype;
  for (auto [size, same] : llvm::zip_equal(operand.shape, operand.sameSizeAs)) {
    bool isKnown = size >= 0 || same < 0 || same >= input.view.getRank();
    view.shape.push_back(isKnown ? std::max<int64_t>(size, 0)
                                 : input.view.shape[same]);
  }
  if (operand.bitsOf >= 0)
    view.shape = {input.view.getNumElements() / 8};
  Layout().setStrides(view);
  ResultPool::Block *block =
      Session::get().pool.allocate(view.getSizeInBytes());
  if (!block)
    throw std::bad_alloc();
  view.data = ResultPool::getData(block);
  if (operand.access == Access::ReadWrite)
    std::memset(view.data, 0, view.getSizeInBytes());
  return input.makeAlike(view, block);
}

static llvm::SmallVector<nb::handle> convertOut(nb::handle out,
                                                size_t numResults) {
  bool isList = nb::isinstance<nb::tuple>(out) || nb::isinstance<nb::list>(out);
  if (!isList) {
    llvm::SmallVector<nb::handle> entries(numResults, nb::handle(Py_None));
    entries.front() = out;
    return entries;
  }
  llvm::SmallVector<nb::handle> entries;
  for (nb::handle entry : out)
    entries.push_back(entry);
  if (entries.size() != numResults)
    raiseValueError(llvm::formatv("expected 'out' to have {0} entries, got {1}",
                                  numResults, entries.size()));
  return entries;
}

/// Adds what is given for `operand`, which messages call `name`.
static void importOperand(nb::handle array, const KernelOperand &operand,
                          const char *name,
                          llvm::SmallVectorImpl<Array> &imported,
                          llvm::SmallVectorImpl<TensorView> &views) {
  auto access = operand.access == Access::Read ? Array::Access::Read
                                               : Array::Access::Write;
  imported.emplace_back(array, name, access, getName(operand.dtype));
  views.push_back(imported.back().view);
  checkDType(views.back(), name, operand.dtype);
}

nb::object KernelObject::callSpec(nb::args arrays, nb::handle out) const {
  llvm::ArrayRef<KernelOperand> operands = kernel.getSignature().arguments;
  size_t numInputs = llvm::count_if(operands, [](const KernelOperand &operand) {
    return operand.access == Access::Read;
  });
  if (arrays.size() != numInputs) {
    auto names = llvm::map_range(
        operands.take_front(numInputs),
        [](const KernelOperand &operand) { return operand.name; });
    raiseTypeError(llvm::formatv("expected {0} arrays, {1}, got {2}", numInputs,
                                 llvm::join(names, ", "), arrays.size()));
  }
  llvm::SmallVector<Array, 8> imported;
  llvm::SmallVector<TensorView, 12> views;
  for (size_t index = 0; index < numInputs; ++index)
    importOperand(arrays[index], operands[index], operands[index].name.c_str(),
                  imported, views);
  llvm::ArrayRef<KernelOperand> outputs = operands.drop_front(numInputs);
  llvm::SmallVector<nb::handle> given = convertOut(out, outputs.size());
  nb::list results;
  for (auto [operand, entry] : llvm::zip_equal(outputs, given)) {
    if (entry.is_none()) {
      views.emplace_back();
      results.append(makeResult(operand, imported.front(), views.back()));
      continue;
    }
    importOperand(entry, operand, operand.name.c_str(), imported, views);
    results.append(entry);
  }
  callUnlocked(kernel, views);
  return results.size() == 1 ? nb::object(results[0])
                             : nb::object(nb::tuple(results));
}

nb::object KernelObject::callFunction(nb::args arrays) const {
  llvm::SmallVector<Array, 8> imported;
  llvm::SmallVector<TensorView, 12> views;
  llvm::ArrayRef<KernelOperand> operands = kernel.getSignature().arguments;
  if (arrays.size() != operands.size())
    raiseTypeError(llvm::formatv("expected {0} arguments, got {1}",
                                 operands.size(), arrays.size()));
  for (auto [index, operand] : llvm::enumerate(operands)) {
    std::string name = "argument " + std::to_string(index);
    importOperand(arrays[index], operand, name.c_str(), imported, views);
  }
  llvm::Expected<KernelResults> called = [&] {
    nb::gil_scoped_release release;
    return kernel.callWithResults(views);
  }();
  if (!called)
    raiseIfError(called.takeError());
  // A result may be (a part of) an argument.
  struct Owned {
    KernelResults results;
    llvm::SmallVector<Array, 8> arguments;
  };
  auto *owned = new Owned{std::move(*called), std::move(imported)};
  nb::capsule memory(owned, [](void *pointer) noexcept {
    delete static_cast<Owned *>(pointer);
  });
  nb::object owner = nb::make_tuple(memory, arrays);
  nb::list results;
  for (const TensorView &view : owned->results.getViews())
    results.append(owned->arguments.empty()
                       ? makeNumPyArray(view, owner)
                       : owned->arguments.front().makeAlike(view, owner));
  if (results.size() == 0)
    return nb::none();
  return results.size() == 1 ? nb::object(results[0])
                             : nb::object(nb::tuple(results));
}
