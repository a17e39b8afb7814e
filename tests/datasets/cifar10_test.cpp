// Tests of datasets/cifar10: on a made-up set of the right size, and on the real one where it exists.
#include <gtest/gtest.h>

#include <array>

#include "core/io.h"
#include "datasets/sources.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::data_path;
using testing::error_of;
using testing::samples_of;
using testing::TempFolder;
using testing::write_bytes;

constexpr int64_t kRow = 3073, kRows = 10000;

// File `batch` (5: test): row i has label (batch + i) % 10, and pixel (y,x) of plane k is a function of all of these that
// repeats after kPeriod rows, which makes the files fast to write.
constexpr int64_t kPeriod = 70;

uint8_t pixel(int64_t batch, int64_t i, int64_t k, int64_t y, int64_t x) {
  return uint8_t(batch * 7 + i % kPeriod * 3 + k * 85 + y * 5 + x);
}

std::vector<uint8_t> batch_bytes(int64_t batch) {
  std::vector<uint8_t> bytes;
  bytes.reserve(size_t(kRow * kRows));
  for (int64_t i = 0; i < kPeriod; ++i) {
    bytes.push_back(uint8_t((batch + i) % 10));
    for (int64_t k = 0; k < 3; ++k)
      for (int64_t y = 0; y < 32; ++y)
        for (int64_t x = 0; x < 32; ++x) bytes.push_back(pixel(batch, i, k, y, x));
  }
  bytes.resize(size_t(kRow * kRows));
  for (size_t i = size_t(kRow * kPeriod); i < bytes.size(); ++i) bytes[i] = bytes[i - size_t(kRow * kPeriod)];
  return bytes;
}

std::string file_name(int64_t batch) {
  return batch == 5 ? "test_batch.bin" : "data_batch_" + std::to_string(batch + 1) + ".bin";
}

void expect_row(const std::shared_ptr<Dataset>& data, int64_t sample, int64_t batch, int64_t row) {
  ASSERT_EQ(data->labels()[size_t(sample)], (batch + row) % 10) << data->name() << " sample " << sample;
  for (int64_t y = 0; y < 32; ++y)
    for (int64_t x = 0; x < 32; ++x)
      for (int64_t k = 0; k < 3; ++k)
        ASSERT_EQ(samples_of(data).codes[size_t(((sample * 32 + y) * 32 + x) * 3 + k)], pixel(batch, row, k, y, x))
            << data->name() << " sample " << sample << " at (" << y << "," << x << "," << k << ")";
}

TEST(Cifar10, DecodesAndSplitsAsDocumentedFromFolderParentAndArchive) {
  const TempFolder folder;
  const std::string inner = folder / "cifar-10-batches-bin";
  std::filesystem::create_directory(inner);
  for (int64_t b = 0; b <= 5; ++b) write_bytes(inner + "/" + file_name(b), batch_bytes(b));
  ASSERT_EQ(std::system(("cd '" + folder.path() +
                         "' && mkdir packed && tar c cifar-10-batches-bin | gzip -1 > packed/cifar-10-binary.tar.gz")
                            .c_str()),
            0);
  const TaskData task = load_cifar10(inner);
  EXPECT_EQ(task.task.name, "cifar10");
  EXPECT_EQ(task.train->size(), 45000);
  EXPECT_EQ(task.val->size(), 5000);
  EXPECT_EQ(task.test->size(), 10000);
  EXPECT_FLOAT_EQ(task.train->format().scale, 1.0f / 255);
  EXPECT_EQ(error_of([&] { validate(task); }), "");
  for (int64_t row : {0, 1, 4999, 9999}) {
    expect_row(task.train, row, 0, row);
    expect_row(task.train, 30000 + row, 3, row);
    expect_row(task.test, row, 5, row);
  }
  expect_row(task.train, 44999, 4, 4999);
  expect_row(task.val, 0, 4, 5000);
  expect_row(task.val, 4999, 4, 9999);
  for (const std::string& path : {folder.path(), folder / "packed"}) {
    const TaskData other = load_cifar10(path);
    EXPECT_TRUE(samples_of(other.train).codes == samples_of(task.train).codes &&
                samples_of(other.val).codes == samples_of(task.val).codes &&
                samples_of(other.test).codes == samples_of(task.test).codes)
        << path;
    EXPECT_TRUE(other.train->labels() == task.train->labels() && other.val->labels() == task.val->labels() &&
                other.test->labels() == task.test->labels());
  }

  std::vector<uint8_t> bytes = batch_bytes(2);
  bytes[size_t(1234 * kRow)] = 10;
  write_bytes(inner + "/" + file_name(2), bytes);
  EXPECT_EQ(error_of([&] { load_cifar10(inner); }), inner + "/data_batch_3.bin: row 1234 has label 10, expected 0 .. 9");
  bytes.pop_back();
  write_bytes(inner + "/" + file_name(2), bytes);
  EXPECT_NE(error_of([&] { load_cifar10(inner); }).find("expected 30730000 bytes, got 30729999"), std::string::npos);
  std::filesystem::remove(inner + "/" + file_name(2));
  EXPECT_NE(error_of([&] { load_cifar10(inner); }).find("data_batch_3.bin: No such file"), std::string::npos);
}

TEST(Cifar10, NamesWhatIsMissing) {
  const TempFolder folder;
  EXPECT_NE(error_of([&] { load_cifar10(folder.path()); }).find("make data"), std::string::npos);
  EXPECT_NE(error_of([&] { load_cifar10(folder / "none"); }).find("No such file"), std::string::npos);
  write_text_atomic(folder / "file", "x");
  ASSERT_EQ(std::system(("cd '" + folder.path() + "' && tar czf other.tar.gz file").c_str()), 0);
  EXPECT_NE(error_of([&] { load_cifar10(folder / "other.tar.gz"); }).find("data_batch_1.bin is not in the archive"),
            std::string::npos);
}

TEST(Cifar10, RealDataIsComplete) {
  BITLOOM_NEEDS(data_path("cifar-10-batches-bin"));
  const TaskData task = load_cifar10(data_path("cifar-10-batches-bin"));
  std::array<int, 10> train{}, test{};
  for (const std::shared_ptr<Dataset>& part : {task.train, task.val})
    for (int32_t label : part->labels()) ++train[size_t(label)];
  for (int32_t label : task.test->labels()) ++test[size_t(label)];
  for (size_t k = 0; k < 10; ++k) {
    EXPECT_EQ(train[k], 5000) << "class " << k;
    EXPECT_EQ(test[k], 1000) << "class " << k;
  }
  // The first test images, as everyone numbers them: cat, ship, ship, airplane, frog.
  EXPECT_EQ(std::vector<int32_t>(task.test->labels().begin(), task.test->labels().begin() + 5),
            (std::vector<int32_t>{3, 8, 8, 0, 6}));

  BITLOOM_NEEDS(data_path("cifar-10-binary.tar.gz"));
  const TaskData packed = load_cifar10(data_path("cifar-10-binary.tar.gz"));
  EXPECT_TRUE(samples_of(packed.train).codes == samples_of(task.train).codes &&
              samples_of(packed.val).codes == samples_of(task.val).codes &&
              samples_of(packed.test).codes == samples_of(task.test).codes);
  EXPECT_TRUE(packed.train->labels() == task.train->labels() && packed.val->labels() == task.val->labels() &&
              packed.test->labels() == task.test->labels());
}

}  // namespace
}  // namespace bitloom
