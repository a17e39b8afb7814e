// Convolution and depthwise convolution operations. Inputs: x (N,H,W,C), w (OC,KH,KW,C) or (C,KH,KW,1), bias (OC) or absent.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "core/kernels/batch_norm.h"
#include "core/kernels/chunk_sums.h"
#include "core/kernels/column_sums.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/depthwise.h"
#include "core/kernels/ref.h"
#include "core/kernels/scratch.h"
#include "core/ops/support.h"

namespace bitloom {

struct ConvGeometry {
  int64_t sh = 1, sw = 1, pt = 0, pb = 0, pl = 0, pr = 0;
};

namespace detail {

inline Conv2dShape conv_shape(const char* who, const ConvGeometry& g, const Shape& x, const Shape& w, bool depthwise) {
  BITLOOM_CHECK(x.rank() == 4 && w.rank() == 4, who, ": expected input (N,H,W,C) and filters (OC,KH,KW,C), got ", x, " and ",
                w);
  BITLOOM_CHECK(w[3] == (depthwise ? 1 : x[3]) && (!depthwise || w[0] == x[3]), who, ": filters ", w, " do not fit input ", x);
  const Conv2dShape s{x[0], x[1], x[2], x[3], w[0], w[1], w[2], g.sh, g.sw, g.pt, g.pb, g.pl, g.pr};
  BITLOOM_CHECK(x[1] + g.pt + g.pb >= w[1] && x[2] + g.pl + g.pr >= w[2], who, ": filters ", w,
                " are larger than padded input ", x);
  return s;
}

inline const float* optional_data(const Tensors& in, size_t i) {
  return in.size() > i && in[i].defined() ? in[i].data() : nullptr;
}

}  // namespace detail

template <bool kDepthwise>
class ConvOp {
 public:
  // `moments`: leave the outputs' mean and variance in their note, for the normalization that follows.
  explicit ConvOp(const ConvGeometry& geometry = {}, bool moments = false) : geometry_(geometry), moments_(moments) {}

  Tensor forward(const Tensors& in) {
    s_ = detail::conv_shape(kDepthwise ? "depthwise" : "conv2d", geometry_, in[0].shape(), in[1].shape(), kDepthwise);
    x_ = in[0];
    w_ = in[1];
    Tensor y(Shape{s_.n, s_.oh(), s_.ow(), s_.oc});
    const auto pass = (kDepthwise ? depthwise_forward_pass : conv2d_forward_pass)(w_.data(), detail::optional_data(in, 2), s_);
    const ImageBlocks blocks(s_);
    const int64_t out = s_.out_floats(), c = s_.oc;
    std::vector<float> moments(moments_ ? size_t(blocks.count() * 2 * c) : 0);
    std::vector<int64_t> rows(size_t(blocks.count()));
    float* to = y.data();
    parallel_for(blocks.count(), [&](int64_t b) {
      const int64_t images = blocks.images(b);
      float* block = to + blocks.first(b) * out;
      pass->run(input(blocks.first(b), images), block, images);
      if (!moments_) return;
      rows[size_t(b)] = images * out / c;
      float* mean = moments.data() + b * 2 * c;
      batch_norm_stats(block, rows[size_t(b)], c, mean, mean + c);
    });
    if (moments_) {
      std::vector<float> note(size_t(2 * c));
      merge_moments(moments.data(), rows.data(), blocks.count(), c, note.data(), note.data() + c);
      y.set_note(std::move(note));
    }
    return y;
  }

