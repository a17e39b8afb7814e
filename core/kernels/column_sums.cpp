// Sums over rows.
#include "core/kernels/column_sums.h"

#include "core/kernels/chunk_sums.h"
#include "core/kernels/multiply_add.h"

namespace bitloom {
namespace {

// out[c] = sum over rows of term(one float or a vector of neighbours, element).
template <class F>
void sum_rows(int64_t rows, int64_t c, float* out, F term) {
  const std::vector<double> partial = for_each_chunk(rows, c, 1, [=](const Chunk& chunk, double* sums) {
    sum_chunk<1>(chunk, c, sums, [=](auto v, int64_t i, int64_t, auto* sum) { term(v, i, sum[0]); });
  });
  const std::vector<double> totals = fold(partial, c, 0, c);
  std::copy(totals.begin(), totals.end(), out);
}

}  // namespace

void column_sums(const float* x, int64_t rows, int64_t c, float* out) {
  sum_rows(rows, c, out, [=](auto v, int64_t i, auto& sum) { sum += streamed<decltype(v)>(x + i); });
}

void column_dots(const float* x, const float* y, int64_t rows, int64_t c, float* out) {
  sum_rows(rows, c, out, [=](auto v, int64_t i, auto& sum) {
    sum = kernel::multiply_add(streamed<decltype(v)>(x + i), streamed<decltype(v)>(y + i), sum);
  });
}

}  // namespace bitloom
