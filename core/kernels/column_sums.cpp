// Sums over rows.
#include "core/kernels/column_sums.h"

#include "core/kernels/chunk_sums.h"

namespace bitloom {
namespace {

// out[c] = sum over rows of term(element).
template <class F>
void sum_rows(int64_t rows, int64_t c, float* out, F term) {
  const std::vector<double> partial = for_each_chunk(rows, c, 1, [=](const Chunk& chunk, double* sums) {
    sum_chunk(chunk, c, sums, [=](int64_t i, int64_t) { return term(i); });
  });
  for (int64_t j = 0; j < c; ++j) out[j] = float(fold(partial, c, j));
}

}  // namespace

void column_sums(const float* x, int64_t rows, int64_t c, float* out) {
  sum_rows(rows, c, out, [=](int64_t i) { return x[i]; });
}

void column_dots(const float* x, const float* y, int64_t rows, int64_t c, float* out) {
  sum_rows(rows, c, out, [=](int64_t i) { return x[i] * y[i]; });
}

}  // namespace bitloom
