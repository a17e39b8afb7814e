// libFuzzer: any bytes as a .tar or .tar.gz are files within their limit, or one clear line. An odd first byte asks for the checksums
// of all blocks to be right, which no fuzzer would find.
#include <cstdio>
#include <vector>

#include "datasets/archive.h"
#include "tests/fuzz/memory_file.h"

namespace {

void repair_checksums(std::vector<uint8_t>& bytes) {
  constexpr size_t kBlock = 512, kChecksum = 148, kSize = 8;
  for (size_t block = 0; block + kBlock <= bytes.size(); block += kBlock) {
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += i - kChecksum < kSize ? ' ' : bytes[block + i];
    if (sum == kSize * ' ' && bytes[block + kChecksum] == 0) continue;  // the end of an archive is a block of zeros
    char digits[kSize + 1];
    std::snprintf(digits, sizeof digits, "%07o", sum);
    std::copy(digits, digits + kSize, bytes.begin() + std::ptrdiff_t(block + kChecksum));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kMost = 100000;
  if (size == 0) return 0;
  std::vector<uint8_t> bytes(data + 1, data + size);
  if (data[0] % 2 == 1) repair_checksums(bytes);
  const bitloom::testing::MemoryFile file(bytes.data(), bytes.size());
  try {
    bitloom::TarGzReader archive(file.path());
    for (int read = 0; archive.next();)
      if (read < 20 && archive.read(kMost).size() > size_t(kMost))
        std::abort();
      else
        ++read;
  } catch (const bitloom::Error& error) {
    bitloom::testing::check_message(error, file.path());
  }
  return 0;
}
