// Tests of datasets/loader: the same batches whoever asks and in whatever order, errors where they are asked for, and a clean end.
#include "datasets/loader.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;

bool same(const Batch& a, const Batch& b) {
  return a.x.shape() == b.x.shape() && a.labels == b.labels &&
         std::memcmp(a.x.data(), b.x.data(), size_t(a.x.size()) * sizeof(float)) == 0;
}

TaskData augmented() {
  TaskData data = testing::tiny_data();  // 160 samples
  Augment augment;
  augment.flip = true;
  augment.rotate_degrees = 20;
  augment.crop_padding = 2;
  data.train->set_augment(augment);
  return data;
}

TEST(Loader, TrainingBatchesAreAFunctionOfTheirNumber) {
  const TaskData data = augmented();
  constexpr int64_t kBatch = 48, kBatches = 3, kEpochs = 3;
  const Rng rng(5);
  Loader in_order = training_batches(*data.train, kBatch, kEpochs, rng);
  std::vector<Batch> expected;
  for (int64_t n = 0; n < kEpochs * kBatches; ++n) {
    // By hand: the epoch's permutation, and its stream.
    const uint64_t epoch = uint64_t(n / kBatches);
    const std::vector<int64_t> order = rng.split("order", epoch).permutation(160);
    const Rng augment = rng.split("augment", epoch);
    expected.push_back(gather(*data.train, order.data() + n % kBatches * kBatch, kBatch, &augment));
    EXPECT_TRUE(same(in_order.get(n), expected.back())) << n;
  }
  EXPECT_FALSE(same(expected[0], expected[3])) << "another epoch, another order";
  const int threads = omp_get_max_threads();
  for (int n : {1, 2, 5}) {
    omp_set_num_threads(n);
    Loader resumed = training_batches(*data.train, kBatch, kEpochs, rng);
    for (int64_t number : {7, 8, 0, 4, 4, 5, 1, 8, 2})
      EXPECT_TRUE(same(resumed.get(number), expected[size_t(number)])) << number;
    EXPECT_EQ(omp_get_max_threads(), n) << "the loader's thread is the only one that it changes";
  }
  omp_set_num_threads(threads);
}

TEST(Loader, OrderedBatchesEndWithTheRest) {
  const TaskData data = augmented();
  std::vector<int32_t> labels;
  for_each_batch(*data.test, 20, [&](const Batch& batch) {
    EXPECT_EQ(batch.x.shape()[0], labels.size() < 40 ? 20 : 5);
    labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  });
  EXPECT_EQ(labels, data.test->labels());
}

TEST(Loader, DrawsAheadOnAnotherThread) {
  std::atomic<int64_t> drawn{0};
  std::atomic<bool> elsewhere{false};
  const std::thread::id here = std::this_thread::get_id();
  Loader loader(
      [&](int64_t number) {
        if (number == 1) elsewhere = std::this_thread::get_id() != here && omp_get_max_threads() == 1;
        ++drawn;
        return Batch();
      },
      3);
  loader.get(0);
  for (int waits = 0; drawn < 2 && waits < 5000; ++waits) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(drawn, 2) << "batch 1 before anyone asks for it";
  EXPECT_TRUE(elsewhere);
  loader.get(1);
  loader.get(2);
  EXPECT_EQ(drawn, 3) << "none after the last";
}

TEST(Loader, ErrorsSurfaceWhereTheBatchIsAskedFor) {
  int64_t drawn = 0;
  Loader loader(
      [&](int64_t number) {
        ++drawn;
        if (number == 1) throw Error("sample 7: damaged");
        return Batch();
      },
      3);
  loader.get(0);  // draws batch 1 meanwhile
  for (int again = 0; again < 2; ++again) EXPECT_EQ(error_of([&] { loader.get(1); }), "sample 7: damaged");
  loader.get(2);
  EXPECT_EQ(drawn, 4);
}

// Whoever leaves early, by an exception for example, waits for the batch in progress and not longer.
TEST(Loader, EndsWhileDrawing) {
  std::atomic<int64_t> begun{0}, ended{0};
  {
    Loader loader(
        [&](int64_t) {
          ++begun;
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          ++ended;
          return Batch();
        },
        100);
    loader.get(0);
  }
  EXPECT_EQ(begun, ended);
  EXPECT_EQ(ended, 2);
}

}  // namespace
}  // namespace bitloom
