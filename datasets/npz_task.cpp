// A user's own task from an .npz of numpy arrays.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/npz.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

// "(60,3)"
std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (int64_t extent : shape) text += (text.empty() ? "" : ",") + std::to_string(extent);
  return "(" + text + ")";
}

template <class T>
std::vector<T> elements(const NpyArray& array) {
  std::vector<T> values(array.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), values.size() * sizeof(T));
  return values;
}

// Reads the arrays of one file and names them in messages. Arrays of other names are the user's own affair.
class TaskFile {
 public:
  explicit TaskFile(const std::string& path) : path_(path), file_(path) {
    for (const std::string& key : file_.keys())
      for (const char* own : {"x_val", "y_val"})
        BITLOOM_CHECK(key == own || key.rfind(own, 0) != 0, path_, ": unknown array ", quote(key), "; the validation part is ",
                      own);
  }

  bool has(const std::string& key) const { return file_.has(key); }

  // One part ("_train", "_val", "_test", or "" of a test set) of samples with labels and groups where they are.
  Samples part(const std::string& name, bool labelled) const {
    Samples data = samples("x" + name);
    if (labelled) data.labels = numbers("y" + name, data.size());
    const std::string groups = "machine_id" + name;
    if (has(groups)) data.groups = numbers(groups, data.size());
    return data;
  }

  // The names of the classes of a test set, as many as there are; without names, by the largest label.
  std::vector<std::string> class_names(const Samples& test) const {
    std::vector<std::string> names;
    if (has("classes")) {
      const NpyArray all = file_.read("classes");
      const size_t count = all.shape.size() == 1 ? size_t(all.shape[0]) : 0;
      BITLOOM_CHECK(count >= 2 && all.dtype.compare(0, 2, "|S") == 0, path_, ": classes has shape ", shape_text(all.shape),
                    " and dtype ", quote(all.dtype), ", expected two names at least, as bytes");
      const size_t width = all.bytes.size() / count;
      for (size_t i = 0; i < count; ++i) {
        const auto begin = all.bytes.begin() + std::ptrdiff_t(i * width);
        names.emplace_back(begin, std::find(begin, begin + std::ptrdiff_t(width), uint8_t(0)));
      }
    } else {
      check_labels("y", test, test.size(), " (less than the number of samples)");
      const int32_t largest = *std::max_element(test.labels.begin(), test.labels.end());
      for (int32_t i = 0; i <= largest; ++i) names.push_back(std::to_string(i));
    }
    check_labels("y", test, int64_t(names.size()), "");
    return names;
  }

  void expect_like(const Samples& part, const Samples& train) const {
    BITLOOM_CHECK(part.h == train.h && part.w == train.w && part.c == train.c && part.codes.empty() == train.codes.empty(),
                  part.name, ": samples differ from those of x_train in shape or dtype: ", describe(part), " and ",
                  describe(train));
  }

  // The number of classes that y_train speaks of; y_test and y_val must keep to it.
  int64_t classes(const Samples& train, const Samples& val, const Samples& test) const {
    // Without the first bound a stray value would ask for a classifier of its size.
    check_labels("y_train", train, train.size(), " (less than the number of samples)");
    const int64_t count = *std::max_element(train.labels.begin(), train.labels.end()) + 1;
    BITLOOM_CHECK(count >= 2, path_, ": y_train holds fewer than two classes");
    check_labels("y_val", val, count, " as in y_train");
    check_labels("y_test", test, count, " as in y_train");
    return count;
  }

 private:
  static std::string describe(const Samples& data) {
    return str("(", data.h, ",", data.w, ",", data.c, ") ", data.codes.empty() ? "float32" : "uint8");
  }

  void check_labels(const char* key, const Samples& data, int64_t limit, const char* reason) const {
    for (size_t i = 0; i < data.labels.size(); ++i)
      BITLOOM_CHECK(data.labels[i] >= 0 && data.labels[i] < limit, path_, ": ", key, "[", i, "] is ", data.labels[i],
                    ", expected 0 .. ", limit - 1, reason);
  }

