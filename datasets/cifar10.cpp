// CIFAR-10 in its official binary form (A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009;
// www.cs.toronto.edu/~kriz/cifar.html): rows of one label byte and 3072 pixel bytes, red, green and blue plane of 32 x 32.
#include <sys/stat.h>

#include <utility>

#include "core/error.h"
#include "core/io.h"
#include "core/parallel.h"
#include "datasets/archive.h"
#include "datasets/known_classes.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

constexpr int64_t kSide = 32, kChannels = 3, kPlane = kSide * kSide, kPixels = kPlane * kChannels, kRow = 1 + kPixels;
constexpr int64_t kClasses = 10, kBatchRows = 10000, kTrainBatches = 5, kValRows = 5000;
constexpr const char* kFolder = "cifar-10-batches-bin";
constexpr const char* kArchive = "cifar-10-binary.tar.gz";
constexpr const char* kTestFile = "test_batch.bin";

std::string train_file(int64_t batch) { return str("data_batch_", batch + 1, ".bin"); }

bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Samples empty_split(const char* name, int64_t rows) {
  Samples data;
  data.name = name;
  data.h = data.w = kSide;
  data.c = kChannels;
  data.scale = 1.0f / 255;
  data.codes.resize(size_t(rows * kPixels));
  data.labels.resize(size_t(rows));
  return data;
}

// Decodes one file's rows to `data` from sample `first` on.
void decode_batch(const std::vector<uint8_t>& bytes, const std::string& file, Samples& data, int64_t first) {
  BITLOOM_CHECK(int64_t(bytes.size()) == kBatchRows * kRow, file, ": expected ", kBatchRows * kRow, " bytes, got ",
                bytes.size(), ": not a CIFAR-10 binary batch, or truncated");
  parallel_for(kBatchRows, [&](int64_t i) {
    const uint8_t* row = bytes.data() + i * kRow;
    BITLOOM_CHECK(row[0] < kClasses, file, ": row ", i, " has label ", int(row[0]), ", expected 0 .. ", kClasses - 1);
    data.labels[size_t(first + i)] = row[0];
    const uint8_t* planes = row + 1;
    uint8_t* out = data.codes.data() + (first + i) * kPixels;
    for (int64_t p = 0; p < kPlane; ++p)
      for (int64_t k = 0; k < kChannels; ++k) out[p * kChannels + k] = planes[k * kPlane + p];
  });
}

void load_folder(const std::string& folder, Samples& train, Samples& test) {
  for (int64_t b = 0; b < kTrainBatches; ++b) {
    const std::string file = folder + "/" + train_file(b);
    decode_batch(read_file(file), file, train, b * kBatchRows);
  }
  const std::string file = folder + "/" + kTestFile;
  decode_batch(read_file(file), file, test, 0);
}

void load_archive(const std::string& path, Samples& train, Samples& test) {
  std::vector<bool> found(kTrainBatches + 1);
  TarGzReader archive(path);
  while (archive.next()) {
    const std::string base = archive.name().substr(archive.name().rfind('/') + 1);
    for (int64_t b = 0; b <= kTrainBatches; ++b) {
      const bool is_test = b == kTrainBatches;
      if (base != (is_test ? kTestFile : train_file(b))) continue;
      decode_batch(archive.read(kBatchRows * kRow), str(path, ": ", quote(archive.name())), is_test ? test : train,
                   is_test ? 0 : b * kBatchRows);
      found[size_t(b)] = true;
      break;
    }
  }
  for (int64_t b = 0; b <= kTrainBatches; ++b)
    BITLOOM_CHECK(found[size_t(b)], path, ": ", b == kTrainBatches ? kTestFile : train_file(b),
                  " is not in the archive; expected the binary version of CIFAR-10");
}

}  // namespace

TaskData load_cifar10(const std::string& path) {
  Samples train = empty_split("cifar10 train", kTrainBatches * kBatchRows), test = empty_split("cifar10 test", kBatchRows);
  const std::string inner = path + "/" + kFolder, archive = path + "/" + kArchive;
  if (!is_folder(path)) {
    load_archive(path, train, test);
  } else if (file_exists(path + "/" + kTestFile)) {
    load_folder(path, train, test);
  } else if (file_exists(inner)) {
    load_folder(inner, train, test);
  } else {
    BITLOOM_CHECK(file_exists(archive), path, ": holds neither ", kTestFile, " nor ", kFolder, "/ nor ", kArchive,
                  "; run 'make data' or put the archive there");
    load_archive(archive, train, test);
  }

  Samples val = empty_split("cifar10 val", 0);
  const int64_t kept = train.size() - kValRows;
  val.codes.assign(train.codes.begin() + kept * kPixels, train.codes.end());
  val.labels.assign(train.labels.begin() + kept, train.labels.end());
  train.codes.resize(size_t(kept * kPixels));
  train.labels.resize(size_t(kept));

  Task task;
  task.name = "cifar10";
  task.classes = kClasses;
  task.label_names = known_classes(task.name, kClasses);
  // Those of MLPerf Tiny's reference training (github.com/mlcommons/tiny, benchmark/training/image_classification/train.py).
  task.augment.flip = true;
  task.augment.rotate_degrees = 15;
  task.augment.translate = 0.1;
  return make_task(task, std::move(train), std::move(val), std::move(test));
}

}  // namespace bitloom
