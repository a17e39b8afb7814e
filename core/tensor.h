// Dense tensors: a shape by value and a shared handle to contiguous, 64-byte aligned storage.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
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

// Copying a TensorT shares its storage; clone() copies the elements.
template <class T>
class TensorT {
 public:
  TensorT() = default;
  explicit TensorT(const Shape& shape) : shape_(shape), data_(allocate_aligned(size_t(shape.size()) * sizeof(T))) {}
  TensorT(const Shape& shape, T value) : TensorT(shape) { fill(value); }
  TensorT(const Shape& shape, const std::vector<T>& values) : TensorT(shape) {
    BITLOOM_CHECK(int64_t(values.size()) == size(), "tensor: ", values.size(), " values given for shape ", shape);
    for (int64_t i = 0; i < size(); ++i) data()[i] = values[size_t(i)];
  }

  bool defined() const { return data_ != nullptr; }
  // No other tensor shares this storage.
  bool unique() const { return data_.use_count() == 1; }
  const Shape& shape() const { return shape_; }
  int64_t size() const { return defined() ? shape_.size() : 0; }
  T* data() { return static_cast<T*>(data_.get()); }
  const T* data() const { return static_cast<const T*>(data_.get()); }
  T& operator[](int64_t i) { return data()[i]; }
  const T& operator[](int64_t i) const { return data()[i]; }

  void fill(T value) {
    T* p = data();
    for (int64_t i = 0, n = size(); i < n; ++i) p[i] = value;
  }
  TensorT clone() const {
    TensorT copy(shape_);
    for (int64_t i = 0, n = size(); i < n; ++i) copy.data()[i] = data()[i];
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
  Shape shape_;
  std::shared_ptr<void> data_;
};

using Tensor = TensorT<float>;

}  // namespace bitloom
