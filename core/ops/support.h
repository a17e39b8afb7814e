// What the operations share: double-precision tensors for their references and random inputs for their gradient cases.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/chunk_sums.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace bitloom {

using TensorD = TensorT<double>;
using TensorsD = std::vector<TensorD>;

inline Tensor random_tensor(const Shape& shape, uint64_t seed, double lo = -1, double hi = 1) {
  Rng rng = Rng(seed).split("grad_case");
  Tensor t(shape);
  for (int64_t i = 0; i < t.size(); ++i) t[i] = float(rng.uniform(lo, hi));
  return t;
}

// Values at least `gap` away from 0, where a kink would make numeric differences meaningless.
inline Tensor random_away_from_zero(const Shape& shape, uint64_t seed, float gap = 0.05f) {
  Tensor t = random_tensor(shape, seed);
  for (int64_t i = 0; i < t.size(); ++i) t[i] += t[i] < 0 ? -gap : gap;
  return t;
}

// The gradient dy of a value after its source's Deferred::backward(), with the sums in its note: dy itself if it has been through it, or a copy. Sums are added up in
// an order that depends on the shape only.
inline Tensor through_source(const Deferred& source, const Tensor& dy) {
  if (!dy.note().empty()) return dy;
  Tensor grad(dy.shape());
  const int64_t step = row_block(dy.size(), dy.shape().back()), count = source.gradient_sums();
  std::vector<double> partial(size_t((dy.size() + step - 1) / step * count));
  float* to = grad.data();
  parallel_blocks(dy.size(), step, [&](int64_t begin, int64_t end) {
    const float* from = dy.block(begin, end - begin, [&](int64_t) { return to + begin; });
    if (from != to + begin) std::copy(from, from + (end - begin), to + begin);
    source.backward(begin, end - begin, to + begin, partial.data() + begin / step * count);
  });
  const std::vector<double> sums = fold(partial, count, 0, count);
  grad.set_note({sums.begin(), sums.end()});
  return grad;
}

inline TensorD to_double(const Tensor& t) {
  TensorD d;
  if (t.defined()) d = TensorD(t.shape());
  for (int64_t i = 0; i < t.size(); ++i) d[i] = double(t[i]);
  return d;
}

inline Tensor scalar(double value) { return Tensor(Shape{1}, float(value)); }

}  // namespace bitloom
