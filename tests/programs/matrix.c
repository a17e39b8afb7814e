// Integer matrices: product, transpose, powers modulo a prime, determinant without fractions (Bareiss).
#include "tests/programs/print.h"

enum { kSize = 8, kPrime = 1000000007 };
typedef struct {
  int64_t at[kSize][kSize];
} Matrix;

static Matrix multiply(const Matrix* a, const Matrix* b, int size) {
  Matrix product;
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      int64_t sum = 0;
      for (int k = 0; k < size; ++k) sum = (sum + a->at[i][k] * b->at[k][j]) % kPrime;
      product.at[i][j] = sum;
    }
  }
  return product;
}

static Matrix power(Matrix base, unsigned exponent, int size) {
  Matrix result;
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) result.at[i][j] = i == j;
  }
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result = multiply(&result, &base, size);
    base = multiply(&base, &base, size);
  }
  return result;
}

// Every division below is exact (E. H. Bareiss, 1968).
static int64_t determinant(Matrix m, int size) {
  int64_t previous = 1;
  int sign = 1;
  for (int k = 0; k < size - 1; ++k) {
    int pivot = k;
    while (pivot < size && m.at[pivot][k] == 0) ++pivot;
    if (pivot == size) return 0;
    for (int j = 0; pivot != k && j < size; ++j) {
      const int64_t value = m.at[k][j];
      m.at[k][j] = m.at[pivot][j];
      m.at[pivot][j] = value;
    }
    if (pivot != k) sign = -sign;
    for (int i = k + 1; i < size; ++i) {
      for (int j = k + 1; j < size; ++j) {
        m.at[i][j] = (m.at[i][j] * m.at[k][k] - m.at[i][k] * m.at[k][j]) / previous;
      }
    }
    previous = m.at[k][k];
  }
  return sign * m.at[size - 1][size - 1];
}

static Matrix transpose(const Matrix* m) {
  Matrix result;
  for (int i = 0; i < kSize; ++i) {
    for (int j = 0; j < kSize; ++j) result.at[j][i] = m->at[i][j];
  }
  return result;
}

int main(void) {
  Matrix fibonacci = {{{1, 1}, {1, 0}}}, pascal = {{{0}}}, noise;
  uint32_t state = 81;
  for (int i = 0; i < kSize; ++i) {
    for (int j = 0; j < kSize; ++j) {
      pascal.at[i][j] = i == 0 || j == 0 ? 1 : pascal.at[i - 1][j] + pascal.at[i][j - 1];
      noise.at[i][j] = (int64_t)(next_random(&state) % 19) - 9;
    }
  }
  line_decimal("fibonacci(90) mod p", power(fibonacci, 90, 2).at[0][1]);
  line_decimal("fibonacci(10^9) mod p", power(fibonacci, 1000000000, 2).at[0][1]);
  line_decimal("det pascal", determinant(pascal, kSize));
  const int64_t det = determinant(noise, kSize);
  const Matrix mirrored = transpose(&noise);
  line_decimal("det noise", det);
  line_decimal("det transposed", determinant(mirrored, kSize));
  for (int j = 0; j < kSize; ++j) noise.at[5][j] = 3 * noise.at[2][j];
  line_decimal("det singular", determinant(noise, kSize));
  const Matrix symmetric = multiply(&pascal, &pascal, kSize);
  line_hex("square", hash_bytes(&symmetric, sizeof symmetric));
  return det == determinant(mirrored, kSize) && determinant(pascal, kSize) == 1 ? 0 : 1;
}
