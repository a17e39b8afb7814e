// Visual wake words (A. Chowdhery et al., arXiv 1906.05721) as MLPerf Tiny prepared them, or any folder of folders of pictures.
#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "datasets/jpeg.h"
#include "datasets/sources.h"

namespace bitloom {
namespace {

constexpr const char *kOfficial = "vw_coco2014_96", *kCocoPrefix = "COCO_";
constexpr size_t kMaxBytes = size_t(256) << 20;
constexpr int64_t kChannels = 3;

using Classes = std::map<std::string, std::vector<size_t>>;  // folder -> files

Classes classes_of(const ClassFolders& tree) {
  Classes classes;
  for (size_t i = 0; i < tree.files().size(); ++i) classes[class_folder(tree.files()[i])].push_back(i);
  BITLOOM_CHECK(classes.size() >= 2, tree.path(), ": holds pictures of one class, ", quote(classes.begin()->first),
                "; a folder for each of two at least is expected");
  for (const auto& [name, files] : classes)
    BITLOOM_CHECK(files.size() >= 3, tree.path(), ": class ", quote(name), " has ", files.size(),
                  files.size() == 1 ? " picture" : " pictures", "; three at least are expected, to train, validate and test");
  return classes;
}

bool is_official(const ClassFolders& tree) {
  return std::all_of(tree.files().begin(), tree.files().end(),
                     [](const std::string& file) { return base_name(file).rfind(kCocoPrefix, 0) == 0; });
}

std::vector<Split> splits_of(const ClassFolders& tree, const Classes& classes, const Fold& fold) {
  const bool official = is_official(tree) && fold.count == 0;
  std::vector<Split> splits(tree.files().size(), Split::kTrain);
  for (const auto& [name, files] : classes) {
    std::vector<size_t> order = files;
    const size_t tenth = std::max<size_t>(1, order.size() / 10);
    tree.sort_by_hash(order.begin() + std::ptrdiff_t(official ? tenth : 0), order.end());
    if (fold.count > 0)
      for (size_t i = 0; i < order.size(); ++i) splits[order[i]] = fold.split_of(int64_t(i) % fold.count);
    else
      for (size_t i = 0; i < 2 * tenth; ++i) splits[order[i]] = i < tenth ? Split::kTest : Split::kVal;
  }
  return splits;
}

Task task_of(const Classes& classes) {
  Task task;
  size_t least = std::numeric_limits<size_t>::max(), most = 0;
  for (const auto& [name, files] : classes) {
    task.label_names.push_back(name);
    least = std::min(least, files.size()), most = std::max(most, files.size());
  }
  task.classes = int64_t(classes.size());
  task.name = task.label_names == std::vector<std::string>{"non_person", "person"} ? "visual_wake_words" : "pictures";
  if (most > 2 * least) task.metric = &balanced_accuracy();
  // Those of MLPerf Tiny's reference training (github.com/mlcommons/tiny, benchmark/training/visual_wake_words/train_vww.py).
  task.augment.flip = true;
  task.augment.rotate_degrees = 10;
  task.augment.translate = 0.05;
  task.augment.zoom = 0.1;
  return task;
}

// Pixels of every file; what is wrong with it instead where it cannot be read.
struct Pictures {
  std::vector<uint8_t> codes;
  std::vector<std::string> problems;
};

Pictures read(const ClassFolders& tree, int64_t side, const LoadObserver& observer) {
  const size_t size = size_t(side * side * kChannels), count = tree.files().size();
  Pictures all{std::vector<uint8_t>(count * size), std::vector<std::string>(count)};
  std::vector<size_t> wanted;
  for (size_t i = 0; i < count; ++i) wanted.push_back(i);
  tree.read(
      wanted, kMaxBytes,
      [&](size_t i, const std::vector<uint8_t>& bytes) {
        try {
          const std::vector<uint8_t> pixels = parse_jpeg(bytes, side, side, tree.where(i));
          std::copy(pixels.begin(), pixels.end(), all.codes.begin() + std::ptrdiff_t(i * size));
        } catch (const Error& error) {
          all.problems[i] = error.what();
        }
      },
      observer);
  return all;
}

}  // namespace

TaskData load_pictures(const std::string& path, const PictureOptions& options, const LoadObserver& observer) {
  const ClassFolders tree(published_in(path, kOfficial), {".jpg", ".jpeg"});
  const Classes classes = classes_of(tree);
  for (const auto& [name, files] : classes)
    BITLOOM_CHECK(int64_t(files.size()) >= options.fold.count, tree.path(), ": class ", quote(name), " has ", files.size(),
                  " pictures, too few for ", options.fold.count, " folds");
  const std::vector<Split> splits = splits_of(tree, classes, options.fold);
  const Pictures all = read(tree, options.side, observer);
  std::vector<std::string> skipped;
  for (const std::string& problem : all.problems)
    if (!problem.empty()) skipped.push_back(problem);
  BITLOOM_CHECK(skipped.empty() || options.skip_bad, skipped.front(), " (", skipped.size(), " of ", all.problems.size(),
                " pictures cannot be read; --skip-bad leaves them out)");

  Samples parts[3];
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
    Samples& part = parts[size_t(split)];
    part.name = tree.path() + " " + kSplitNames[size_t(split)];
    part.h = part.w = options.side, part.c = kChannels;
    part.scale = 1.0f / 255;
    int32_t label = 0;
    for (const auto& [name, files] : classes) {
      for (const size_t file : files) {
        if (splits[file] != split || !all.problems[file].empty()) continue;
        const auto pixels = all.codes.begin() + int64_t(file) * part.sample_size();
        part.codes.insert(part.codes.end(), pixels, pixels + part.sample_size());
        part.labels.push_back(label);
      }
      ++label;
    }
  }
  TaskData data = make_task(task_of(classes), std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
  data.skipped = std::move(skipped);
  return data;
}

}  // namespace bitloom
