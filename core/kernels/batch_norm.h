// Batch normalization kernels over x (rows, c), rows = N*H*W, vectorised over c. Source: Ioffe & Szegedy, arXiv 1502.03167.
#pragma once
#include <cstdint>

namespace bitloom {

// What is known of a normalization, per channel: y = x * scale + shift, then max(0, .) if relu, with scale = gamma * inv_std.
template <class T>
struct ChannelNorm {
  const T *mean, *inv_std, *scale, *shift;
  bool relu;
};

// mean and biased variance per channel; sums are folded in an order that depends on (rows, c) only.
void batch_norm_stats(const float* x, int64_t rows, int64_t c, float* mean, float* var);

// The same of rows of which blocks were looked at one by one: block b has rows[b] rows, and its mean and variance at moments + b * 2c. Merged in order.
void merge_moments(const float* moments, const int64_t* rows, int64_t blocks, int64_t c, float* mean, float* var);

// y = x * scale[c] + shift[c], then max(0, .) if relu. y may alias x.
void channel_affine(const float* x, const float* scale, const float* shift, bool relu, float* y, int64_t rows, int64_t c);

// Column sums of the gradient dy' that reaches the normalization: sum_dy = sum dy', sum_dy_xhat = sum dy' * (x - mean) * inv_std. dy' is dy, zeroed
// where y <= 0 if n.relu; y is computed again, which costs less than to read it.
void batch_norm_grad_sums(const float* x, const float* dy, const ChannelNorm<float>& n, int64_t rows, int64_t c, float* sum_dy,
                          float* sum_dy_xhat);

// dx = scale[c] * (dy' - a[c] - xhat * b[c]), xhat = (x - mean) * inv_std. Training: a = sum_dy / rows, b = sum_dy_xhat / rows;
// frozen statistics: a = b = 0. dx may alias dy.
void batch_norm_input_grad(const float* x, const float* dy, const ChannelNorm<float>& n, const float* a, const float* b,
                           float* dx, int64_t rows, int64_t c);

}  // namespace bitloom
