// Predictions of a test split as a file.
#include "nas/run/predictions.h"

#include <algorithm>

#include "core/error.h"
#include "core/npz.h"

namespace bitloom {
namespace {

// A byte a sample where that is enough.
NpyArray compact(const std::vector<int64_t>& values) {
  if (std::any_of(values.begin(), values.end(), [](int64_t v) { return v < 0 || v > 255; })) return NpyArray::from(values);
  return {"|u1", {int64_t(values.size())}, {values.begin(), values.end()}};
}

}  // namespace

Predictions predictions_of(const std::vector<double>& found, const TaskData& data) {
  BITLOOM_CHECK(data.task.kind == TaskKind::kClassification, "predictions are of classes; dataset '", data.task.name,
                "' has none");
  Predictions p;
  for (const double f : found) p.found.push_back(int64_t(f));
  p.labels.assign(data.test->labels().begin(), data.test->labels().end());
  p.test = digest(*data.test);
  return p;
}

void write_predictions(const std::string& path, const Predictions& p) {
  write_npz(path, {{"class", compact(p.found)}, {"label", compact(p.labels)}, {"test", NpyArray::from_text(p.test)}});
}

Predictions read_predictions(const std::string& path) {
  const NpzFile file(path);
  Predictions p;
  p.found = file.read("class").to_int64(path + ": array 'class'");
  p.labels = file.read("label").to_int64(path + ": array 'label'");
  p.test = file.read("test").to_text();
  BITLOOM_CHECK(!p.found.empty() && p.found.size() == p.labels.size(), path, ": ", p.found.size(), " classes and ",
                p.labels.size(), " labels, expected one of each a sample");
  return p;
}

}  // namespace bitloom
