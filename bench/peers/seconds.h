// How long a peer's call takes.
#pragma once
#include <algorithm>
#include <chrono>
#include <vector>

// The median over 9 slots of at least 20 ms each.
template <class Run>
double seconds(const Run& run) {
  using Clock = std::chrono::steady_clock;
  run();
  std::vector<double> slots;
  for (int slot = 0; slot < 9; ++slot) {
    const auto begin = Clock::now();
    double elapsed = 0;
    int runs = 0;
    for (; elapsed < 0.02; ++runs) run(), elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    slots.push_back(elapsed / runs);
  }
  std::nth_element(slots.begin(), slots.begin() + 4, slots.end());
  return slots[4];
}
