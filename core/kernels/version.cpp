// Among the kernels, whose compiler options decide.
#include "core/version.h"

namespace bitloom {

const char* arithmetic() {
#if defined(__x86_64__) && defined(__FMA__)
  return "x86-64 with fused multiply-add";
#elif defined(__x86_64__)
  return "x86-64 without fused multiply-add";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "of another processor";
#endif
}

}  // namespace bitloom
