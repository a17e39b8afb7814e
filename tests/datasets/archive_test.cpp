// Tests of datasets/archive: archives by tar(1), names and sizes in every form, and damaged files.
#include "datasets/archive.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <map>

#include "core/io.h"
#include "core/rng.h"
#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::TempFolder;
using testing::write_bytes;

std::map<std::string, std::string> contents(const std::string& path) {
  std::map<std::string, std::string> files;
  TarGzReader archive(path);
  while (archive.next()) {
    const std::vector<uint8_t> bytes = archive.read();
    files[archive.name()] = std::string(bytes.begin(), bytes.end());
  }
  return files;
}

// A tar header of a regular file; `size` is written as given.
std::string header(const std::string& name, const std::string& size, char type = '0') {
  std::string h(512, '\0');
  h.replace(0, name.size(), name);
  h.replace(124, size.size(), size);
  h[156] = type;
  h.replace(257, 6, std::string("ustar\0", 6));
  h.replace(148, 8, "        ");
  unsigned sum = 0;
  for (char c : h) sum += uint8_t(c);
  char digits[9];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  return h.replace(148, 7, std::string(digits, 7));
}

std::string padded(std::string data) { return data.append((512 - data.size() % 512) % 512, '\0'); }

void write_gz(const std::string& path, const std::string& data) {
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, data.data(), unsigned(data.size()));
  gzclose(file);
}

TEST(TarGz, ReadsWhatTarWrites) {
  const TempFolder folder;
  const std::string deep = std::string(60, 'd') + "/" + std::string(60, 'e') + "/" + std::string(120, 'f');
  std::filesystem::create_directories(folder / ("in/" + deep));
  const std::map<std::string, std::string> files = {{"empty", ""},
                                                    {"one", "1"},
                                                    {"two", "1"},
                                                    {"block", std::string(512, 'b')},
                                                    {"large", std::string(3000001, 'l')},
                                                    {deep + "/" + std::string(150, 'n'), "deep"}};
  for (const auto& [name, text] : files)
    if (name != "two") write_bytes(folder / ("in/" + name), {text.begin(), text.end()});
  std::filesystem::create_symlink("one", folder / "in/link");
  std::filesystem::create_hard_link(folder / "in/one", folder / "in/two");
  for (const char* form : {"ustar", "gnu", "pax", "v7"})
    for (const char* name : {"a.tar.gz", "a.tar"}) {
      // Formats without long names leave the deep file out and say so by their exit code.
      const std::string command = "cd '" + folder.path() + "' && tar c" + (std::string(name) == "a.tar" ? "" : "z") + "f " +
                                  name + " --format=" + form + " -C in . 2>/dev/null";
      const bool complete = std::system(command.c_str()) == 0;
      std::map<std::string, std::string> expected = files;
      if (!complete) expected.erase(deep + "/" + std::string(150, 'n'));
      EXPECT_TRUE(complete || std::string(form) == "ustar" || std::string(form) == "v7");
      EXPECT_EQ(contents(folder / name), expected) << form << " " << name;
    }
}

TEST(TarGz, SkipsWhatIsNotRead) {
  const TempFolder folder;
  write_gz(folder / "a.tar.gz", header("a", "1") + padded("x") + header("b", "1750") + padded(std::string(1000, 'b')) +
                                    header("c", "2") + padded("cc") + std::string(1024, '\0'));
  TarGzReader archive(folder / "a.tar.gz");
  ASSERT_TRUE(archive.next() && archive.next() && archive.next());
  EXPECT_EQ(archive.name(), "c");
  EXPECT_EQ(archive.read(), (std::vector<uint8_t>{'c', 'c'}));
  EXPECT_FALSE(archive.next());
}

