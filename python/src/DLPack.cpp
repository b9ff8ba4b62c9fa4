//===- DLPack.cpp - Arrays of other frameworks ------------------*- C++ -*-===//
//
// Part of the bn-mlir project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Phase: none (run time).
//
//===----------------------------------------------------------------------===//

#include "DLPack.h"

#include "Array.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::bn;
using namespace mlir::bn::python;

//===----------------------------------------------------------------------===//
// The C structures of DLPack that nanobind does not declare
//===----------------------------------------------------------------------===//

namespace {
struct Version {
  uint32_t major, minor;
};

struct ManagedTensor {
  Version version;
  void *context;
  void (*deleter)(ManagedTensor *);
  uint64_t flags;
  nb::dlpack::dltensor tensor;
};
} // namespace

struct mlir::bn::python::ExchangeAPI {
  Version version;
  ExchangeAPI *previous;
  void *allocate;
  void *exportOwned;
  int (*importOwned)(ManagedTensor *, void **);
  int (*exportBorrowed)(void *, nb::dlpack::dltensor *);
  void *getStream;
};

static const ExchangeAPI *findExchangeAPI(PyTypeObject *type) {
  nb::object capsule =
      nb::getattr(nb::handle(reinterpret_cast<PyObject *>(type)),
                  "__dlpack_c_exchange_api__", nb::none());
  if (!PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api"))
    return nullptr;
  auto *api = static_cast<const ExchangeAPI *>(
      PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
  // Tables of later versions lead to those of earlier ones.
  while (api && api->version.major != 1)
    api = api->previous;
  return api && api->exportBorrowed && api->importOwned ? api : nullptr;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static Framework detectFramework(PyTypeObject *type) {
  // A subclass belongs to where its base does.
  for (PyTypeObject *base = type; base; base = base->tp_base) {
    nb::object module =
        nb::getattr(nb::handle(reinterpret_cast<PyObject *>(base)),
                    "__module__", nb::str());
    auto framework =
        llvm::StringSwitch<Framework>(
            llvm::StringRef(nb::str(module).c_str()).split('.').first)
            .Case("torch", Framework::Torch)
            .Cases({"jax", "jaxlib"}, Framework::JAX)
            .Case("tensorflow", Framework::TensorFlow)
            .Default(Framework::Other);
    if (framework != Framework::Other)
      return framework;
  }
  return Framework::Other;
}

const ArrayType &mlir::bn::python::getArrayType(nb::handle object) {
  // Types are few, and kept alive: an address means one type for good. The GIL
  // guards the map.
  static llvm::DenseMap<PyTypeObject *, std::unique_ptr<ArrayType>> known;
  PyTypeObject *type = Py_TYPE(object.ptr());
  auto found = known.find(type);
  if (found != known.end())
    return *found->second;
  auto info = std::make_unique<ArrayType>();
  info->framework = detectFramework(type);
  info->api = findExchangeAPI(type);
  Py_INCREF(type);
  // Finding out may have run Python code, and another thread in between.
  return *known.try_emplace(type, std::move(info)).first->second;
}

//===----------------------------------------------------------------------===//
// Names for messages
//===----------------------------------------------------------------------===//

/// "complex64", as Python's frameworks call it.
static std::string printDType(const nb::dlpack::dtype &dtype) {
  // By DLPack's code. Those before bool are followed by the number of bits.
  static constexpr const char *names[] = {
      "int",
      "uint",
      "float",
      "handle",
      "bfloat",
      "complex",
      "bool",
      "float8_e3m4",
      "float8_e4m3",
      "float8_e4m3b11fnuz",
      "float8_e4m3fn",
      "float8_e4m3fnuz",
      "float8_e5m2",
      "float8_e5m2fnuz",
      "float8_e8m0fnu",
      "float6_e2m3fn",
      "float6_e3m2fn",
      "float4_e2m1fn",
  };
  if (dtype.code >= std::size(names))
    return llvm::formatv("DLPack type code {0} of {1} bits",
                         unsigned(dtype.code), unsigned(dtype.bits));
  std::string text = names[dtype.code];
  if (dtype.code < static_cast<uint8_t>(nb::dlpack::dtype_code::Bool))
    text += std::to_string(dtype.bits);
  return dtype.lanes == 1 ? text : text + "x" + std::to_string(dtype.lanes);
}

/// Returns what Python's frameworks call DLPack's type of a device, or null.
static const char *getDeviceName(int32_t type) {
  switch (type) {
  case nb::device::cpu::value:
    return "cpu";
  case nb::device::cuda::value:
    return "cuda";
  case nb::device::cuda_host::value:
    return "cuda_host";
  case nb::device::opencl::value:
    return "opencl";
  case nb::device::vulkan::value:
    return "vulkan";
  case nb::device::metal::value:
    return "metal";
  case nb::device::rocm::value:
    return "rocm";
  case nb::device::rocm_host::value:
    return "rocm_host";
  case nb::device::cuda_managed::value:
    return "cuda_managed";
  case nb::device::oneapi::value:
    return "oneapi";
  default:
    return nullptr;
  }
}

/// "cuda:0"
static std::string printDevice(const nb::dlpack::device &device) {
  const char *name = getDeviceName(device.device_type);
  std::string text =
      name ? name : "DLPack device type " + std::to_string(device.device_type);
  return text + ":" + std::to_string(device.device_id);
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

static nb::dlpack::dtype convertDType(DType dtype) {
  using Code = nb::dlpack::dtype_code;
  Code code = Code::Float;
  if (dtype == DType::I1)
    code = Code::Bool;
  else if (dtype == DType::I8 || dtype == DType::I32 || dtype == DType::I64)
    code = Code::Int;
  else if (dtype == DType::BF16)
    code = Code::Bfloat;
  return {static_cast<uint8_t>(code),
          static_cast<uint8_t>(8 * getByteSize(dtype)), 1};
}

static DType convertDType(const nb::dlpack::dtype &dtype, const char *name,
                          const char *wanted) {
  for (DType known : {DType::F32, DType::BF16, DType::F16, DType::F64,
                      DType::I1, DType::I8, DType::I32, DType::I64})
    if (dtype == convertDType(known))
      return known;
  raiseTypeError(
      llvm::formatv("expected '{0}' to have element type {1}, got {2}", name,
                    wanted, printDType(dtype)));
}

//===----------------------------------------------------------------------===//
// Import
//===----------------------------------------------------------------------===//

/// Says that `object` cannot be imported, caused by what it has raised itself;
/// what has nothing to do with that is raised again.
[[noreturn]] static void raiseNotReadable(nb::handle object, const char *name,
                                          nb::python_error &cause) {
  if (!cause.matches(PyExc_Exception) || cause.matches(PyExc_MemoryError))
    throw cause;
  nb::raise_from(cause, PyExc_ValueError,
                 "expected '%s' to be readable by DLPack, got %s that is not",
                 name, nb::inst_name(object).c_str());
}

/// DLPack does not carry gradients, and must not lose them unseen. Where none
/// are recorded, there are none to lose.
static void checkNoGradient(nb::handle object, const char *name) {
  if (!object.attr("requires_grad").is(nb::handle(Py_True)))
    return;
  nb::object isEnabled = nb::module_::import_("torch").attr("is_grad_enabled");
  if (nb::cast<bool>(isEnabled()))
    raiseValueError(llvm::formatv("expected '{0}' without a gradient, got a "
                                  "tensor that requires one: use detach() or "
                                  "torch.no_grad()",
                                  name));
}

[[noreturn]] static void raiseDeviceError(const char *name,
                                          llvm::StringRef device) {
  raiseValueError(llvm::formatv(
      "expected '{0}' to be an array on the CPU, got one on '{1}'", name,
      device));
}

/// Says where `object` is, if it says so itself and that is why it could not be
/// imported.
static void checkDevice(nb::handle object, const char *name) {
  nb::str device(nb::getattr(object, "device", nb::str("cpu")));
  // Frameworks call it "cpu", "CpuDevice(id=0)" or "/device:CPU:0".
  if (!llvm::StringRef(device.c_str()).contains_insensitive("cpu"))
    raiseDeviceError(name, device.c_str());
}

static void convertTensor(const nb::dlpack::dltensor &tensor, const char *name,
                          const char *wanted, TensorView &view) {
  if (tensor.device.device_type != nb::device::cpu::value)
    raiseDeviceError(name, printDevice(tensor.device));
  view.dtype = convertDType(tensor.dtype, name, wanted);
  view.data = static_cast<char *>(tensor.data) + tensor.byte_offset;
  view.shape.assign(tensor.shape, tensor.shape + tensor.ndim);
  if (tensor.strides)
    view.strides.assign(tensor.strides, tensor.strides + tensor.ndim);
  else
    view.strides = getContiguousStrides(view.shape);
}

/// Says why nanobind, which does not say it, could not import `object`.
[[noreturn]] static void raiseNotImported(nb::handle object,
                                          const ArrayType &type,
                                          const char *name, bool forWriting) {
  nb::str typeName = nb::inst_name(object);
  if (type.framework == Framework::JAX &&
      llvm::StringRef(typeName.c_str()).contains("Tracer"))
    raiseTypeError(llvm::formatv("expected '{0}' to hold numbers, got a {1}: "
                                 "use bn_mlir.jax in what is traced",
                                 name, typeName.c_str()));
  checkDevice(object, name);
  try { // once more: nanobind has dropped what this raises
    object.attr("__dlpack__")();
  } catch (nb::python_error &error) {
    raiseNotReadable(object, name, error);
  }
  raiseValueError(llvm::formatv("expected '{0}' to be {1} by DLPack, got {2} "
                                "that is not",
                                name, forWriting ? "writable" : "readable",
                                typeName.c_str()));
}

void mlir::bn::python::importDLPack(nb::handle object, const ArrayType &type,
                                    const char *name, bool forWriting,
                                    const char *wanted, TensorView &view,
                                    nb::ndarray<nb::ro> &exported) {
  if (type.framework == Framework::Torch)
    checkNoGradient(object, name);
  if (type.framework == Framework::JAX && forWriting)
    raiseValueError(llvm::formatv("expected '{0}' to be writable, got an array "
                                  "of JAX, which never is",
                                  name));
  // Others may have a stream to wait for, or memory that is read-only.
  if (type.api && type.framework == Framework::Torch) {
    nb::dlpack::dltensor tensor;
    if (type.api->exportBorrowed(object.ptr(), &tensor) != 0) {
      nb::python_error error;
      checkDevice(object, name);
      raiseNotReadable(object, name, error);
    }
    return convertTensor(tensor, name, wanted, view);
  }
  bool isImported;
  if (forWriting) {
    nb::ndarray<> writable;
    isImported = nb::try_cast(object, writable, false);
    exported = nb::ndarray<nb::ro>(writable);
  } else {
    isImported = nb::try_cast(object, exported, false);
  }
  if (!isImported)
    raiseNotImported(object, type, name, forWriting);
  nb::dlpack::dltensor tensor{};
  tensor.data = const_cast<void *>(exported.data());
  tensor.device = {exported.device_type(), exported.device_id()};
  tensor.ndim = static_cast<int32_t>(exported.ndim());
  tensor.dtype = exported.dtype();
  tensor.shape = const_cast<int64_t *>(exported.shape_ptr());
  tensor.strides = const_cast<int64_t *>(exported.stride_ptr());
  convertTensor(tensor, name, wanted, view);
}

//===----------------------------------------------------------------------===//
// Export
//===----------------------------------------------------------------------===//

namespace {
/// A tensor that a framework takes over, with all that it refers to.
struct OwnedTensor {
  ManagedTensor managed;
  TensorView view;
  nb::object owner;
};
} // namespace

/// May be called from any thread, with or without the GIL.
static void deleteOwnedTensor(ManagedTensor *managed) {
  if (!Py_IsInitialized())
    return;
  nb::gil_scoped_acquire guard;
  delete static_cast<OwnedTensor *>(managed->context);
}

static nb::object exportByAPI(const ExchangeAPI &api, const TensorView &view,
                              nb::object owner) {
  auto *owned = new OwnedTensor{{}, view, std::move(owner)};
  ManagedTensor &managed = owned->managed;
  managed.version = {1, 0};
  managed.context = owned;
  managed.deleter = deleteOwnedTensor;
  managed.tensor.data = view.data;
  managed.tensor.device = {nb::device::cpu::value, 0};
  managed.tensor.ndim = static_cast<int32_t>(view.getRank());
  managed.tensor.dtype = convertDType(view.dtype);
  managed.tensor.shape = owned->view.shape.data();
  managed.tensor.strides = owned->view.strides.data();
  void *result = nullptr;
  if (api.importOwned(&managed, &result) != 0)
    throw nb::python_error();
  return nb::steal(static_cast<PyObject *>(result));
}

template <typename Kind>
static nb::object exportAs(const TensorView &view, nb::handle owner) {
  llvm::SmallVector<size_t, 8> shape(view.shape.begin(), view.shape.end());
  nb::ndarray<Kind> array(view.data, shape.size(), shape.data(), owner,
                          view.strides.data(), convertDType(view.dtype));
  return nb::cast(array);
}

nb::object mlir::bn::python::exportDLPack(nb::handle like,
                                          const ArrayType &type,
                                          const TensorView &view,
                                          nb::object owner) {
  switch (type.framework) {
  case Framework::NumPy:
    return makeNumPyArray(view, owner);
  case Framework::Torch:
    return type.api ? exportByAPI(*type.api, view, std::move(owner))
                    : exportAs<nb::pytorch>(view, owner);
  case Framework::JAX:
    return exportAs<nb::jax>(view, owner);
  case Framework::TensorFlow:
    return exportAs<nb::tensorflow>(view, owner);
  case Framework::Other:
    break;
  }
  // What the array API standard offers; else NumPy's.
  if (!nb::hasattr(like, "__array_namespace__"))
    return makeNumPyArray(view, owner);
  return like.attr("__array_namespace__")().attr("from_dlpack")(
      exportAs<nb::array_api>(view, owner));
}