  Samples samples(const std::string& key) const {
    NpyArray x = file_.read(key);
    const std::vector<int64_t>& shape = x.shape;
    BITLOOM_CHECK(shape.size() >= 2 && shape.size() <= 4, path_, ": ", key, " has rank ", shape.size(),
                  ", expected (N,H,W,C), (N,H,W) or (N,F)");
    BITLOOM_CHECK(shape[0] > 0, path_, ": ", key, " holds no samples");
    BITLOOM_CHECK(x.size() > 0, path_, ": ", key, " has shape ", shape_text(shape), "; every extent must be positive");
    // Images of PyTorch: one or three planes of something larger.
    BITLOOM_CHECK(shape.size() != 4 || (shape[1] != 1 && shape[1] != 3) || shape[3] <= 4 || shape[2] <= 4, path_, ": ", key,
                  " has shape ", shape_text(shape),
                  ", which looks like (N,C,H,W); the channels come last: use x.transpose(0,2,3,1)");
    Samples data;
    data.name = str(path_, ": ", key);
    data.h = shape.size() == 2 ? 1 : shape[1];
    data.w = shape.size() == 2 ? 1 : shape[2];
    data.c = shape.size() == 3 ? 1 : shape.back();
    if (x.dtype == "|u1") {
      data.codes = std::move(x.bytes);
      data.scale = 1.0f / 255;
    } else if (x.dtype == "|i1" && has("input_scale") && has("input_zero_point")) {
      const float scale = file_.read("input_scale").to_float("input_scale")[0],
                  zero = file_.read("input_zero_point").to_float("input_zero_point")[0];
      for (const uint8_t byte : x.bytes) data.values.push_back((float(int8_t(byte)) - zero) * scale);
    } else {
      BITLOOM_CHECK(x.dtype == "<f4", path_, ": ", key, " has dtype ", quote(x.dtype),
                    ", expected uint8 or float32; convert it with .astype(numpy.float32)");
      data.values = elements<float>(x);
    }
    return data;
  }

  // One whole number for each sample: (N), or (N,1) as Keras gives labels.
  std::vector<int32_t> numbers(const std::string& key, int64_t count) const {
    const NpyArray y = file_.read(key);
    const bool column = y.shape.size() == 2 && y.shape[1] == 1;
    BITLOOM_CHECK(y.shape.size() != 2 || column, path_, ": ", key, " has shape ", shape_text(y.shape),
                  "; use y.argmax(1) to make one label of each one-hot row");
    BITLOOM_CHECK((y.shape.size() == 1 || column) && y.shape[0] == count, path_, ": ", key, " has shape ", shape_text(y.shape),
                  ", expected (", count, "), one number for each sample");
    const std::string what = path_ + ": " + key;
    std::vector<double> values;
    if (y.dtype == "<f4") {
      for (float v : elements<float>(y)) values.push_back(double(v));
    } else if (y.dtype == "<f8") {
      values = elements<double>(y);
    } else if (y.dtype == "<u8") {
      for (uint64_t v : elements<uint64_t>(y)) values.push_back(double(v));
    } else if (y.dtype == "|b1") {
      for (uint8_t v : y.bytes) values.push_back(double(v));
    } else {
      BITLOOM_CHECK(y.dtype.find_first_of("US") == y.dtype.npos, what,
                    ": labels are text; use numpy.unique(y, return_inverse=True)[1]");
      for (int64_t v : y.to_int64(what)) values.push_back(double(v));
    }
    std::vector<int32_t> numbers;
    for (size_t i = 0; i < values.size(); ++i) {
      // Of doubles, so that no value of any type wraps around.
      BITLOOM_CHECK(values[i] == std::floor(values[i]) && std::fabs(values[i]) <= double(INT32_MAX), what, "[", i, "] is ",
                    values[i], ", expected whole numbers of 32 bits");
      numbers.push_back(int32_t(values[i]));
    }
    return numbers;
  }

  const std::string path_;
  const NpzFile file_;
};

// Nothing but x and y.
TaskData test_set(const TaskFile& file) {
  Samples test = file.part("", file.has("y"));
  Task task;
  task.name = "npz";
  task.test_only = true;
  if (test.labels.empty()) {
    task.kind = TaskKind::kReconstruction;
    task.metric = &mean_squared_error();
  } else {
    task.label_names = file.class_names(test);
    task.classes = int64_t(task.label_names.size());
  }
  TaskData data{std::move(task), nullptr, nullptr, std::make_shared<ArrayDataset>(std::move(test))};
  data.train = data.val = data.test;
  validate(data);
  return data;
}

}  // namespace

bool has_labels(const std::string& path) {
  const TaskFile file(path);
  return file.has("y_train") || (file.has("y") && !file.has("x_train"));
}

TaskData load_npz_task(const std::string& path, uint64_t seed) {
  const TaskFile file(path);
  if (file.has("x") && !file.has("x_train")) return test_set(file);
  const bool labelled = file.has("y_train");
  Samples train = file.part("_train", labelled), test = file.part("_test", labelled || file.has("y_test")), val;
  file.expect_like(test, train);
  if (file.has("x_val")) {
    val = file.part("_val", labelled);
    file.expect_like(val, train);
  } else {
    BITLOOM_CHECK(!file.has("y_val"), path, ": y_val is there but x_val is not");
    BITLOOM_CHECK(train.size() > 1, path, ": x_train holds one sample; a part of it must be left for validation");
  }

  Task task;
  task.name = "npz";
  if (labelled) {
    task.classes = file.classes(train, val, test);
  } else {
    task.kind = TaskKind::kReconstruction;
    task.metric = test.labels.empty() ? &mean_squared_error() : &roc_auc();
  }
  if (val.size() == 0) val = split_off(train, std::max<int64_t>(1, train.size() / 10), Rng(seed).split("validation"));
  return make_task(std::move(task), std::move(train), std::move(val), std::move(test));
}

}  // namespace bitloom
