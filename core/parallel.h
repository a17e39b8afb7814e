// OpenMP helpers whose results do not depend on the number of threads.
#pragma once
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

#include "core/cancel.h"

namespace bitloom {

// Runs f(i) for i in [0, n), split over the threads. Iterations must write to disjoint memory, so that it does not matter which thread runs one: each
// begins with the part that it had in loops of the same n before, which its cache may still hold, and then helps those that are slower. An
// exception thrown by an iteration is rethrown here (OpenMP would terminate the program). Does not begin when the process was asked to
// end its work (core/cancel.h).
// worthwhile: false if all of it takes less time than starting and joining threads, 3 to 5 us; this one then does it alone.
template <class F>
void parallel_for(int64_t n, F f, bool worthwhile = true) {
  check_cancel();
  if (n == 1 || !worthwhile || omp_in_parallel()) {  // within another loop, the threads are busy
    for (int64_t i = 0; i < n; ++i) f(i);
    return;
  }
  struct alignas(64) Part {
    std::atomic<int64_t> next;
    int64_t end;
  };
  const int64_t count = std::min<int64_t>(n, omp_get_max_threads());
  std::vector<Part> parts(static_cast<size_t>(count));
  for (int64_t p = 0; p < count; ++p) parts[size_t(p)].next = p * n / count, parts[size_t(p)].end = (p + 1) * n / count;
  std::exception_ptr failure;
#pragma omp parallel if (count > 1)
  for (int64_t k = 0; k < count; ++k) {
    Part& part = parts[size_t((omp_get_thread_num() + k) % count)];
    try {
      for (int64_t i; (i = part.next.fetch_add(1, std::memory_order_relaxed)) < part.end;) f(i);
    } catch (...) {
#pragma omp critical(bitloom_parallel_for)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// Splits [0, n) into blocks of at most `grain` and runs f(begin, end) on each, in parallel where that is worthwhile.
template <class F>
void parallel_blocks(int64_t n, int64_t grain, F f, bool worthwhile = true) {
  parallel_for((n + grain - 1) / grain, [&](int64_t b) { f(b * grain, std::min(n, (b + 1) * grain)); }, worthwhile);
}

// Whole rows of c elements for a task of work that passes over n of them: few enough for some threads, and as many as 64 kB.
inline int64_t row_block(int64_t n, int64_t c) {
  return std::max<int64_t>(1, std::clamp<int64_t>(n / 16, 1 << 12, 1 << 14) / std::max<int64_t>(1, c)) *
         std::max<int64_t>(1, c);
}

// Sum of term(i) for i in [0, n): fixed chunks of 4096 folded in order, so that the rounding depends
// on n only.
template <class F>
double ordered_sum(int64_t n, F term) {
  constexpr int64_t kChunk = 4096;
  std::vector<double> part(static_cast<size_t>((n + kChunk - 1) / kChunk));
  parallel_for(int64_t(part.size()), [&](int64_t c) {
    double sum = 0;
    for (int64_t i = c * kChunk, end = std::min(n, i + kChunk); i < end; ++i) sum += term(i);
    part[size_t(c)] = sum;
  });
  double total = 0;
  for (double p : part) total += p;
  return total;
}

}  // namespace bitloom
