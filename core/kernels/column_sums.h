// Sums over the rows of x (rows, c), in an order that depends on (rows, c) only.
#pragma once
#include <cstdint>

namespace bitloom {

// out[c] = sum of x: the gradient of a bias.
void column_sums(const float* x, int64_t rows, int64_t c, float* out);
// out[c] = sum of x * y: the gradient of a factor per channel.
void column_dots(const float* x, const float* y, int64_t rows, int64_t c, float* out);

}  // namespace bitloom
