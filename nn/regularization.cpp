// Mixed samples and softened targets.
#include "nn/regularization.h"

namespace bitloom {

Batch regularized(const Batch& batch, const Regularization& options, int64_t classes, Rng rng) {
  Batch out = batch;
  const int64_t rows = batch.x.shape()[0], n = batch.x.size() / rows;
  const auto next = [rows](int64_t row) { return row + 1 < rows ? row + 1 : 0; };
  const float share = options.mixup > 0 ? float(rng.uniform(0, options.mixup)) : 0;
  if (share > 0) {
    out.x = Tensor(batch.x.shape());
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; ++r) {
      const float *own = batch.x.data() + r * n, *other = batch.x.data() + next(r) * n;
      float* mixed = out.x.data() + r * n;
      for (int64_t i = 0; i < n; ++i) mixed[i] = (1 - share) * own[i] + share * other[i];
    }
  }
  if (classes == 0) return out;
  const float smoothing = float(options.label_smoothing);
  out.targets = Tensor(Shape{rows, classes});
  std::fill_n(out.targets.data(), out.targets.size(), smoothing / float(classes));
  for (int64_t r = 0; r < rows; ++r) {
    float* target = out.targets.data() + r * classes;
    target[batch.labels[size_t(r)]] += (1 - smoothing) * (1 - share);
    target[batch.labels[size_t(next(r))]] += (1 - smoothing) * share;
  }
  return out;
}

}  // namespace bitloom
