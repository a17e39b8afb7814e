// Tests of datasets/npz_task: every accepted form, and a message for everything else.
#include <gtest/gtest.h>

#include <limits>

#include "core/npz.h"
#include "core/zip.h"
#include "datasets/sources.h"
#include "tests/support/files.h"
#include "tests/support/tiny_task.h"

namespace bitloom {
namespace {

using testing::error_of;
using testing::samples_of;
using testing::TempFolder;

NpyArray bytes_array(std::vector<int64_t> shape) {
  NpyArray array{"|u1", std::move(shape), {}};
  for (int64_t i = 0; i < array.size(); ++i) array.bytes.push_back(uint8_t(i % 251));
  return array;
}

NpyArray float_array(const Shape& shape) {
  Tensor values(shape);
  for (int64_t i = 0; i < values.size(); ++i) values[i] = float(i) / 8;
  return NpyArray::from(values);
}

NpyArray label_array(int64_t count, int64_t classes) {
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(i % classes);
  return NpyArray::from(labels);
}

class NpzTask : public ::testing::Test {
 protected:
  TaskData load() {
    write_npz(path_, arrays_);
    return load_npz_task(path_, 1);
  }
  // The message of loading the file after `damage`.
  template <class F>
  std::string error_after(F damage) {
    const Npz before = arrays_;
    damage(arrays_);
    const std::string message = error_of([&] { load(); });
    arrays_ = before;
    EXPECT_TRUE(message.empty() || message.find(path_) == 0) << message;
    return message;
  }