  // Block by block, while its gradients are in the cache: the filters' gradient, the input's, and what the operation before this one does with that.
  Tensors backward(const Tensor& dy, const std::vector<bool>& needs) {
    Tensors grads(needs.size());
    if (needs[0]) grads[0] = Tensor(x_.shape());
    const Deferred* source = needs[0] && x_.readers() == 1 ? x_.source() : nullptr;
    const auto pass = needs[0] ? (kDepthwise ? depthwise_input_grad_pass : conv2d_input_grad_pass)(w_.data(), s_) : nullptr;
    const auto weight_grad = needs[1] ? (kDepthwise ? depthwise_weight_grad_pass : conv2d_weight_grad_pass)(s_) : nullptr;
    const ImageBlocks blocks(s_);
    const int64_t chunks = weight_grad ? weight_grad->chunks() : blocks.count();
    const int64_t sums = source ? source->gradient_sums() : 0;
    std::vector<double> partial(size_t(blocks.count() * sums));
    float* dx = grads[0].data();
    const auto gradient = [&](int64_t b) {  // in the thread's memory if it has to be computed
      thread_local kernel::Scratch scratch;
      return dy.block(blocks.first(b) * s_.out_floats(), blocks.images(b) * s_.out_floats(),
                      [](int64_t n) { return scratch.reserve(n); });
    };
    const auto input_side = [&](int64_t b, const float* grad) {
      const int64_t begin = blocks.first(b) * s_.in_floats(), count = blocks.images(b) * s_.in_floats();
      pass->run(grad, dx + begin, blocks.images(b));
      if (source) source->backward(begin, count, dx + begin, partial.data() + b * sums);
    };
    const auto weight_side = [&](int64_t b, const float* grad, int64_t chunk, int64_t part) {
      weight_grad->add(input(blocks.first(b), blocks.images(b)), grad, blocks.images(b), chunk, part);
    };
    if (chunks >= std::min<int64_t>(8, blocks.count())) {
      parallel_for(chunks, [&](int64_t chunk) {
        blocks.of_chunk(chunk, chunks, [&](int64_t b) {
          const float* grad = gradient(b);
          for (int64_t part = 0; weight_grad && part < weight_grad->parts(); ++part) weight_side(b, grad, chunk, part);
          if (pass) input_side(b, grad);
        });
      });
    } else {  // large filters: too few sums of their gradient to keep some threads busy
      if (pass) parallel_for(blocks.count(), [&](int64_t b) { input_side(b, gradient(b)); });
      parallel_for(chunks * weight_grad->parts(), [&](int64_t task) {
        const int64_t chunk = task / weight_grad->parts(), part = task % weight_grad->parts();
        blocks.of_chunk(chunk, chunks, [&](int64_t b) { weight_side(b, gradient(b), chunk, part); });
      });
    }
    if (sums > 0) {
      const std::vector<double> total = fold(partial, sums, 0, sums);
      grads[0].set_note(std::vector<float>(total.begin(), total.end()));
    }
    if (needs[1]) {
      grads[1] = Tensor(w_.shape());
      weight_grad->finish(grads[1].data());
    }
    if (needs.size() > 2 && needs[2]) {
      grads[2] = Tensor(Shape{s_.oc});
      column_sums(dy.data(), s_.n * s_.oh() * s_.ow(), s_.oc, grads[2].data());
    }
    return grads;
  }

  TensorD reference(const TensorsD& in, const TensorsD&) const {
    const Conv2dShape shape = detail::conv_shape("reference", geometry_, in[0].shape(), in[1].shape(), kDepthwise);
    TensorD y(Shape{shape.n, shape.oh(), shape.ow(), shape.oc});
    const double* bias = in.size() > 2 ? in[2].data() : nullptr;
    (kDepthwise ? ref::depthwise_forward<double> : ref::conv2d_forward<double>)(in[0].data(), in[1].data(), bias, y.data(),
                                                                                shape);
    return y;
  }

  static std::vector<GradCase<ConvOp>> grad_cases() {
    const int64_t c = 3, oc = kDepthwise ? 3 : 5, wc = kDepthwise ? 1 : 3;
    const auto make = [&](const char* label, ConvGeometry g, int64_t kh, int64_t kw, bool bias) {
      GradCase<ConvOp> result{
          label, ConvOp(g), {random_tensor({2, 5, 6, c}, 1), random_tensor({oc, kh, kw, wc}, 2)}, {true, true}};
      if (bias) {
        result.inputs.push_back(random_tensor({oc}, 3));
        result.differentiable.push_back(true);
      }
      return result;
    };
    return {make("3x3 same, bias", {1, 1, 1, 1, 1, 1}, 3, 3, true),
            make("3x3 stride 2, padded bottom right", {2, 2, 0, 1, 0, 1}, 3, 3, false),
            make("1x1 stride 2", {2, 2, 0, 0, 0, 0}, 1, 1, true), make("4x2 stride (2,1)", {2, 1, 2, 1, 1, 0}, 4, 2, false)};
  }

 private:
  // Images of the input, in the thread's memory if they have to be computed.
  const float* input(int64_t first, int64_t images) const {
    thread_local kernel::Scratch scratch;
    return x_.block(first * s_.in_floats(), images * s_.in_floats(), [](int64_t n) { return scratch.reserve(n); });
  }

  ConvGeometry geometry_;
  bool moments_;
  Conv2dShape s_;
  Tensor x_, w_;
};

using Conv2d = ConvOp<false>;
using Depthwise = ConvOp<true>;

}  // namespace bitloom
