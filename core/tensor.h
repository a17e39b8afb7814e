// Dense tensors: a shape by value and a shared handle to contiguous, 64-byte aligned storage.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"

namespace bitloom {

// Up to four extents, outermost first. Activations are NHWC, convolution weights OHWI.
class Shape {
 public:
  static constexpr int kMaxRank = 4;
  Shape() = default;
  Shape(std::initializer_list<int64_t> extents);
  explicit Shape(const std::vector<int64_t>& extents);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return extents_[size_t(axis)]; }
  int64_t back() const { return rank_ ? extents_[size_t(rank_ - 1)] : 1; }
  // Number of elements; 1 for a scalar (rank 0).
  int64_t size() const;
  bool operator==(const Shape& other) const;
  bool operator!=(const Shape& other) const { return !(*this == other); }
  std::string to_string() const;  // "(2,8,8,16)"

 private:
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};
std::ostream& operator<<(std::ostream& out, const Shape& shape);

// Bytes aligned for any vector unit; throws Error when the system has no memory left.
std::shared_ptr<void> allocate_aligned(size_t bytes);

// Makes the C library keep freed memory instead of returning it to the system after every training
// step (page faults on the activation buffers otherwise cost up to a third of a step). Call once in main.
void keep_freed_memory();

// Elements of a tensor that are computed where they are read, block by block, so that they need not be written to memory and read again: the outputs of a normalization,
// and its gradients. Immutable; threads may read at the same time.
class Deferred {
 public:
  virtual ~Deferred() = default;
  // to[i] = element begin + i for i < count, both multiples of the last extent.
  virtual void read(int64_t begin, int64_t count, float* to) const = 0;
  // The part of the backward pass of the operation behind these elements that goes block by block, for the only reader of the value, who has its gradient in the
  // cache and calls this once for each element: turns grad[i], all of the gradient of element begin + i, into what that operation hands on, and adds the terms of
  // gradient_sums() sums, at least one, to `sums`.
  virtual int64_t gradient_sums() const { return 0; }
  virtual void backward(int64_t begin, int64_t count, float* grad, double* sums) const {
    (void)begin, (void)count, (void)grad, (void)sums;
  }
};

namespace detail {

// What tensors share: memory, or how to compute it. `note`: see Tensor::note().
struct Storage {
  std::shared_ptr<void> memory;
  std::unique_ptr<const Deferred> source;
  std::once_flag once;
  std::atomic<bool> computed{false};
  std::vector<float> note;
  int readers = 0;
  int64_t row = 1;  // last extent of the tensor that was made from the source, whatever shape a view has
  // Computes the elements of a deferred tensor, once, in parallel.
  void materialize(int64_t count);
};

}  // namespace detail

// Copying a TensorT shares its storage; clone() copies the elements.
template <class T>
class TensorT {
 public:
  TensorT() = default;
  explicit TensorT(const Shape& shape) : shape_(shape), storage_(std::make_shared<detail::Storage>()) {
    storage_->memory = allocate_aligned(size_t(shape.size()) * sizeof(T));
  }
  TensorT(const Shape& shape, T value) : TensorT(shape) { fill(value); }
  TensorT(const Shape& shape, const std::vector<T>& values) : TensorT(shape) {
    BITLOOM_CHECK(int64_t(values.size()) == size(), "tensor: ", values.size(), " values given for shape ", shape);
    for (int64_t i = 0; i < size(); ++i) data()[i] = values[size_t(i)];
  }
  // Elements that are computed when they are read; all of them, to stay, by data().
  TensorT(const Shape& shape, std::unique_ptr<const Deferred> source)
      : shape_(shape), storage_(std::make_shared<detail::Storage>()) {
    static_assert(std::is_same_v<T, float>);
    storage_->source = std::move(source);
    storage_->row = shape.back();
  }

  bool defined() const { return storage_ != nullptr; }
  // No other tensor shares this storage.
  bool unique() const { return storage_.use_count() == 1; }
  const Shape& shape() const { return shape_; }
  int64_t size() const { return defined() ? shape_.size() : 0; }
  T* data() { return static_cast<T*>(memory()); }
  const T* data() const { return static_cast<const T*>(memory()); }
  T& operator[](int64_t i) { return data()[i]; }
  const T& operator[](int64_t i) const { return data()[i]; }

  // Null unless the tensor was made from it.
  const Deferred* source() const { return storage_ ? storage_->source.get() : nullptr; }
  // `count` elements from `begin` on, both multiples of the last extent: in their place, or computed into memory that `reserve(count)` gives.
  template <class Reserve>
  const T* block(int64_t begin, int64_t count, Reserve reserve) const {
    if (!source() || storage_->computed) return data() + begin;
    T* to = reserve(count);
    source()->read(begin, count, to);
    return to;
  }

  // What the operation which wrote the elements found on the way, for the one that reads them next; empty if it found nothing. A convolution's output: mean and
  // variance of each channel. A gradient: the sums of the value's Deferred::backward(), which has been through it.
  const std::vector<float>& note() const { return storage_->note; }
  void set_note(std::vector<float> note) { storage_->note = std::move(note); }

  // How many operations on the tape read it: only the single reader of a value has all of its gradient.
  int readers() const { return storage_->readers; }
  void add_reader() { ++storage_->readers; }

  void fill(T value) {
    T* p = data();
    for (int64_t i = 0, n = size(); i < n; ++i) p[i] = value;
  }
  TensorT clone() const {
    TensorT copy(shape_);
    const T* from = data();
    std::copy(from, from + size(), copy.data());
    return copy;
  }
  // The same elements under another shape of equal size.
  TensorT reshape(const Shape& shape) const {
    BITLOOM_CHECK(shape.size() == shape_.size(), "tensor: cannot reshape ", shape_, " to ", shape);
    TensorT view = *this;
    view.shape_ = shape;
    return view;
  }

 private:
  void* memory() const {
    if (!storage_) return nullptr;
    if (storage_->source && !storage_->computed) storage_->materialize(shape_.size());
    return storage_->memory.get();
  }

  Shape shape_;
  std::shared_ptr<detail::Storage> storage_;
};

using Tensor = TensorT<float>;

}  // namespace bitloom
