// The data and the model of a run.
#include "nas/run/task.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>

#include "core/ends_with.h"
#include "core/io.h"
#include "datasets/archive.h"
#include "datasets/sources.h"
#include "nn/model_file.h"
#include "nn/models/models.h"

namespace bitloom {
namespace {

// "none", "default", or a comma-separated list such as "flip,crop=4,rotate=15,translate=0.1".
Augment parse_augment(const std::string& text, const Augment& standard) {
  if (text == "default") return standard;
  Augment a;
  if (text == "none") return a;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    const size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    double value = name == "flip" ? 0 : -1;
    if (equals != std::string::npos) {
      char* end = nullptr;
      value = std::strtod(item.c_str() + equals + 1, &end);
      if (*end != '\0' || equals + 1 == item.size()) value = -1;
    }
    BITLOOM_CHECK(value >= 0 && value <= (name == "zoom" ? 0.9 : 360), "--augment: '", item, "' has no valid number");
    if (name == "flip")
      a.flip = true;
    else if (name == "crop")
      a.crop_padding = int64_t(value);
    else if (name == "rotate")
      a.rotate_degrees = value;
    else if (name == "translate")
      a.translate = value;
    else if (name == "zoom")
      a.zoom = value;
    else if (name == "shift")
      a.shift_ms = value;
    else if (name == "noise")
      a.noise = value;
    else if (name == "speed")
      a.speed = value;
    else
      throw Error(str("--augment: unknown item '", name, "'; known: ", Augment::kImageItems, ", ", Augment::kSoundItems,
                      ", none, default"));
  }
  return a;
}

// "", or "K/N".
Fold parse_fold(const RunConfig& c) {
  if (c.fold.empty()) return {};
  Fold fold;
  const size_t slash = c.fold.find('/');
  if (slash != std::string::npos) {
    char *end = nullptr, *last = nullptr;
    fold.which = std::strtoll(c.fold.c_str(), &end, 10);
    fold.count = std::strtoll(c.fold.c_str() + slash + 1, &last, 10);
    if (end != c.fold.c_str() + slash || *last != '\0') fold.which = 0;
  }
  BITLOOM_CHECK(fold.count >= 3 && fold.count <= 100 && fold.which >= 1 && fold.which <= fold.count, "--fold ", quote(c.fold),
                ": expected K/N, such as 2/5, with N from 3 to 100 and K from 1 to N");
  BITLOOM_CHECK(c.task == Source::kKeywords || c.task == Source::kPictures, "--fold: data of task ", name_of(c.task),
                " are not parted; expected kws or vww");
  return fold;
}

bool is_npz(const std::string& path) { return ends_with(path, ".npz"); }

TaskData load(const RunConfig& c, const LoadObserver& observer) {
  const Fold fold = parse_fold(c);
  switch (c.task) {
    case Source::kSynthetic: return make_synthetic(c.seed);
    case Source::kCifar10: return load_cifar10(c.data);
    case Source::kNpz: return load_npz_task(c.data, c.seed);
    case Source::kMachineSounds: return is_npz(c.data) ? load_npz_task(c.data, c.seed) : load_machine_sounds(c.data, observer);
    case Source::kSyntheticKeywords: return make_synthetic_words(c.seed);
    case Source::kKeywords: return load_keywords(c.data, fold, observer);
    case Source::kSyntheticFigures: return make_synthetic_figures(c.seed);
    case Source::kSyntheticMachines: return make_synthetic_machines(c.seed);
    case Source::kPictures: return load_pictures(c.data, {c.image_size, c.skip_bad, fold}, observer);
  }
  return {};
}

// What a folder or an archive holds, by the first file of data below it: sounds of machines, words, pictures, or CIFAR-10.
Source source_of(const std::string& path) {
  namespace fs = std::filesystem;
  const auto known = [](const std::string& file) -> std::optional<Source> {
    if (ends_with(file, ".bin")) return Source::kCifar10;
    if (ends_with(file, ".jpg") || ends_with(file, ".JPG") || ends_with(file, ".jpeg")) return Source::kPictures;
    if (!ends_with(file, ".wav")) return {};
    const bool machine = file.compare(0, 10, "normal_id_") == 0 || file.compare(0, 11, "anomaly_id_") == 0;
    return machine ? Source::kMachineSounds : Source::kKeywords;
  };
  if (fs::is_directory(path)) {
    std::error_code ignored;
    for (const fs::directory_entry& folder : fs::directory_iterator(path, ignored)) {
      if (!folder.is_directory(ignored)) continue;
      for (const fs::directory_entry& file : fs::directory_iterator(folder.path(), ignored))
        if (const auto source = known(file.path().filename().string())) return *source;
    }
  } else if (fs::is_regular_file(path)) {  // of anything else, who reads it says what is wrong
    TarGzReader archive(path);
    while (archive.next())
      if (const auto source = known(archive.name().substr(archive.name().rfind('/') + 1))) return *source;
  }
  return Source::kCifar10;
}

}  // namespace

