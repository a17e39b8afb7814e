// The data and the model of a run.
#include "nas/run/task.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "datasets/archive.h"
#include "datasets/sources.h"
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
    BITLOOM_CHECK(value >= 0 && value <= 360, "--augment: '", item, "' has no valid number");
    if (name == "flip")
      a.flip = true;
    else if (name == "crop")
      a.crop_padding = int64_t(value);
    else if (name == "rotate")
      a.rotate_degrees = value;
    else if (name == "translate")
      a.translate = value;
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

TaskData load(const RunConfig& c, const LoadObserver& observer) {
  switch (c.task) {
    case Source::kSynthetic: return make_synthetic(c.seed);
    case Source::kCifar10: return load_cifar10(c.data);
    case Source::kNpz: return load_npz_task(c.data, c.seed);
    case Source::kKeywords: return load_keywords(c.data, observer);
  }
  return {};
}

// Whether there are .wav files in folders below `path`, or in the archive, whose first file of data decides.
bool holds_sound(const std::string& path) {
  namespace fs = std::filesystem;
  const auto is = [](const std::string& name, const std::string& tail) {
    return name.size() > tail.size() && name.substr(name.size() - tail.size()) == tail;
  };
  if (fs::is_directory(path)) {
    std::error_code ignored;
    for (const fs::directory_entry& folder : fs::directory_iterator(path, ignored)) {
      if (!folder.is_directory(ignored)) continue;
      for (const fs::directory_entry& file : fs::directory_iterator(folder.path(), ignored))
        if (is(file.path().string(), ".wav")) return true;
    }
    return false;
  }
  if (!fs::is_regular_file(path)) return false;  // what is wrong is said by who reads it
  TarGzReader archive(path);
  while (archive.next()) {
    if (is(archive.name(), ".wav")) return true;
    if (is(archive.name(), ".bin")) return false;
  }
  return false;
}

}  // namespace

void settle_task(RunConfig& c) {
  const auto ends_with = [&](const std::string& tail) {
    return c.data.size() > tail.size() && c.data.substr(c.data.size() - tail.size()) == tail;
  };
  if (ends_with(".npz"))
    c.task = Source::kNpz;
  else if (!c.data.empty() && c.task == Source::kSynthetic)
    c.task = holds_sound(c.data) ? Source::kKeywords : Source::kCifar10;
}

TaskData load_task(RunConfig& c, const LoadObserver& observer) {
  settle_task(c);
  BITLOOM_CHECK(c.task == Source::kSynthetic || !c.data.empty(), "--task ", name_of(c.task),
                " needs --data PATH (`make data` downloads the official archives)");
  TaskData data = load(c, observer);
  if (!data.task.test_only) data.train->set_augment(parse_augment(c.augment, data.task.augment));
  if (c.metric != "default") {
    data.task.metric = &find_metric(c.metric);
    validate(data);
  }
  return data;
}

ModelSpec make_model(const RunConfig& c, const TaskData& data) {
  const ModelEntry& model = find_model(c.model);
  const bool reconstructs = model.kind == TaskKind::kReconstruction;
  BITLOOM_CHECK(model.kind == data.task.kind, "model ", c.model,
                reconstructs ? " learns without labels, but dataset '" : " needs labels, but dataset '", data.task.name,
                reconstructs ? "' has them" : "' has none");
  const SampleFormat& f = data.train->format();
  return with_width(model.make(f.h, f.w, f.c, data.task.classes), c.width);
}

}  // namespace bitloom
