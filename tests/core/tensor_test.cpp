// Tests of core/tensor: shapes, sharing, failure paths.
#include "core/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/files.h"

namespace bitloom {
namespace {

using testing::error_of;

TEST(Shape, KnowsItsExtents) {
  const Shape scalar, shape{2, 3, 4, 5}, empty{3, 0};
  EXPECT_EQ(scalar.size(), 1);
  EXPECT_EQ(scalar.back(), 1);
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape.size(), 120);
  EXPECT_EQ(shape[1], 3);
  EXPECT_EQ(shape.back(), 5);
  EXPECT_EQ(empty.size(), 0);
  EXPECT_EQ(shape.to_string(), "(2,3,4,5)");
  EXPECT_EQ(shape, Shape(std::vector<int64_t>{2, 3, 4, 5}));
  EXPECT_NE(shape, (Shape{2, 3, 20}));
  EXPECT_NE((Shape{2}), (Shape{2, 0}));
}

TEST(Shape, RefusesWhatCannotBe) {
  EXPECT_NE(error_of([] { Shape{1, 2, 3, 4, 5}; }).find("rank 5 is above 4"), std::string::npos);
  EXPECT_NE(error_of([] { Shape{3, -1}; }).find("extent -1"), std::string::npos);
  EXPECT_NE(error_of([] { Shape{int64_t(1) << 40, 1 << 20}; }).find("2^40"), std::string::npos);
  EXPECT_NE(error_of([] { Shape{INT64_MAX, INT64_MAX}; }), "");
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor a(Shape{2, 3}, 1.5f);
  Tensor shared = a, clone = a.clone();
  shared[4] = 7;
  EXPECT_EQ(a[4], 7);
  EXPECT_EQ(clone[4], 1.5f);
  EXPECT_EQ(a.reshape(Shape{6}).data(), a.data());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % 64, 0u);
}

TEST(Tensor, HoldsGivenValues) {
  const TensorT<int32_t> t(Shape{2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(t[3], 4);
  EXPECT_EQ(error_of([] { Tensor(Shape{2, 2}, {1, 2, 3}); }), "tensor: 3 values given for shape (2,2)");
  EXPECT_EQ(error_of([&] { t.reshape(Shape{3}); }), "tensor: cannot reshape (2,2) to (3)");
}

TEST(Tensor, UndefinedAndEmptyHaveNoElements) {
  EXPECT_FALSE(Tensor().defined());
  EXPECT_EQ(Tensor().size(), 0);
  const Tensor empty(Shape{0, 5});
  EXPECT_TRUE(empty.defined());
  EXPECT_EQ(empty.size(), 0);
  EXPECT_EQ(empty.clone().size(), 0);
}

TEST(Tensor, SaysWhenMemoryIsOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer ends the program instead of returning no memory";
#endif
  EXPECT_NE(error_of([] { allocate_aligned(size_t(1) << 62); }).find("out of memory"), std::string::npos);
}

}  // namespace
}  // namespace bitloom
