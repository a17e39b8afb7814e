// libFuzzer: any words run without harm, and both interpreters agree about where they lead: one input in eight of those
// that run in one piece for 100,000 instructions, the others for 2,000, of which many more can be tried.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/rng.h"
#include "tests/support/mpic.h"

namespace bitloom::mpic {
namespace {

constexpr uint32_t kData = 0x8000;

// Words as they come, or made legal: the first two bytes choose a row and the other four its operands.
std::vector<uint8_t> code_of(const uint8_t* data, size_t size, bool legal) {
  if (!legal) return {data, data + size};
  std::vector<uint8_t> code;
  for (; size >= 6; data += 6, size -= 6) {
    uint32_t operands;
    std::memcpy(&operands, data + 2, 4);
    const Row& r = row(Op((data[0] | data[1] << 8) % kOps));
    const uint32_t word = r.match | (operands & ~r.mask);
    for (int byte = 0; byte < r.length; ++byte) code.push_back(uint8_t(word >> 8 * byte));
  }
  return code;
}

void prepare(TestCore& core, const std::vector<uint8_t>& code, uint8_t options, Rng rng) {
  Memory& memory = core.writable_memory();
  memory.fill(memory.base(), 0, memory.size());
  memory.write(kTestEntry, code.data(), std::min<size_t>(code.size(), kData - kTestEntry));
  for (uint32_t at = kData; at < kData + 4096; at += 4) memory.store(at, uint32_t(rng.next_u64()));
  core.reset(kTestEntry);
  for (int r = 1; r < 32; ++r) {
    const int64_t kind = rng.below(4);
    core.set_reg(r, kind == 0   ? uint32_t(rng.next_u64())
                    : kind == 1 ? uint32_t(rng.below(16))
                                : kData + uint32_t(rng.below(4096)));
  }
  if ((options & 2) != 0) core.write_csr(Csr::mtvec, kTestEntry);
  if ((options & 4) != 0) core.mpic_mode(options >> 4, 1, 2);
  core.set_console(nullptr);
}

void run(const uint8_t* data, size_t size) {
  if (size < 6) return;
  const uint8_t options = data[0];
  const std::vector<uint8_t> code = code_of(data + 2, size - 2, (options & 1) != 0);
  const Rng rng(data[1]);
  const bool in_pieces = (options & 8) != 0;  // each of which costs as much as many instructions
  const uint64_t most = data[1] % 8 == 0 && !in_pieces ? 100'000 : 2'000, piece = in_pieces ? 1 + data[1] : most;
  static TestCore fast, stepped;
  prepare(stepped, code, options, rng);
  const RunResult b = stepped.step_through(most);
  prepare(fast, code, options, rng);
  RunResult a;
  for (uint64_t left = most; left > 0; left -= std::min(left, piece)) {
    a = fast.run(std::min(left, piece));
    if (a.reason != StopReason::kLimit) break;
  }
  const std::string what = difference(a, b) + difference(fast, stepped);
  if (what.empty()) return;
  std::fprintf(stderr, "fast or stepping: %s\n", what.c_str());
  std::abort();
}

}  // namespace
}  // namespace bitloom::mpic

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  bitloom::mpic::run(data, size);
  return 0;
}