void settle_task(RunConfig& c) {
  if (is_npz(c.data) && c.task != Source::kMachineSounds)
    c.task = !file_exists(c.data) || has_labels(c.data) ? Source::kNpz : Source::kMachineSounds;
  else if (!c.data.empty() && c.task == Source::kSynthetic)
    c.task = source_of(c.data);
}

TaskData load_task(RunConfig& c, const LoadObserver& observer) {
  settle_task(c);
  BITLOOM_CHECK(built_in(c.task) || !c.data.empty(), "--task ", name_of(c.task),
                " needs --data PATH (`make data` downloads the official archives)");
  TaskData data = load(c, observer);
  if (!data.task.test_only) data.train->set_augment(parse_augment(c.augment, data.task.augment));
  if (c.metric != "default") {
    data.task.metric = &find_metric(c.metric);
    validate(data);
  }
  if (c.task == Source::kPictures && data.task.metric == &balanced_accuracy()) data.train->draw_classes_equally();
  return c.whole ? whole(data) : data;
}

namespace {

void check_kind(const std::string& model, TaskKind kind, const TaskData& data) {
  const bool reconstructs = kind == TaskKind::kReconstruction;
  BITLOOM_CHECK(kind == data.task.kind, "model ", model,
                reconstructs ? " learns without labels, but dataset '" : " needs labels, but dataset '", data.task.name,
                reconstructs ? "' has them" : "' has none");
}

ModelSpec model_from_file(const RunConfig& c, const TaskData& data) {
  ModelSpec spec = read_model_file(c.model).spec;
  if (has_own_weights(c.model))
    spec.kind = data.task.kind;
  else
    check_kind(c.model, spec.kind, data);
  const SampleFormat& f = data.train->format();
  const LayerSpec &in = spec.layers.front(), &last = spec.layers.back();
  BITLOOM_CHECK(in.h == f.h && in.w == f.w && in.c == f.c, c.model, ": reads ", in.h, "x", in.w, "x", in.c,
                " samples (height, width, channels), dataset '", data.task.name, "' has ", f.h, "x", f.w, "x", f.c);
  BITLOOM_CHECK(spec.kind == TaskKind::kReconstruction || last.c == data.task.classes, c.model, ": gives ", last.c,
                " outputs, dataset '", data.task.name, "' has ", data.task.classes, " classes");
  check_usable(spec);
  return with_width(std::move(spec), c.width);
}

}  // namespace

std::string model_name(const RunConfig& c) { return is_model_file(c.model) ? model_file_stem(c.model) : c.model; }

void settle_warmup(RunConfig& c) {
  if (c.quantize && c.warmup_file.empty() && has_own_weights(c.model)) c.warmup_file = c.model;
}

void load_start(Network& network, const std::string& path) {
  if (has_own_weights(path))
    network.load(read_model_file(path).weights);
  else
    load_weights(network, path);
}

ModelSpec make_model(const RunConfig& c, const TaskData& data) {
  if (is_model_file(c.model)) return model_from_file(c, data);
  const ModelEntry& model = find_model(c.model);
  const bool reconstructs = model.kind == TaskKind::kReconstruction;
  check_kind(c.model, model.kind, data);
  const SampleFormat& f = data.train->format();
  BITLOOM_CHECK(!reconstructs || (f.h == 1 && f.w == 1), "without labels, model ", c.model,
                " learns what is normal of vectors, but the samples of dataset '", data.task.name, "' are ", f.h, "x", f.w, "x",
                f.c, "; give y_train to tell classes, or x as (N,F)");
  return with_width(model.make(f.h, f.w, f.c, data.task.classes), c.width);
}

}  // namespace bitloom
