// Anomaly detection in the sound of machines: the layout of DCASE 2020 task 2 (Y. Koizumi et al., arXiv 2006.05822) and of ToyADMOS in it.
#include <algorithm>
#include <cctype>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "datasets/class_folders.h"
#include "datasets/frame_vectors.h"
#include "datasets/sources.h"
#include "datasets/wav.h"

namespace bitloom {
namespace {

constexpr size_t kMaxBytes = size_t(64) << 20, kRecording = size_t(FrameVectors::kFrames * FrameVectors::kBands);

struct Recordings {
  std::vector<size_t> files;
  std::vector<int32_t> labels, machines;  // of each file; no labels of normal ones alone
};

// normal_id_01_00000000.wav, anomaly_id_03_00000012.wav
struct Name {
  bool anomalous = false;
  int32_t machine = 0;
};
Name parse_name(const std::string& file, const std::string& where) {
  const std::string base = base_name(file);
  const bool anomalous = base.compare(0, 11, "anomaly_id_") == 0, normal = base.compare(0, 10, "normal_id_") == 0;
  const size_t begin = anomalous ? 11 : 10;
  size_t end = begin;
  while (end < base.size() && end < begin + 4 && std::isdigit(static_cast<unsigned char>(base[end]))) ++end;
  BITLOOM_CHECK(
      (normal || anomalous) && end > begin && end < base.size() && base[end] == '_', where,
      ": the name does not tell condition and machine; expected normal_id_01_00000000.wav or anomaly_id_01_00000000.wav");
  return {anomalous, int32_t(std::stoi(base.substr(begin, end - begin)))};
}

void add_frames(const std::vector<uint8_t>& bytes, const std::string& where, const LogMel& log_mel, float* out) {
  const Waveform wave = parse_wav(bytes, where);
  BITLOOM_CHECK(wave.rate == LogMel::kRate, where, ": has ", wave.rate, " samples a second, expected ", LogMel::kRate,
                "; convert it, for example with sox -r 16000");
  using Vectors = FrameVectors;
  BITLOOM_CHECK(int64_t(wave.samples.size()) >= Vectors::kNeeded, where, ": has ", wave.samples.size(), " samples, expected ",
                Vectors::kNeeded, " at least, of which frames ", Vectors::kFirst, " to ",
                Vectors::kFirst + Vectors::kFrames - 1, " are used");
  Vectors::frames_of(wave.samples, log_mel, out);
}

}  // namespace

TaskData load_machine_sounds(const std::string& path, const LoadObserver& observer) {
  const ClassFolders tree(path, {".wav"});
  Recordings parts[3];  // training, validation, test
  for (size_t i = 0; i < tree.files().size(); ++i) {
    const std::string &file = tree.files()[i], folder = class_folder(file);
    if (folder != "train" && folder != "test") continue;
    const Name name = parse_name(file, tree.where(i));
    BITLOOM_CHECK(folder == "test" || !name.anomalous, tree.where(i), ": an anomaly among what training takes for normal");
    Recordings& part = parts[folder == "test" ? 2 : hash64(file.data(), int64_t(file.size())) % 10 == 0 ? 1 : 0];
    part.files.push_back(i);
    part.machines.push_back(name.machine);
    if (folder == "test") part.labels.push_back(name.anomalous);
  }
  const LogMel log_mel;
  std::vector<size_t> wanted;
  std::vector<float*> places;
  std::vector<float> frames[3];
  for (size_t p = 0; p < 3; ++p) {
    BITLOOM_CHECK(!parts[p].files.empty(), path, ": no recordings for ",
                  p == 0   ? "training"
                  : p == 1 ? "validation, a tenth of train/"
                           : "testing",
                  "; expected folders train/ and test/ of recordings such as normal_id_01_00000000.wav");
    frames[p].resize(parts[p].files.size() * kRecording);
    for (size_t i = 0; i < parts[p].files.size(); ++i) {
      wanted.push_back(parts[p].files[i]);
      places.push_back(frames[p].data() + i * kRecording);
    }
  }
  tree.read(
      wanted, kMaxBytes, [&](size_t i, const auto& bytes) { add_frames(bytes, tree.where(wanted[i]), log_mel, places[i]); },
      observer);
  Task task;
  task.name = "machine_sounds";
  task.kind = TaskKind::kReconstruction;
  task.metric = &roc_auc();
  const auto split = [&](size_t p, const char* name) {
    return std::make_shared<FrameVectors>(str(path, " ", name), std::move(frames[p]), parts[p].machines, parts[p].labels);
  };
  TaskData data{std::move(task), split(0, "train"), split(1, "val"), split(2, "test")};
  validate(data);
  return data;
}

}  // namespace bitloom
