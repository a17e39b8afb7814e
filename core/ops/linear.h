// Fully connected layer. Inputs: x (N,1,1,F), w (O,1,1,F), bias (O) or absent; output (N,1,1,O).
#pragma once
#include "core/kernels/column_sums.h"
#include "core/kernels/gemm.h"
#include "core/kernels/ref.h"
#include "core/ops/support.h"

namespace bitloom {

class Linear {
 public:
  Tensor forward(const Tensors& in) {
    x_ = in[0];
    w_ = in[1];
    BITLOOM_CHECK(x_.shape().back() == w_.shape().back() && x_.size() == x_.shape()[0] * x_.shape().back(), "linear: weights ",
                  w_.shape(), " do not fit input ", x_.shape(), "; it must be 1 x 1 pixels");
    Tensor y(Shape{x_.shape()[0], 1, 1, w_.shape()[0]});
    gemm_nt(x_.data(), w_.data(), in.size() > 2 && in[2].defined() ? in[2].data() : nullptr, y.data(), x_.shape()[0],
            w_.shape()[0], w_.shape().back());
    return y;
  }

  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    const int64_t n = x_.shape()[0], outputs = w_.shape()[0], features = w_.shape().back();
    Tensors grads(needs.size());
    if (needs[0]) {
      grads[0] = Tensor(x_.shape());
      gemm_nn(dy.data(), w_.data(), grads[0].data(), n, features, outputs);
    }
    if (needs[1]) {
      grads[1] = Tensor(w_.shape());
      gemm_tn(dy.data(), x_.data(), grads[1].data(), outputs, features, n);
    }
    if (needs.size() > 2 && needs[2]) {
      grads[2] = Tensor(Shape{outputs});
      column_sums(dy.data(), n, outputs, grads[2].data());
    }
    return grads;
  }

  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const int64_t n = in[0].shape()[0], outputs = in[1].shape()[0];
    TensorD y(Shape{n, 1, 1, outputs});
    ref::gemm(false, true, in[0].data(), in[1].data(), in.size() > 2 ? in[2].data() : nullptr, y.data(), n, outputs,
              in[1].shape().back());
    return y;
  }

  static std::vector<GradCase<Linear>> grad_cases() {
    return {{"with bias",
             {},
             {random_tensor({3, 1, 1, 7}, 1), random_tensor({5, 1, 1, 7}, 2), random_tensor({5}, 3)},
             {true, true, true}},
            {"without bias", {}, {random_tensor({2, 1, 1, 33}, 1), random_tensor({17, 1, 1, 33}, 2)}, {true, true}}};
  }

 private:
  Tensor x_, w_;
};

}  // namespace bitloom
