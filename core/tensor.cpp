// Dense tensors: shapes and storage.
#include "core/tensor.h"

#include <malloc.h>

#include <cstdlib>
#include <ostream>

#include "core/parallel.h"

namespace bitloom {

Shape::Shape(std::initializer_list<int64_t> extents) : Shape(std::vector<int64_t>(extents)) {}

Shape::Shape(const std::vector<int64_t>& extents) : rank_(int(extents.size())) {
  BITLOOM_CHECK(extents.size() <= size_t(kMaxRank), "shape: rank ", extents.size(), " is above ", kMaxRank);
  constexpr int64_t kMaxElements = int64_t(1) << 40;
  int64_t size = 1;
  for (size_t i = 0; i < extents.size(); ++i) {
    BITLOOM_CHECK(extents[i] >= 0 && extents[i] <= kMaxElements, "shape: extent ", extents[i], " is out of range");
    extents_[i] = extents[i];
    size *= extents[i];
    BITLOOM_CHECK(size <= kMaxElements, "shape: more than 2^40 elements");
  }
}

int64_t Shape::size() const {
  int64_t n = 1;
  for (int i = 0; i < rank_; ++i) n *= extents_[size_t(i)];
  return n;
}

bool Shape::operator==(const Shape& other) const { return rank_ == other.rank_ && extents_ == other.extents_; }

std::string Shape::to_string() const {
  std::string text = "(";
  for (int i = 0; i < rank_; ++i) text += (i ? "," : "") + std::to_string(extents_[size_t(i)]);
  return text + ")";
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.to_string(); }

std::shared_ptr<void> allocate_aligned(size_t bytes) {
  constexpr size_t kAlign = 64;
  const size_t rounded = (bytes + kAlign - 1) / kAlign * kAlign;
  void* p = std::aligned_alloc(kAlign, rounded ? rounded : kAlign);
  BITLOOM_CHECK(p != nullptr, "out of memory: ", bytes, " bytes wanted; use a smaller batch");
  return std::shared_ptr<void>(p, std::free);
}

void detail::Storage::materialize(int64_t count) {
  std::call_once(once, [&] {
    memory = allocate_aligned(size_t(count) * sizeof(float));
    parallel_blocks(count, row_block(count, row), [&](int64_t begin, int64_t end) {
      source->read(begin, end - begin, static_cast<float*>(memory.get()) + begin);
    });
    computed = true;
  });
}

void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2000 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace bitloom
