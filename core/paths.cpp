// The choice of a kernel path.
#include "core/paths.h"

#include <algorithm>
#include <cstdlib>

#include "core/error.h"

// What paths.sh writes for a portable program; other programs have none of it.
extern "C" {
__attribute__((weak)) extern const void* const bitloom_kernels[];  // of each path in turn
__attribute__((weak)) extern const void* bitloom_chosen_kernels[];
__attribute__((weak)) extern const size_t bitloom_kernel_count;
void bitloom_choose_kernels();  // called before the constructors of static objects
}

namespace bitloom {
namespace {

[[noreturn]] void refuse() {
  std::string names;
  for (const std::string& name : kernel_paths()) names += (names.empty() ? "" : ", ") + name;
  throw Error("BITLOOM_PATH is " + quote(std::getenv("BITLOOM_PATH")) +
              ", expected one of the kernel paths of this processor: " + names);
}

}  // namespace

std::vector<std::string> kernel_paths() {
  if (!&bitloom_kernel_count) return {kernel_path()};
  std::vector<std::string> names;
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool runs = true;
#define HAS(feature) __builtin_cpu_supports(feature)
#define PATH(name, flags, needs) \
  runs = runs && (needs);        \
  if (runs) names.emplace_back(name);
#include "core/paths.inc"
#endif
  return names;
}

}  // namespace bitloom

void bitloom_choose_kernels() {
  const std::vector<std::string> names = bitloom::kernel_paths();
  const char* wanted = std::getenv("BITLOOM_PATH");
  const auto chosen = wanted ? std::find(names.begin(), names.end(), wanted) : names.end() - 1;
  for (size_t k = 0; k < bitloom_kernel_count; ++k) {
    bitloom_chosen_kernels[k] = chosen == names.end()
                                    ? reinterpret_cast<const void*>(bitloom::refuse)
                                    : bitloom_kernels[size_t(chosen - names.begin()) * bitloom_kernel_count + k];
  }
}
