// Batches drawn ahead of their use.
#include "datasets/loader.h"

#include <omp.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace bitloom {

Batch Loader::get(int64_t number) {
  // Never two draws at once: they may keep what they share, such as an epoch's order.
  if (next_.valid() && ahead_ != number) next_.wait();
  Batch batch = next_.valid() && ahead_ == number ? next_.get() : draw_(number);
  next_ = {};
  if ((ahead_ = number + 1) < end_) {
    next_ = std::async(std::launch::async, [this, next = ahead_] {
      omp_set_num_threads(1);
      return draw_(next);
    });
  }
  return batch;
}

Loader training_batches(const Dataset& data, int64_t batch_size, int64_t epochs, const Rng& rng) {
  struct Epoch {
    int64_t number = -1;
    std::vector<int64_t> order;
  };
  const int64_t batches = data.size() / batch_size;
  const auto draw = [&data, batch_size, batches, rng, epoch = Epoch()](int64_t number) mutable {
    if (epoch.number != number / batches)
      epoch = {number / batches, data.epoch(rng.split("order", uint64_t(number / batches)))};
    const Rng augment = rng.split("augment", uint64_t(epoch.number));
    return gather(data, epoch.order.data() + number % batches * batch_size, batch_size, &augment);
  };
  return Loader(draw, epochs * batches);
}

Loader ordered_batches(const Dataset& data, std::vector<int64_t> indices, int64_t batch_size, const Rng* rng) {
  const int64_t size = int64_t(indices.size()), batches = (size + batch_size - 1) / batch_size;
  const std::optional<Rng> stream = rng ? std::optional<Rng>(*rng) : std::nullopt;
  const auto draw = [&data, indices = std::move(indices), size, batch_size, stream](int64_t number) {
    const int64_t begin = number * batch_size;
    return gather(data, indices.data() + begin, std::min(batch_size, size - begin), stream ? &*stream : nullptr);
  };
  return Loader(draw, batches);
}

}  // namespace bitloom
