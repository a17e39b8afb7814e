// Among the kernels, whose compiler options decide.
#include "core/version.h"

#include "core/paths.h"

namespace bitloom {

const char* kernel_path() {
#if defined(__AVX512VNNI__)
  return "x86-64-v4-vnni";
#elif defined(__AVX512F__)
  return "x86-64-v4";
#elif defined(__FMA__)
  return "x86-64-v3";
#elif defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "portable C++";
#endif
}

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
