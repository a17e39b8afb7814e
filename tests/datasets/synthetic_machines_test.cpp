// The built-in machines: what they are, that they are always the same, and that no single level tells a fault.
#include <gtest/gtest.h>

#include <algorithm>

#include "datasets/frame_vectors.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

TEST(SyntheticMachines, HaveNormalRecordingsAndFaultsOfEveryMachine) {
  const TaskData data = make_synthetic_machines(3, 2, 1, 2);
  EXPECT_EQ(data.task.kind, TaskKind::kReconstruction);
  EXPECT_EQ(data.task.metric->name(), "roc_auc");
  EXPECT_TRUE(data.train->labels().empty());
  EXPECT_EQ(data.train->size(), 2 * 4 * FrameVectors::kVectors);
  EXPECT_EQ(data.test->format().size(), 640);
  for (int64_t i = 0; i < data.test->size(); ++i) {
    const int64_t recording = i / FrameVectors::kVectors;
    EXPECT_EQ(data.test->labels()[size_t(i)], recording / 4);
    EXPECT_EQ(data.test->groups()[size_t(i)], recording % 4);
  }
  EXPECT_EQ(digest(data), digest(make_synthetic_machines(3, 2, 1, 2)));
  EXPECT_NE(digest(data), digest(make_synthetic_machines(4, 2, 1, 2)));
}

// A detector must learn: by how loud a recording is, or how far from the mean of all of them, faults are hardly told.
TEST(SyntheticMachines, FaultsAreNotToldByLoudness) {
  const TaskData data = make_synthetic_machines(0, 1, 1, 24);
  const size_t size = size_t(data.test->format().size());
  std::vector<float> sample(size);
  std::vector<double> loudness;
  for (int64_t i = 0; i < data.test->size(); ++i) {
    data.test->fill(i, nullptr, sample.data());
    double sum = 0;
    for (const float v : sample) sum += double(v);
    loudness.push_back(sum);
  }
  const double auc = roc_auc().score(loudness, *data.test);
  EXPECT_GT(auc, 0.3);
  EXPECT_LT(auc, 0.75);
}

}  // namespace
}  // namespace bitloom
