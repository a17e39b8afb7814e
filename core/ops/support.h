// What the operations share: double-precision tensors for their references and random inputs for their gradient cases.
#pragma once
#include <cmath>
#include <vector>

#include "core/autograd.h"
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

inline TensorD to_double(const Tensor& t) {
  TensorD d;
  if (t.defined()) d = TensorD(t.shape());
  for (int64_t i = 0; i < t.size(); ++i) d[i] = double(t[i]);
  return d;
}

inline Tensor scalar(double value) { return Tensor(Shape{1}, float(value)); }

}  // namespace bitloom
