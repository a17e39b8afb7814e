// State dictionaries: what is put is read back bit for bit, wherever it is stored, and nothing is read as something else.
#include "core/state_dict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/files.h"
#include "tests/support/gradcheck.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::same_bits;

StateDict module() {
  StateDict state;
  state.put("weight", Tensor(Shape{2, 3}, {1, 2, 3, 4, 5, -0.0f}));
  state.put("counts", std::vector<int64_t>{std::numeric_limits<int64_t>::min(), 7});
  state.put("third", 1.0 / 3);
  state.put("log", "a,b\n");
  return state;
}

void expect_module(const StateDict& state) {
  EXPECT_TRUE(same_bits(state.tensor("weight", Shape{2, 3}), Tensor(Shape{2, 3}, {1, 2, 3, 4, 5, -0.0f})));
  EXPECT_EQ(state.integers("counts", 2), (std::vector<int64_t>{std::numeric_limits<int64_t>::min(), 7}));
  EXPECT_EQ(state.number("third"), 1.0 / 3);
  EXPECT_EQ(state.text("log"), "a,b\n");
}

TEST(StateDictTest, PartsAreReadWhereverTheyAreStored) {
  testing::TempFolder folder;
  StateDict inner, outer;
  inner.put("b.", module());
  inner.put("b2", 2.0);
  outer.put("a.", inner);
  outer.put("", module());
  write_npz(folder / "s.npz", outer.arrays());
  const StateDict read(read_npz(folder / "s.npz"), folder / "s.npz");
  EXPECT_EQ(read.arrays().size(), 9u);
  expect_module(read);
  expect_module(read.part("a.").part("b."));
  EXPECT_EQ(read.part("a.b.").arrays().size(), 4u) << "b2 is not part of b.";
  EXPECT_TRUE(read.part("c.").empty());
  EXPECT_TRUE(read.has("a.b2") && !read.has("b2"));
}

TEST(StateDictTest, NothingIsOverwritten) {
  StateDict state;
  state.put("a.", module());
  EXPECT_EQ(error_of([&] { state.put("a.", module()); }), "array 'a.counts' is put twice; names of what is saved must differ");
  EXPECT_EQ(error_of([&] { state.put("a.log", 1.0); }), "array 'a.log' is put twice; names of what is saved must differ");
}

TEST(StateDictTest, ExtentsOfOneMayBeMissing) {
  StateDict state;
  state.put("w", Tensor(Shape{4, 3}, 2.0f));
  state.put("scalar", Tensor(Shape(), 5.0f));
  EXPECT_EQ(state.tensor("w", Shape{4, 1, 1, 3}).shape(), (Shape{4, 1, 1, 3}));
  EXPECT_EQ(state.tensor("scalar", Shape{1})[0], 5);
  EXPECT_EQ(state.tensor("w").shape(), (Shape{4, 3}));
  for (const Shape& other : {Shape{3, 4}, Shape{12}, Shape{4, 3, 2}, Shape{2, 2, 3}})
    EXPECT_NE(error_of([&] { state.tensor("w", other); }), "no error") << other;
}

TEST(StateDictTest, ErrorsNameFileKeyAndWhatWasFound) {
  StateDict inner = module();
  inner.put("nan", Tensor(Shape{2}, {1, std::nanf("")}));
  inner.put("inf", Tensor(Shape{1}, HUGE_VALF));
  StateDict whole;
  whole.put("a.", inner);
  const StateDict part = StateDict(whole.arrays(), "f.npz").part("a.");
  EXPECT_EQ(error_of([&] { part.tensor("bias", Shape{2}); }), "f.npz: array 'a.bias' is missing");
  EXPECT_EQ(error_of([&] { part.tensor("bias", Shape{2}, "not for me"); }), "f.npz: not for me: array 'a.bias' is missing");
  EXPECT_EQ(error_of([&] {
              part.tensor("weight", Shape{3, 2}, "not for me");
            }),
            "f.npz: not for me: array 'a.weight' has shape (2,3), expected (3,2)");
  EXPECT_EQ(error_of([&] { part.tensor("log"); }), "f.npz: array 'a.log': expected numbers, got dtype '|S4'");
  EXPECT_EQ(error_of([&] { part.integers("counts", 3); }), "f.npz: array 'a.counts' has 2 integers, expected 3");
  EXPECT_EQ(error_of([&] { part.integers("third", 1); }), "f.npz: array 'a.third': expected integers, got dtype '<f8'");
  EXPECT_EQ(error_of([&] { part.number("counts"); }),
            "f.npz: array 'a.counts' has dtype '<i8' and 16 bytes, expected one float64");
  EXPECT_EQ(error_of([&] { part.text("third"); }), "f.npz: array 'a.third' has dtype '<f8', expected text");
  EXPECT_TRUE(std::isnan(part.tensor("nan", Shape{2})[1]));
  EXPECT_EQ(error_of([&] { part.finite_tensor("nan", Shape{2}); }), "f.npz: array 'a.nan': element 1 is not a finite number");
  EXPECT_EQ(error_of([&] { part.finite_tensor("inf", Shape{1}); }), "f.npz: array 'a.inf': element 0 is not a finite number");
}

}  // namespace
}  // namespace bitloom
