// Fully connected layer. Inputs: x (N,1,1,F), w (O,1,1,F), bias (O) or absent; output (N,1,1,O).
#pragma once
#include "core/kernels/batch_norm.h"
#include "core/kernels/gemm.h"
#include "core/ops/support.h"

namespace bitloom {

struct Linear {
  Tensor x, w;  // saved for backward

  Tensor forward(const Tensors& in) {
    x = in[0];
    w = in[1];
    BITLOOM_CHECK(x.shape().back() == w.shape().back() && x.size() == x.shape()[0] * x.shape().back(), "linear: weights ",
                  w.shape(), " do not fit input ", x.shape(), "; it must be 1 x 1 pixels");
    Tensor y(Shape{x.shape()[0], 1, 1, w.shape()[0]});
    gemm_nt(x.data(), w.data(), in.size() > 2 && in[2].defined() ? in[2].data() : nullptr, y.data(), x.shape()[0], w.shape()[0],
            w.shape().back());
    return y;
  }

  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const int64_t n = x.shape()[0], outputs = w.shape()[0], features = w.shape().back();
    Tensors grads(needs.size());
    if (needs[0]) {
      grads[0] = Tensor(x.shape());
      gemm_nn(dy.data(), w.data(), grads[0].data(), n, features, outputs);
    }
    if (needs[1]) {
      grads[1] = Tensor(w.shape());
      gemm_tn(dy.data(), x.data(), grads[1].data(), outputs, features, n);
    }
    if (needs.size() > 2 && needs[2]) {
      grads[2] = Tensor(Shape{outputs});
      column_sums(dy.data(), n, outputs, grads[2].data());
    }
    return grads;
  }

  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t n = in[0].shape()[0], outputs = in[1].shape()[0], features = in[1].shape().back();
    TensorD y(Shape{n, 1, 1, outputs});
    for (int64_t i = 0; i < n; ++i)
      for (int64_t o = 0; o < outputs; ++o) {
        double sum = in.size() > 2 ? in[2][o] : 0;
        for (int64_t f = 0; f < features; ++f) sum += in[0][i * features + f] * in[1][o * features + f];
        y[i * outputs + o] = sum;
      }
    return y;
  }

  static std::vector<GradCase<Linear>> grad_cases() {
    return {{"with bias",
             {},
             {random_tensor({3, 1, 1, 7}, 1), random_tensor({5, 1, 1, 7}, 2), random_tensor({5}, 3)},
             {true, true, true}},
            {"without bias", {}, {random_tensor({2, 1, 1, 33}, 1), random_tensor({17, 1, 1, 33}, 2)}, {true, true}}};
  }
};

}  // namespace bitloom