TEST(TarGz, NamesWhatIsWrong) {
  const TempFolder folder;
  const std::string path = folder / "a.tar.gz", end(1024, '\0');
  EXPECT_NE(error_of([&] { TarGzReader{folder / "none"}; }).find("No such file"), std::string::npos);
  const std::pair<std::string, const char*> bad[] = {
      {"this is no archive", "byte 0: not a tar header"},
      {std::string(512, 'x') + end, "byte 0: not a tar header"},
      {header("a", "9") + end, "byte 0: bad size field"},
      {header("a", "100") + std::string(10, 'x'), "ends in the middle"},
      {header("a", std::string("\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)) + end, "bad size field"},
      // 1 TiB claimed: must fail by the end of the data, not of the memory.
      {header("a", std::string("\x80\0\0\0\0\0\1\0\0\0\0\0", 12)) + end, "ends in the middle"},
      {header("x", "12", 'x') + padded("99 path=a\n") + end, "bad pax header"},
      {header("x", "4", 'x') + padded("nonsense") + end, "bad pax header"},
      {header("x", "4000000", 'x') + padded("18446744073709551615 path=a\n") + end, "ends in the middle"},
      {header("x", "27", 'x') + padded("12 size=bad\n") + end, "bad pax header"},
      {header("x", "777777777", 'L') + end, "extended header of"}};
  for (const auto& [data, reason] : bad) {
    write_gz(path, data);
    const std::string message = error_of([&] { contents(path); });
    EXPECT_EQ(message.find(path + ": "), 0u) << message;
    EXPECT_NE(message.find(reason), std::string::npos) << "expected '" << reason << "', got '" << message << "'";
  }
}

TEST(TarGz, SaysWhatElseTheFileIs) {
  const TempFolder folder;
  const std::string path = folder / "cifar-10-binary.tar.gz";
  const std::pair<std::string, const char*> others[] = {{"", "an empty file"},
                                                        {"PK\x03\x04 and so on", "a zip archive"},
                                                        {"\n  <!DOCTYPE html><html><body>404</body></html>", "an HTML page"},
                                                        {"<HTML>" + std::string(2000, ' '), "an HTML page"},
                                                        {"BZh91AY&SY", "compressed by bzip2"},
                                                        {"\xfd"
                                                         "7zXZ",
                                                         "compressed by xz"}};
  for (const auto& [data, kind] : others) {
    write_bytes(path, {data.begin(), data.end()});
    const std::string message = error_of([&] { contents(path); });
    EXPECT_EQ(message.find(path + ": is " + kind), 0u) << message;
    EXPECT_NE(message.find("; a .tar.gz archive is expected"), std::string::npos) << message;
  }
}

// Headers of a file and of a hard link to it, with names too long for their fields in both long forms.
TEST(TarGz, HardLinksAreTheirFiles) {
  const TempFolder folder;
  const std::string path = folder / "a.tar.gz", end(1024, '\0'), target = std::string(120, 't'), link = std::string(120, 'l');
  const auto pax = [](const std::string& key, const std::string& value) {
    const std::string record = " " + key + "=" + value + "\n";
    return std::to_string(record.size() + 3) + record;  // lengths of three digits
  };
  const std::string file = header(std::string(100, 't'), "4") + padded("text");
  write_gz(path, header("L", "171", 'L') + padded(target + '\0') + file + header("K", "171", 'K') + padded(target + '\0') +
                     header("L", "171", 'L') + padded(link + '\0') + header("l", "4", '1') + end);
  EXPECT_EQ(contents(path), (std::map<std::string, std::string>{{target, "text"}, {link, "text"}}));
  const std::string names = pax("path", link) + pax("linkpath", target);
  char size[12];
  std::snprintf(size, sizeof size, "%o", unsigned(names.size()));
  write_gz(path, header("L", "171", 'L') + padded(target + '\0') + file + header("x", size, 'x') + padded(names) +
                     header("l", "0", '1') + end);
  EXPECT_EQ(contents(path), (std::map<std::string, std::string>{{target, "text"}, {link, "text"}}));
  write_gz(path, header("n\n", "0", '1') + end);
  EXPECT_EQ(error_of([&] { contents(path); }), path + ": 'n\\n' is a hard link to '', which is not in the archive");
}

// Attributes of macOS files make pax headers of any size.
TEST(TarGz, PaxHeadersMayBeLarge) {
  const TempFolder folder;
  const std::string value(1 << 20, 'v'), key = " LIBARCHIVE.xattr.com.apple.ResourceFork=";
  const std::string record = std::to_string(7 + key.size() + value.size() + 1) + key + value + "\n";
  ASSERT_EQ(std::stoul(record), record.size());
  const std::string text = record + "13 path=long\n";
  char size[12];
  std::snprintf(size, sizeof size, "%o", unsigned(text.size()));
  write_gz(folder / "a.tar.gz",
           header("x", size, 'x') + padded(text) + header("short", "1") + padded("1") + std::string(1024, '\0'));
  EXPECT_EQ(contents(folder / "a.tar.gz"), (std::map<std::string, std::string>{{"long", "1"}}));
}

// A small file that unpacks to much is refused by what its header says, before anything is unpacked, and skipped without being kept.
TEST(TarGz, BoundsWhatIsUnpacked) {
  const TempFolder folder;
  const std::string path = folder / "a.tar.gz";
  write_gz(path, header("zeros\x1b[2J", "10000000") + std::string(1 << 21, '\0') + header("a", "1") + padded("1") +
                     std::string(1024, '\0'));
  {
    TarGzReader archive(path);
    ASSERT_TRUE(archive.next());
    EXPECT_EQ(error_of([&] { archive.read(2097151); }), path + ": 'zeros\\x1b[2J' has 2097152 bytes, expected at most 2097151");
  }
  TarGzReader archive(path);
  ASSERT_TRUE(archive.next());
  EXPECT_EQ(archive.read(2097152).size(), 2097152u);
  ASSERT_TRUE(archive.next());
  EXPECT_EQ(archive.read(1).size(), 1u);
}

TEST(TarGz, TruncatedOrDamagedIsAnError) {
  const TempFolder folder;
  std::string text;
  Rng rng(1);
  for (int i = 0; i < 600; ++i) text += char('a' + rng.below(26));
  char size[12];
  std::snprintf(size, sizeof size, "%o", 600);
  write_gz(folder / "a.tar.gz", header("a", size) + padded(text) + std::string(1024, '\0'));
  const std::vector<uint8_t> file = read_file(folder / "a.tar.gz");
  ASSERT_EQ(contents(folder / "a.tar.gz").at("a"), text);
  for (size_t n = 1; n < file.size(); ++n) {
    write_bytes(folder / "cut", {file.begin(), file.begin() + int64_t(n)});
    ASSERT_NE(error_of([&] { contents(folder / "cut"); }), "") << n << " of " << file.size() << " bytes";
  }
  for (int round = 0; round < 500; ++round) {
    std::vector<uint8_t> damaged = file;
    const size_t at = size_t(rng.below(int64_t(file.size())));
    damaged[at] ^= uint8_t(1 + rng.below(255));
    write_bytes(folder / "damaged", damaged);
    try {
      // Fields that mean nothing here (the time, the bits after the last block) may differ, the contents may not.
      EXPECT_EQ(contents(folder / "damaged").at("a"), text) << "byte " << at;
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace bitloom
