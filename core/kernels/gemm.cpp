// Matrix products as 1x1 convolutions over 1x1 images, whose kernels are the same register tiles.
#include "core/kernels/gemm.h"

#include "core/kernels/conv2d.h"

namespace bitloom {
namespace {

// x (rows, in), w (out, in), y (rows, out)
Conv2dShape fully_connected(int64_t rows, int64_t in, int64_t out) {
  Conv2dShape s;
  s.n = rows, s.h = s.w = 1, s.c = in, s.oc = out;
  return s;
}

}  // namespace

void gemm_nt(const float* a, const float* b, const float* bias, float* c, int64_t m, int64_t n, int64_t k) {
  conv2d_forward(a, b, bias, c, fully_connected(m, k, n));
}

void gemm_nn(const float* a, const float* b, float* c, int64_t m, int64_t n, int64_t k) {
  conv2d_input_grad(a, b, c, fully_connected(m, n, k));
}

void gemm_tn(const float* a, const float* b, float* c, int64_t m, int64_t n, int64_t k) {
  conv2d_weight_grad(b, a, c, fully_connected(k, n, m));
}

}  // namespace bitloom
