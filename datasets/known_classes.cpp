// The names, in the order of their numbers.
#include "datasets/known_classes.h"

namespace bitloom {

std::vector<std::string> known_classes(const std::string& task, int64_t count) {
  std::vector<std::string> names;
  if (task == "cifar10") names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  // In the order of MLPerf Tiny (github.com/mlcommons/tiny, benchmark/training/keyword_spotting/keras_model.py).
  if (task == "kws") names = {"down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown"};
  return int64_t(names.size()) == count ? names : std::vector<std::string>();
}

}  // namespace bitloom
