// Memory that training takes from the system.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nas/search.h"
#include "nn/models/models.h"

namespace bitloom {
namespace {

struct Memory {
  int64_t held, faults;  // bytes that the C library has from the system; pages that were touched for the first time
};

Memory memory_now() {
  const struct mallinfo2 heap = mallinfo2();
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return {int64_t(heap.arena + heap.hblkhd), usage.ru_minflt};
}

// Steps allocate some hundred tensors, 17 MB of them at a batch of 8, out of what the steps before have freed. After five steps, one of which trains the
// architecture, a further one brings less memory than a single layer's output has.
TEST(MemoryTest, StepsTakeNoneFromTheSystem) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the address sanitizer has an allocator of its own, which keeps what is freed";
#endif
  const ModelEntry& model = find_model("resnet8");
  constexpr int64_t kBatch = 8, kSteps = 5;
  Samples samples{model.name, model.h, model.w, model.c, {}, {}, 1, {}, {}};
  Rng rng(1);
  for (int64_t i = 0; i < kBatch * samples.sample_size(); ++i) samples.values.push_back(float(rng.uniform()));
  for (int64_t i = 0; i < kBatch; ++i) samples.labels.push_back(int32_t(i));
  const ArrayDataset data(std::move(samples));
  const int64_t indices[kBatch] = {0, 1, 2, 3, 4, 5, 6, 7};
  const Batch batch = gather(data, indices, kBatch, nullptr);
  const int64_t activation = kBatch * model.h * model.w * 16 * int64_t(sizeof(float));
  Network network(model.make(model.h, model.w, model.c, model.classes), Rng(1));
  QuantOptions options;
  options.weight_bits = {0, 2, 4, 8}, options.act_bits = {2, 4, 8};
  SearchNetwork search(network, options, input_scheme(data), Granularity::kChannel);
  search.calibrate(data);
  NetworkLearner train(network, nullptr, {}, {});
  SearchLearner searches(search, {});
  for (Learner* learner : {static_cast<Learner*>(&train), static_cast<Learner*>(&searches)}) {
    const std::string what = learner == &train ? "float" : "search";
    for (int64_t i = 0; i < kSteps; ++i) learner->step(batch, 0, i, 0.5);
    const Memory before = memory_now();
    for (int64_t i = 0; i < kSteps; ++i) learner->step(batch, 0, i, 0.5);
    const Memory after = memory_now();
    EXPECT_LT(after.held - before.held, activation) << what;
    EXPECT_LT((after.faults - before.faults) * getpagesize(), kSteps * activation) << what;
  }
}

}  // namespace
}  // namespace bitloom
