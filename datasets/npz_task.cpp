// A user's own task from an .npz of numpy arrays.
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/npz.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

// Reads the arrays of one file and names them in messages.
class TaskFile {
 public:
  explicit TaskFile(const std::string& path) : path_(path), arrays_(read_npz(path)) {
    for (const auto& item : arrays_) {
      static const char* const kKnown[] = {"x_train", "y_train", "x_val", "y_val", "x_test", "y_test"};
      const std::string& key = item.first;
      const bool ours = key.compare(0, 2, "x_") == 0 || key.compare(0, 2, "y_") == 0;
      BITLOOM_CHECK(!ours || std::find(std::begin(kKnown), std::end(kKnown), key) != std::end(kKnown), path_,
                    ": unknown array '", key, "'; the parts are train, val (optional) and test");
    }
  }

  bool has(const std::string& key) const { return arrays_.count(key) > 0; }

  // The samples and labels of one part ("train", "val", "test"), which must look like those of `train` if that is given.
  Dataset part(const std::string& name, const Dataset* train) {
    Dataset data = samples("x_" + name);
    const std::string labels = "y_" + name;
    const bool labelled = train ? train->classes > 0 : has(labels);
    if (labelled) read_labels(labels, train, data);
    BITLOOM_CHECK(labelled || !has(labels), path_, ": ", labels,
                  " is there but y_train is not; give both, or neither (autoencoder)");
    BITLOOM_CHECK(!train || (data.h == train->h && data.w == train->w && data.c == train->c &&
                             data.codes.empty() == train->codes.empty()),
                  path_, ": samples of x_", name, " differ from those of x_train in shape or dtype: ", describe(data), " and ",
                  describe(*train));
    validate(data);
    return data;
  }

 private:
  const NpyArray& array(const std::string& key) const {
    const auto found = arrays_.find(key);
    if (found != arrays_.end()) return found->second;
    std::string names;
    for (const auto& item : arrays_) names += (names.empty() ? "" : ", ") + item.first;
    throw Error(str(path_, ": no array '", key, "'; the file holds ", names.empty() ? "nothing" : names));
  }

  static std::string describe(const Dataset& data) {
    return str("(", data.h, ",", data.w, ",", data.c, ") ", data.codes.empty() ? "float32" : "uint8");
  }

  Dataset samples(const std::string& key) const {
    const NpyArray& x = array(key);
    const std::vector<int64_t>& shape = x.shape;
    BITLOOM_CHECK(shape.size() >= 2 && shape.size() <= 4, path_, ": ", key, " has rank ", shape.size(),
                  ", expected (N,H,W,C), (N,H,W) or (N,F)");
    BITLOOM_CHECK(shape[0] > 0, path_, ": ", key, " holds no samples");
    Dataset data;
    data.name = str(path_, ": ", key);
    data.count = shape[0];
    data.h = shape.size() == 2 ? 1 : shape[1];
    data.w = shape.size() == 2 ? 1 : shape[2];
    data.c = shape.size() == 3 ? 1 : shape.back();
    if (x.dtype == "|u1") {
      data.codes = x.bytes;
      data.input_scale = 1.0f / 255;
    } else {
      BITLOOM_CHECK(x.dtype == "<f4", path_, ": ", key, " has dtype '", x.dtype,
                    "', expected uint8 or float32; convert it with .astype(numpy.float32)");
      data.values.resize(x.bytes.size() / sizeof(float));
      if (!data.values.empty()) std::memcpy(data.values.data(), x.bytes.data(), x.bytes.size());
    }
    return data;
  }

  void read_labels(const std::string& key, const Dataset* train, Dataset& data) const {
    const NpyArray& y = array(key);
    BITLOOM_CHECK(y.shape == std::vector<int64_t>{data.count}, path_, ": ", key, " must have shape (", data.count,
                  "), one integer for each sample");
    const std::vector<int64_t> labels = y.to_int64(path_ + ": " + key);
    // Without this bound a stray value would ask for a classifier of its size.
    const int64_t limit = train ? train->classes : data.count;
    for (size_t i = 0; i < labels.size(); ++i)
      BITLOOM_CHECK(labels[i] >= 0 && labels[i] < limit, path_, ": ", key, "[", i, "] is ", labels[i], ", expected 0 .. ",
                    limit - 1, train ? " as in y_train" : " (less than the number of samples)");
    data.labels.assign(labels.begin(), labels.end());
    data.classes = train ? limit : *std::max_element(labels.begin(), labels.end()) + 1;
    BITLOOM_CHECK(data.classes >= 2, path_, ": ", key, " holds fewer than two classes");
  }

  const std::string path_;
  const Npz arrays_;
};

}  // namespace

TaskData load_npz_task(const std::string& path, uint64_t seed) {
  TaskFile file(path);
  TaskData task;
  task.name = "npz";
  task.train = file.part("train", nullptr);
  task.test = file.part("test", &task.train);
  if (file.has("x_val")) {
    task.val = file.part("val", &task.train);
  } else {
    BITLOOM_CHECK(!file.has("y_val"), path, ": y_val is there but x_val is not");
    task.val = split_off(task.train, std::max<int64_t>(1, task.train.size() / 10), Rng(seed).split("validation"));
  }
  return task;
}

}  // namespace bitloom
