// Normalizes a batch of any number of images with 3 channels of 32 x 32 pixels,
// and prints the mean and the variance that each channel had.

#include "bn/ExecutionEngine/Compiler.h"

#include <cstdio>
#include <vector>

using namespace mlir::bn;

int main() {
  llvm::ExitOnError check("bn-jit-example: ");

  // Which kernel: -1 is a size that is known only at the call.
  BatchNormSpec spec;
  spec.kind = BatchNormSpec::Kind::Training;
  spec.shape = {-1, 3, 32, 32};
  spec.axis = {1};
  spec.hasRunningStats = false;

  // Compiled once, or found in the cache.
  std::unique_ptr<Compiler> compiler = check(Compiler::create());
  Kernel kernel = check(compiler->compile(spec));

  // Channel c alternates between 0 and 2c: its mean is c, its variance c * c.
  const int64_t images = 5;
  std::vector<float> input(images * 3 * 32 * 32), output(input.size());
  for (size_t i = 0; i < input.size(); ++i)
    input[i] = i % 2 * 2.0f * (i / (32 * 32) % 3);
  std::vector<float> scale(3, 1.0f), offset(3, 0.0f), mean(3), variance(3);

  TensorView x(input.data(), DType::F32, {images, 3, 32, 32});
  TensorView y(output.data(), DType::F32, {images, 3, 32, 32});
  auto perChannel = [](std::vector<float> &values) {
    return TensorView(values.data(), DType::F32, {3});
  };
  check(kernel({x, perChannel(scale), perChannel(offset), y, perChannel(mean),
                perChannel(variance)}));

  for (int c = 0; c < 3; ++c)
    std::printf("channel %d: mean %.3f, variance %.3f\n", c, mean[c],
                variance[c]);
}
