// 2-D convolution kernels: the dense instances of the convolution engine, and Winograd's filtering for the 3x3 filters that most of a network is made of.
#include "core/kernels/conv2d.h"

#include "core/kernels/conv_engine.h"
#include "core/kernels/outer_products.h"
#include "core/kernels/winograd.h"

namespace bitloom {

using kernel::Mode, kernel::Scratch;

namespace {

// Whether a product takes one core more than some 10 us: with batches of 32, the inner layers of an autoencoder do not.
bool worth_sharing(const Conv2dShape& s) { return s.macs() >= 1 << 20; }

}  // namespace

// 8 blocks or more, for some threads; as many as keep a block's inputs and outputs below 512 kB, or the size of the filters, which are read for each block. A block
// has 16 or more outputs a channel, for whole register tiles.
ImageBlocks::ImageBlocks(const Conv2dShape& s) : images_(s.n) {
  const int64_t block_floats = std::max<int64_t>(1 << 17, s.oc * s.kh * s.kw * s.c);
  const int64_t wanted = (s.n * (s.in_floats() + s.out_floats()) / block_floats / 8 + 1) * 8;
  count_ = std::clamp<int64_t>(s.n * s.oh() * s.ow() / 16, 1, std::min(s.n, wanted));
}

void run_blocks(const ConvPass& pass, const Conv2dShape& s, int64_t in_floats, const float* in, int64_t out_floats,
                float* out) {
  const ImageBlocks blocks(s);
  const auto run = [&](int64_t b) {
    pass.run(in + blocks.first(b) * in_floats, out + blocks.first(b) * out_floats, blocks.images(b));
  };
  parallel_for(blocks.count(), run, worth_sharing(s));
}

void run_blocks(ConvWeightGrad& pass, const Conv2dShape& s, const float* x, const float* dy, float* dw) {
  const ImageBlocks blocks(s);
  const int64_t chunks = pass.chunks(), parts = pass.parts();
  const auto add = [&](int64_t task) {
    const int64_t chunk = task / parts;
    blocks.of_chunk(chunk, chunks, [&](int64_t b) {
      pass.add(x + blocks.first(b) * s.in_floats(), dy + blocks.first(b) * s.out_floats(), blocks.images(b), chunk,
               task % parts);
    });
  };
  parallel_for(chunks * parts, add, worth_sharing(s));
  pass.finish(dw);
}

std::unique_ptr<ConvPass> conv2d_forward_pass(const float* w, const float* bias, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  if (!kernel::suits_winograd(s)) return kernel::forward_pass<Mode::kDense>(w, bias, s);
  thread_local Scratch scratch;
  float* packed = scratch.reserve(9 * s.c * s.oc);
  kernel::pack(9 * s.c, s.oc, packed, w);
  return std::make_unique<kernel::WinogradPass>(packed, bias, s);
}

std::unique_ptr<ConvPass> conv2d_input_grad_pass(const float* w, const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  if (!kernel::suits_winograd(s)) return kernel::input_grad_pass<Mode::kDense>(w, s);
  // The convolution of dy with flipped filters, whose taps are shared out from the other end.
  const Conv2dShape adjoint{s.n, s.oh(), s.ow(), s.oc, s.c, 3, 3, 1, 1, 2 - s.pt, 2 - s.pb, 2 - s.pl, 2 - s.pr};
  thread_local Scratch scratch;
  float* packed = scratch.reserve(9 * s.c * s.oc);
  kernel::pack(9 * s.oc, s.c, packed, [&](int64_t k, int64_t c) { return w[(k % s.oc * 9 + 8 - k / s.oc) * s.c + c]; });
  return std::make_unique<kernel::WinogradPass>(packed, nullptr, adjoint);
}

std::unique_ptr<ConvWeightGrad> conv2d_weight_grad_pass(const Conv2dShape& s) {
  kernel::check_shape("conv2d", s);
  if (kernel::suits_winograd(s)) return std::make_unique<kernel::WinogradWeightGrad>(s);
  return std::make_unique<kernel::OuterProducts<Mode::kDense>>(s);
}

void conv2d_forward(const float* x, const float* w, const float* bias, float* y, const Conv2dShape& s) {
  run_blocks(*conv2d_forward_pass(w, bias, s), s, s.in_floats(), x, s.out_floats(), y);
}

void conv2d_input_grad(const float* dy, const float* w, float* dx, const Conv2dShape& s) {
  run_blocks(*conv2d_input_grad_pass(w, s), s, s.out_floats(), dy, s.in_floats(), dx);
}

void conv2d_weight_grad(const float* x, const float* dy, float* dw, const Conv2dShape& s) {
  run_blocks(*conv2d_weight_grad_pass(s), s, x, dy, dw);
}

}  // namespace bitloom
