// libFuzzer: any bytes as an .npz, and any bytes as the .npy of a sound archive, are arrays whose shape, type and bytes agree, or one
// clear line.
#include <zlib.h>

#include <vector>

#include "core/npz.h"
#include "tests/fuzz/memory_file.h"

namespace {

using bitloom::Error;

void append_le(std::vector<uint8_t>& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(uint8_t(value));
}

// A zip of one stored entry "a.npy", whose checksum no fuzzer would find.
std::vector<uint8_t> archive_of(const uint8_t* data, size_t size) {
  std::vector<uint8_t> common, out;
  append_le(common, 20, 2), append_le(common, 0, 8);  // version; flags, method, time
  append_le(common, crc32_z(0, data, size), 4), append_le(common, size, 4), append_le(common, size, 4);
  append_le(common, 5, 2), append_le(common, 0, 2);
  append_le(out, 0x04034b50, 4);
  out.insert(out.end(), common.begin(), common.end());
  for (const char c : std::string("a.npy")) out.push_back(uint8_t(c));
  out.insert(out.end(), data, data + size);
  const size_t directory = out.size();
  append_le(out, 0x02014b50, 4), append_le(out, 20, 2);
  out.insert(out.end(), common.begin(), common.end());
  append_le(out, 0, 14);
  for (const char c : std::string("a.npy")) out.push_back(uint8_t(c));
  const size_t end = out.size();
  append_le(out, 0x06054b50, 4), append_le(out, 0, 4), append_le(out, 1, 2), append_le(out, 1, 2);
  append_le(out, end - directory, 4), append_le(out, directory, 4), append_le(out, 0, 2);
  return out;
}

void read(const std::string& path) {
  const bitloom::NpzFile file(path);
  for (const std::string& key : file.keys()) {
    const auto attempt = [&](auto step) {
      try {
        step();
      } catch (const Error& error) {
        bitloom::testing::check_message(error, path);
      }
    };
    attempt([&] {
      const bitloom::NpyArray array = file.read(key);
      if (array.size() < 0 || uint64_t(array.size()) > array.bytes.size()) std::abort();
      attempt([&] {
        if (array.to_float(path).size() != array.size()) std::abort();
      });
      attempt([&] {
        if (int64_t(array.to_int64(path).size()) != array.size()) std::abort();
      });
      array.to_text();
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool whole = data[0] == 'P';
  const std::vector<uint8_t> bytes = whole ? std::vector<uint8_t>(data, data + size) : archive_of(data + 1, size - 1);
  const bitloom::testing::MemoryFile file(bytes.data(), bytes.size());
  try {
    read(file.path());
  } catch (const Error& error) {
    bitloom::testing::check_message(error, file.path());
  }
  return 0;
}
