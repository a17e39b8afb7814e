// Tests of core/zip: archives that lie about themselves, and those of 4 GiB and more.
#include "core/zip.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "core/io.h"
#include "core/rng.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::TempFolder;
using testing::write_bytes;

// Offsets into a file written by write_zip with one entry "a.npy".
struct OneEntry {
  explicit OneEntry(std::vector<uint8_t> content, Compression compression) {
    write_zip(folder / "a.npz", {{"a.npy", std::move(content)}}, compression);
    file = read_file(folder / "a.npz");
    central = file.size() - 22 - 46 - 5;
  }
  std::string error_with(size_t offset, std::vector<uint8_t> bytes) {
    std::vector<uint8_t> changed = file;
    std::copy(bytes.begin(), bytes.end(), changed.begin() + int64_t(offset));
    write_bytes(folder / "a.npz", changed);
    return error_of([&] { read_zip(folder / "a.npz"); });
  }
  TempFolder folder;
  std::vector<uint8_t> file;
  size_t central;
};

TEST(Zip, RefusesClaimsBeforeAllocating) {
  const std::vector<uint8_t> huge = {0xff, 0xff, 0xff, 0x7f};
  OneEntry stored(std::vector<uint8_t>(100, 7), Compression::kStored),
      deflated(std::vector<uint8_t>(100, 7), Compression::kDeflated);
  EXPECT_NE(stored.error_with(stored.central + 24, huge).find("two sizes"), std::string::npos);
  EXPECT_NE(stored.error_with(stored.central + 20, huge).find("more bytes than the file has"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.central + 24, huge).find("claims 2147483647 bytes"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.central + 42, huge).find("beyond the end"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.file.size() - 6, huge).find("beyond the end"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.central + 10, {12}).find("method 12"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.central + 8, {1}).find("encrypted"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.central + 16, {0, 0, 0, 0}).find("CRC"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.file.size() - 12, {0xff, 0xff}).find("zip64 locator"), std::string::npos);
  // One byte less and one more than the data inflates to.
  EXPECT_NE(deflated.error_with(deflated.central + 24, {99}).find("damaged"), std::string::npos);
  EXPECT_NE(deflated.error_with(deflated.central + 24, {101}).find("damaged"), std::string::npos);
}

// A claim within deflate's limit of 1032, which no data fulfil: the memory for it is not even asked for.
TEST(Zip, MemoryGrowsWithTheDataNotWithTheClaim) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs address space of its own";
#endif
  std::vector<uint8_t> noise(4000000);
  Rng rng(3);
  for (uint8_t& byte : noise) byte = uint8_t(rng.below(256));
  OneEntry one(noise, Compression::kDeflated);
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit limited = before;
  limited.rlim_cur = rlim_t(pages * sysconf(_SC_PAGESIZE)) + (rlim_t(200) << 20);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limited), 0);
  const std::string message = one.error_with(one.central + 24, {0, 0, 0, 0xe0});  // 3.5 GiB
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_NE(message.find("is damaged (4000000 of"), std::string::npos) << message;
}

TEST(Zip, TwoEntriesOfOneNameAreAmbiguous) {
  OneEntry one(std::vector<uint8_t>(50, 7), Compression::kStored);
  std::vector<uint8_t> file(one.file.begin(), one.file.begin() + int64_t(one.central));
  const std::vector<uint8_t> local = file, entry(one.file.begin() + int64_t(one.central), one.file.end() - 22);
  file.insert(file.end(), local.begin(), local.end());
  const size_t directory = file.size();
  file.insert(file.end(), entry.begin(), entry.end());
  file.insert(file.end(), entry.begin(), entry.end());
  file[directory + entry.size() + 42] = uint8_t(one.central);
  std::vector<uint8_t> end(one.file.end() - 22, one.file.end());
  end[8] = end[10] = 2;
  end[12] = uint8_t(2 * entry.size());
  end[16] = uint8_t(directory);
  file.insert(file.end(), end.begin(), end.end());
  write_bytes(one.folder / "a.npz", file);
  EXPECT_EQ(error_of([&] { read_zip(one.folder / "a.npz"); }), (one.folder / "a.npz") + ": two entries are named 'a.npy'");
}

TEST(Zip, RefusesOverlappingEntries) {
  OneEntry one(std::vector<uint8_t>(5000, 7), Compression::kStored);
  // A second directory entry for the same data, under another name.
  std::vector<uint8_t> file(one.file.begin(), one.file.end() - 22);
  std::vector<uint8_t> twin(one.file.begin() + int64_t(one.central), one.file.end() - 22);
  twin[46] = 'b';
  file.insert(file.end(), twin.begin(), twin.end());
  std::vector<uint8_t> end(one.file.end() - 22, one.file.end());
  end[10] = 2;
  end[12] = uint8_t(2 * twin.size());
  file.insert(file.end(), end.begin(), end.end());
  write_bytes(one.folder / "a.npz", file);
  EXPECT_NE(error_of([&] { read_zip(one.folder / "a.npz"); }).find("more bytes than the file has"), std::string::npos);
}

void append_le(std::vector<uint8_t>& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out.push_back(uint8_t(value));
}

// What a writer makes of files of 4 GiB and more: saturated 32-bit fields, and the true ones in the zip64 records.
TEST(Zip, ReadsZip64) {
  OneEntry one(std::vector<uint8_t>(5000, 7), Compression::kDeflated);
  std::vector<uint8_t> file(one.file.begin(), one.file.begin() + int64_t(one.central));
  std::vector<uint8_t> entry(one.file.begin() + int64_t(one.central), one.file.end() - 22);
  const uint64_t stored_size = entry[20];
  std::fill_n(entry.begin() + 20, 8, uint8_t(0xff));
  std::fill_n(entry.begin() + 42, 4, uint8_t(0xff));
  entry[30] = 4 + 2 + 4 + 24;
  file.insert(file.end(), entry.begin(), entry.end());
  append_le(file, 0x7777, 2), append_le(file, 2, 2), append_le(file, 0, 2);  // a field of another kind comes first
  append_le(file, 1, 2), append_le(file, 24, 2);
  append_le(file, 5000, 8), append_le(file, stored_size, 8), append_le(file, 0, 8);
  const size_t directory_end = file.size();
  append_le(file, 0x06064b50, 4), append_le(file, 44, 8), append_le(file, 45, 2), append_le(file, 45, 2), append_le(file, 0, 8);
  append_le(file, 1, 8), append_le(file, 1, 8), append_le(file, directory_end - one.central, 8),
      append_le(file, one.central, 8);
  append_le(file, 0x07064b50, 4), append_le(file, 0, 4), append_le(file, directory_end, 8), append_le(file, 1, 4);
  append_le(file, 0x06054b50, 4), append_le(file, 0, 4), append_le(file, ~uint64_t(0), 8), append_le(file, ~uint64_t(0), 4);
  append_le(file, 0, 2);
  write_bytes(one.folder / "a.npz", file);
  EXPECT_EQ(read_zip(one.folder / "a.npz").at("a.npy"), std::vector<uint8_t>(5000, 7));
  file[directory_end + 48] = 0xff;
  write_bytes(one.folder / "a.npz", file);
  EXPECT_NE(error_of([&] { read_zip(one.folder / "a.npz"); }), "");
}

}  // namespace
}  // namespace bitloom
