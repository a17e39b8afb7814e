// Batches drawn ahead of their use.
#pragma once
#include <functional>
#include <future>
#include <vector>

#include "datasets/dataset.h"

namespace bitloom {

// Numbered batches, each a pure function of its number. While one is used the next is drawn on a thread of its own (with one OpenMP thread:
// the others are at work on the batch in use), so that the order in which batches are asked for changes the speed and never the bits.
class Loader {
 public:
  using Draw = std::function<Batch(int64_t number)>;
  // Batches 0 .. end-1.
  Loader(Draw draw, int64_t end) : draw_(std::move(draw)), end_(end) {}
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Any batch; an error of drawing it is thrown here. What else is being drawn is waited for, by the destructor too.
  Batch get(int64_t number);

 private:
  const Draw draw_;
  const int64_t end_;
  int64_t ahead_ = -1;  // number of the batch in next_
  std::future<Batch> next_;
};

// Training: in epoch e, batch b holds the places [b * batch_size, (b+1) * batch_size) of data.epoch(rng.split("order", e)), changed by
// the streams of rng.split("augment", e). Its number is e * batches + b, with batches = size / batch_size: a remainder smaller than a batch
// waits for another epoch's order.
Loader training_batches(const Dataset& data, int64_t batch_size, int64_t epochs, const Rng& rng);

// The samples `indices` in order, batch_size at a time; with `rng` changed as in training.
Loader ordered_batches(const Dataset& data, std::vector<int64_t> indices, int64_t batch_size, const Rng* rng = nullptr);

// Calls f(batch) for all batches of the whole split in order.
template <class F>
void for_each_batch(const Dataset& data, int64_t batch_size, F f) {
  Loader loader = ordered_batches(data, spread_indices(data.size(), data.size()), batch_size);
  for (int64_t i = 0; i * batch_size < data.size(); ++i) f(loader.get(i));
}

}  // namespace bitloom
