// The optimizer driver of somebody else's compiler: it has a pass of its own,
// which looks at bn ops, and takes all of bn-mlir's dialects and passes with
// two calls.

#include "bn/Dialect/BN/IR/BNOps.h"
#include "bn/InitAllDialects.h"
#include "bn/InitAllPasses.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

namespace {

/// Counts the training ops before somebody lowers them.
struct CountTraining : mlir::PassWrapper<CountTraining, mlir::OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountTraining)

  llvm::StringRef getArgument() const override { return "consumer-count"; }
  llvm::StringRef getDescription() const override {
    return "Report the number of bn.training ops";
  }

  void runOnOperation() override {
    int64_t count = 0;
    getOperation()->walk([&](mlir::bn::TrainingOp) { ++count; });
    getOperation()->emitRemark() << count << " bn.training";
  }
};

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::bn::registerAllDialects(registry);
  mlir::bn::registerAllPasses();
  mlir::PassRegistration<CountTraining>();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "consumer optimizer\n", registry));
}