  const TempFolder folder_;
  const std::string path_ = folder_ / "task.npz";
  Npz arrays_ = {{"x_train", bytes_array({40, 4, 5, 3})},
                 {"y_train", label_array(40, 4)},
                 {"x_test", bytes_array({8, 4, 5, 3})},
                 {"y_test", label_array(8, 4)}};
};

TEST_F(NpzTask, SplitsATenthOffForValidation) {
  const TaskData task = load();
  EXPECT_EQ(task.task.name, "npz");
  EXPECT_EQ(task.train->size(), 36);
  EXPECT_EQ(task.val->size(), 4);
  EXPECT_EQ(task.test->size(), 8);
  EXPECT_EQ(task.task.classes, 4);
  EXPECT_EQ(task.train->format().h, 4);
  EXPECT_EQ(task.train->format().w, 5);
  EXPECT_EQ(task.train->format().c, 3);
  EXPECT_FLOAT_EQ(task.train->format().scale, 1.0f / 255);
  EXPECT_EQ(samples_of(task.test).codes, arrays_.at("x_test").bytes);
  EXPECT_FALSE(task.task.augment.any());
}

TEST_F(NpzTask, UsesTheValidationPartGiven) {
  arrays_["x_val"] = bytes_array({6, 4, 5, 3});
  arrays_["y_val"] = label_array(6, 3);
  const TaskData task = load();
  EXPECT_EQ(task.train->size(), 40);
  EXPECT_EQ(task.val->size(), 6);
  EXPECT_EQ(task.task.classes, 4) << "the classes are those of y_train";
}

TEST_F(NpzTask, TakesMapsVectorsAndFloats) {
  arrays_["x_train"] = float_array(Shape{40, 4, 5});
  arrays_["x_test"] = float_array(Shape{8, 4, 5});
  TaskData task = load();
  EXPECT_EQ(task.test->format().h, 4);
  EXPECT_EQ(task.test->format().w, 5);
  EXPECT_EQ(task.test->format().c, 1);
  EXPECT_EQ(samples_of(task.test).values[5], 5.0f / 8);
  EXPECT_EQ(task.test->format().scale, 1);
  arrays_["x_train"] = float_array(Shape{40, 20});
  arrays_["x_test"] = float_array(Shape{8, 20});
  task = load();
  EXPECT_EQ(task.test->format().h, 1);
  EXPECT_EQ(task.test->format().w, 1);
  EXPECT_EQ(task.test->format().c, 20);
}

TEST_F(NpzTask, WithoutTrainingLabelsTheTaskIsToReconstruct) {
  arrays_.erase("y_train");
  TaskData task = load();  // y_test says which samples are anomalous
  EXPECT_EQ(task.task.kind, TaskKind::kReconstruction);
  EXPECT_EQ(task.task.metric, &roc_auc());
  EXPECT_TRUE(task.val->labels().empty());
  EXPECT_EQ(task.test->labels().size(), 8u);
  arrays_["machine_id_train"] = label_array(40, 3);
  arrays_["machine_id_test"] = label_array(8, 2);
  arrays_["y_test"] = NpyArray::from(std::vector<int64_t>{0, 0, 0, 0, 1, 1, 1, 1});
  task = load();
  EXPECT_EQ(task.train->groups().size(), 36u);
  EXPECT_EQ(task.val->groups().size(), 4u);
  EXPECT_EQ(task.test->groups(), (std::vector<int32_t>{0, 1, 0, 1, 0, 1, 0, 1}));
  arrays_.erase("y_test");
  EXPECT_EQ(load().task.metric, &mean_squared_error());
}

template <class T>
NpyArray array_of(const char* dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  NpyArray array{dtype, std::move(shape), {}};
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(values.data());
  array.bytes.assign(bytes, bytes + values.size() * sizeof(T));
  return array;
}

// As numpy, Keras, pandas and PyTorch give them.
TEST_F(NpzTask, TakesLabelsOfAnyWholeNumbers) {
  const std::vector<int32_t> expected = load().test->labels();
  arrays_["y_test"].shape = {8, 1};
  EXPECT_EQ(load().test->labels(), expected);
  arrays_["y_test"] = array_of("<u8", {8}, std::vector<uint64_t>(expected.begin(), expected.end()));
  EXPECT_EQ(load().test->labels(), expected);
  arrays_["y_test"] = array_of("<f4", {8, 1}, std::vector<float>(expected.begin(), expected.end()));
  EXPECT_EQ(load().test->labels(), expected);
  arrays_["y_test"] = array_of("<f8", {8}, std::vector<double>(expected.begin(), expected.end()));
  EXPECT_EQ(load().test->labels(), expected);
  arrays_["y_test"] = array_of("|b1", {8}, std::vector<uint8_t>{0, 1, 0, 1, 1, 1, 0, 0});
  EXPECT_EQ(load().test->labels(), (std::vector<int32_t>{0, 1, 0, 1, 1, 1, 0, 0}));
}

TEST_F(NpzTask, LeavesOtherArraysAlone) {
  const std::string stored = digest(load());
  arrays_["x_mean"] = float_array(Shape{3});
  arrays_["y_names"] = NpyArray::from_text("cat");
  arrays_["version"] = NpyArray::from(std::vector<int64_t>{1});
  EXPECT_EQ(digest(load()), stored);
}

TEST_F(NpzTask, NamesWhatIsWrong) {
  const std::pair<const char*, void (*)(Npz&)> damages[] = {
      {"no array 'x_train'; the file holds x_test, y_test, y_train", [](Npz& z) { z.erase("x_train"); }},
      {"no array 'x_test'", [](Npz& z) { z.erase("x_test"); }},
      {"no array 'y_test'", [](Npz& z) { z.erase("y_test"); }},
      {"y_val is there but x_val is not", [](Npz& z) { z["y_val"] = label_array(4, 4); }},
      {"no array 'y_val'",
       [](Npz& z) {
         z["x_val"] = bytes_array({4, 4, 5, 3});
       }},
      {"unknown array 'x_valid'; the validation part is x_val",
       [](Npz& z) {
         z["x_valid"] = bytes_array({4, 4, 5, 3});
       }},
      {"x_train has rank 1", [](Npz& z) { z["x_train"] = bytes_array({40}); }},
      {"x_train holds no samples",
       [](Npz& z) {
         z["x_train"] = bytes_array({0, 4, 5, 3});
       }},
      {"x_train has shape (40,4,0,3); every extent must be positive",
       [](Npz& z) {
         z["x_train"] = bytes_array({40, 4, 0, 3});
       }},
      {"x_train has dtype '<i8', expected uint8 or float32",
       [](Npz& z) {
         z["x_train"] = label_array(40, 4), z["x_train"].shape = {40, 1};
       }},
      {"y_train has shape (39), expected (40), one number for each sample", [](Npz& z) { z["y_train"] = label_array(39, 4); }},
      {"y_train[1] is 0.125, expected whole numbers", [](Npz& z) { z["y_train"] = float_array(Shape{40}); }},
      {"y_train has shape (40,3); use y.argmax(1) to make one label of each one-hot row",
       [](Npz& z) {
         z["y_train"] = float_array(Shape{40, 3});
       }},
      {"y_train[2] is 9.22337e+18, expected whole numbers",
       [](Npz& z) {
         std::vector<uint64_t> y(40);
         y[2] = uint64_t(1) << 63;
         z["y_train"] = array_of("<u8", {40}, y);
       }},
      {"y_train: labels are text; use numpy.unique(y, return_inverse=True)[1]",
       [](Npz& z) { z["y_train"] = array_of("<U3", {40}, std::vector<uint8_t>(480)); }},
      {"machine_id_test has shape (7), expected (8)", [](Npz& z) { z["machine_id_test"] = label_array(7, 2); }},
      {"x_train has shape (40,3,32,32), which looks like (N,C,H,W); the channels come last: use x.transpose(0,2,3,1)",
       [](Npz& z) {
         z["x_train"] = bytes_array({40, 3, 32, 32});
       }},
      {"y_train[3] is 1000000, expected 0 .. 39",
       [](Npz& z) {
         std::vector<int64_t> y(40);
         y[3] = 1000000;
         z["y_train"] = NpyArray::from(y);
       }},
      {"y_test[7] is -1, expected 0 .. 3",
       [](Npz& z) {
         std::vector<int64_t> y(8);
         y[7] = -1;
         z["y_test"] = NpyArray::from(y);
       }},
      {"y_test[4] is 4, expected 0 .. 3 as in y_train", [](Npz& z) { z["y_test"] = label_array(8, 5); }},
      {"fewer than two classes", [](Npz& z) { z["y_train"] = label_array(40, 1); }},
      {"differ from those of x_train in shape or dtype: (4,4,3) uint8 and (4,5,3) uint8",
       [](Npz& z) {
         z["x_test"] = bytes_array({8, 4, 4, 3});
       }},
      {"(4,5,3) float32 and (4,5,3) uint8", [](Npz& z) {
         z["x_test"] = float_array(Shape{8, 4, 5, 3});
       }}};
  for (const auto& [reason, damage] : damages) {
    const std::string message = error_after(damage);
    EXPECT_NE(message.find(reason), std::string::npos) << "expected '" << reason << "', got '" << message << "'";
  }
  Tensor values(Shape{8, 60}, 0.5f);
  values[130] = std::numeric_limits<float>::quiet_NaN();
  arrays_["x_train"] = float_array(Shape{40, 60});
  arrays_["x_test"] = NpyArray::from(values);
  EXPECT_EQ(error_of([&] { load(); }), path_ + ": x_test: element 10 of sample 2 is nan; values must be finite");
}

TEST_F(NpzTask, XAloneIsATestSet) {
  arrays_ = {{"x", {"|i1", {3, 2, 2}, {0, 1, 2, 3, 255, 254, 128, 127, 0, 0, 0, 0}}},
             {"y", label_array(3, 2)},
             {"classes", {"|S3", {4}, {'y', 'e', 's', 'n', 'o', 0, 'u', 'p', 0, 'g', 'o', 0}}},
             {"input_scale", NpyArray::from(Tensor(Shape{1}, 0.5f))},
             {"input_zero_point", NpyArray::from(std::vector<int64_t>{-2})}};
  const TaskData data = load();
  EXPECT_TRUE(data.task.test_only);
  EXPECT_EQ(data.task.label_names, (std::vector<std::string>{"yes", "no", "up", "go"}));
  EXPECT_EQ(data.test->labels(), (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(samples_of(data.test).values, (std::vector<float>{1, 1.5, 2, 2.5, 0.5, 0, -63, 64.5, 1, 1, 1, 1}));
  EXPECT_NE(error_after([](Npz& z) { z.erase("input_scale"); }).find("x has dtype '|i1', expected uint8 or float32"),
            std::string::npos);
  EXPECT_NE(error_after([](Npz& z) {
              z["classes"] = {"|S12", {1}, z["classes"].bytes};
            }).find("classes has shape (1)"),
            std::string::npos);
  EXPECT_NE(error_after([](Npz& z) {
              z["y"] = NpyArray::from(std::vector<int64_t>{0, 4, 0});
            }).find("y[1] is 4, expected 0 .. 3"),
            std::string::npos);
  arrays_.erase("classes");
  EXPECT_EQ(load().task.classes, 2);
  arrays_.erase("y");
  EXPECT_EQ(load().task.kind, TaskKind::kReconstruction);
}

// A zipped folder of arrays, with what a Mac and its owner left beside them.
TEST_F(NpzTask, OtherEntriesOfTheArchiveDoNotMatter) {
  write_npz(path_, arrays_);
  ZipContents contents;
  for (const auto& [name, bytes] : read_zip(path_)) contents["mine/" + name] = bytes;
  const std::string header = "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
                    object = std::string("\x93NUMPY\1\0", 8) + char(header.size()) + '\0' + header + "\x80\x04N.";
  contents["mine/meta.npy"] = {object.begin(), object.end()};
  contents["mine/x_mean.npy"] = contents.at("mine/y_test.npy");
  contents["mine/"] = {};
  contents["README.txt"] = {'h', 'i'};
  contents["__MACOSX/mine/._x_train.npy"] = contents["mine/._x_train.npy"] = {0, 5, 22, 7};
  write_zip(path_, contents, Compression::kDeflated);
  const TaskData apart = load_npz_task(path_, 1), plain = load();
  EXPECT_EQ(digest(apart), digest(plain));
}

}  // namespace
}  // namespace bitloom
