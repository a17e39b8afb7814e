// Single-precision matrix products, row-major and contiguous; c must not alias a or b and is overwritten.
#pragma once
#include <cstdint>

namespace bitloom {

// c (m,n) = a (m,k) * b (n,k)^T + bias (n, may be null): a fully connected layer, b in its OHWI layout.
void gemm_nt(const float* a, const float* b, const float* bias, float* c, int64_t m, int64_t n, int64_t k);
// c (m,n) = a (m,k) * b (k,n): its input gradient.
void gemm_nn(const float* a, const float* b, float* c, int64_t m, int64_t n, int64_t k);
// c (m,n) = a (k,m)^T * b (k,n): its weight gradient; the sum over k has an order that depends on the shape only.
void gemm_tn(const float* a, const float* b, float* c, int64_t m, int64_t n, int64_t k);

}  // namespace bitloom
