// Working memory that survives from call to call, so that kernels do not pay for page faults.
#pragma once
#include <cstdint>
#include <memory>

#include "core/tensor.h"

namespace bitloom::kernel {

// A thread_local variable of the function that uses it, or a member of what lives for one operation. The memory is 64-byte aligned, its content undefined.
class Scratch {
 public:
  float* reserve(int64_t floats) {
    if (floats > capacity_) {
      memory_ = allocate_aligned(size_t(floats) * sizeof(float));
      capacity_ = floats;
    }
    return static_cast<float*>(memory_.get());
  }

 private:
  std::shared_ptr<void> memory_;
  int64_t capacity_ = 0;
};

}  // namespace bitloom::kernel
