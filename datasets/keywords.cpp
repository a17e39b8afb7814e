// Keyword spotting: Speech Commands (P. Warden, arXiv 1804.03209) in its official layouts, or any folder of word folders.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "datasets/class_folders.h"
#include "datasets/known_classes.h"
#include "datasets/sources.h"
#include "datasets/speech.h"
#include "datasets/wav.h"

namespace bitloom {
namespace {

constexpr const char *kNoiseFolder = "_background_noise_", *kSilenceFolder = "_silence_", *kUnknownFolder = "_unknown_";
constexpr const char *kValList = "validation_list.txt", *kTestList = "testing_list.txt", *kSilence = "silence",
                     *kUnknown = "unknown";
constexpr const char* kOfficial = "speech_commands_v0.02";
constexpr size_t kMaxClipBytes = size_t(64) << 20, kMaxNoiseBytes = size_t(1) << 30;
// The keywords.
const std::vector<std::string> kWords = [] {
  std::vector<std::string> words = known_classes("kws", 12);
  words.resize(10);
  return words;
}();

// What the folders stand for.
struct Layout {
  std::vector<std::string> classes;
  std::map<std::string, int32_t> label_of;  // folder -> class
  bool official = false;                    // ten words of many: the others are class "unknown", of which a part is taken
  bool test_only = false;                   // the official test set
  int32_t keywords = 0;                     // classes but "silence" and "unknown", which come first
  int32_t silence = -1, unknown = -1;       // classes, or -1
};

Layout layout_of(const ClassFolders& tree) {
  std::set<std::string> folders;
  for (const std::string& file : tree.files()) folders.insert(class_folder(file));
  const bool noise = folders.erase(kNoiseFolder), silence = folders.erase(kSilenceFolder),
             unknown = folders.erase(kUnknownFolder);
  Layout layout;
  const bool all_words = std::all_of(kWords.begin(), kWords.end(), [&](const auto& word) { return folders.count(word); });
  layout.official = all_words && (unknown || folders.size() > kWords.size());
  const bool lists = tree.text(kValList) || tree.text(kTestList);
  layout.test_only = layout.official && unknown && silence && !noise && !lists && folders.size() == kWords.size();
  BITLOOM_CHECK(!layout.official || noise || silence, tree.path(), ": holds neither ", kNoiseFolder, "/ nor ", kSilenceFolder,
                "/, of which class 'silence' is made");
  layout.classes = layout.official ? kWords : std::vector<std::string>(folders.begin(), folders.end());
  layout.keywords = int32_t(layout.classes.size());
  if (silence || noise) layout.silence = int32_t(layout.classes.size()), layout.classes.push_back(kSilence);
  if (unknown || layout.official) layout.unknown = int32_t(layout.classes.size()), layout.classes.push_back(kUnknown);
  BITLOOM_CHECK(layout.keywords > 0 && layout.classes.size() >= 2, tree.path(), ": holds clips of ", layout.keywords,
                " words; a folder for each of two at least is expected");
  for (const std::string& folder : folders) layout.label_of[folder] = layout.unknown;
  for (int32_t k = 0; k < layout.keywords; ++k) layout.label_of[layout.classes[size_t(k)]] = k;
  layout.label_of[kSilenceFolder] = layout.silence;
  layout.label_of[kUnknownFolder] = layout.unknown;
  return layout;
}

// The split of every clip: by the two lists, or where there are none, or a fold is asked for, by speaker.
std::vector<Split> splits_of(const ClassFolders& tree, const Fold& fold) {
  const std::vector<std::string>& files = tree.files();
  std::vector<Split> splits;
  for (const std::string& file : files) splits.push_back(split_of_speaker(base_name(file), fold));
  if (fold.count > 0) return splits;
  const std::optional<std::string> lists[] = {tree.text(kValList), tree.text(kTestList)};
  if (!lists[0] && !lists[1]) return splits;
  BITLOOM_CHECK(lists[0] && lists[1], tree.path(), ": ", lists[0] ? kTestList : kValList, " is missing, but ",
                lists[0] ? kValList : kTestList, " is there; expected both or neither");
  std::fill(splits.begin(), splits.end(), Split::kTrain);
  for (const Split split : {Split::kVal, Split::kTest}) {
    const char* list = split == Split::kVal ? kValList : kTestList;
    std::istringstream lines(*lists[split == Split::kTest]);
    int64_t found = 0;
    for (std::string line; std::getline(lines, line);) {
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      const auto file = std::lower_bound(files.begin(), files.end(), line);
      if (file == files.end() || *file != line) continue;  // of a part of the data
      Split& own = splits[size_t(file - files.begin())];
      BITLOOM_CHECK(own == Split::kTrain, tree.path(), ": ", list, " names ", quote(line), ", which ",
                    own == split ? "it" : kValList, " has already");
      own = split;
      ++found;
    }
    BITLOOM_CHECK(found > 0, tree.path(), ": ", list,
                  " names no clip that is there; expected lines such as yes/0a7c2a8d_nohash_0.wav");
  }
  return splits;
}

// Of the clips (by number) of words that are no keywords, as many as a keyword has on average, rounded up, the first in the order of their names' hashes.
std::vector<size_t> some_of(const ClassFolders& tree, std::vector<size_t> clips, size_t count) {
  tree.sort_by_hash(clips.begin(), clips.end());
  clips.resize(std::min(count, clips.size()));
  std::sort(clips.begin(), clips.end());
  return clips;
}

// 16 kHz, or an error that says how to get there.
std::vector<int16_t> sound_of(const std::vector<uint8_t>& bytes, const std::string& where) {
  Waveform wave = parse_wav(bytes, where);
  BITLOOM_CHECK(wave.rate == Mfcc::kRate, where, ": has ", wave.rate, " samples a second, expected ", Mfcc::kRate,
                "; convert it, for example with sox -r 16000");
  BITLOOM_CHECK(!wave.samples.empty(), where, ": has no samples");
  return std::move(wave.samples);
}

// One split: which files it has, and what is made of them.
struct Part {
  std::vector<size_t> files;
  Clips clips;
  size_t cuts = 0;  // of class "silence", from the noise
};

class Loading {
 public:
  Loading(const std::string& path, const Fold& fold, const LoadObserver& observer)
      : tree_(path, {".wav"}), layout_(layout_of(tree_)), fold_(fold), observer_(observer) {
    choose();
    read();
  }

  TaskData data() {
    Task task;
    task.name = layout_.official ? "speech_commands" : "keywords";
    task.classes = int64_t(layout_.classes.size());
    task.label_names = layout_.classes;
    task.test_only = layout_.test_only;
    task.augment.shift_ms = 100;
    task.augment.noise = noise_->empty() ? 0 : 0.1;
    task.augment.speed = 0.2;
    TaskData data{std::move(task), nullptr, nullptr, nullptr};
    for (const Split split : {Split::kVal, Split::kTest}) {
      if (layout_.test_only && split == Split::kVal) continue;
      (split == Split::kVal ? data.val : data.test) = std::make_shared<SpeechDataset>(std::move(part(split).clips), noise_, -1);
    }
    if (layout_.test_only) {
      data.train = data.val = data.test;
    } else {
      data.train = std::make_shared<SpeechDataset>(std::move(part(Split::kTrain).clips), noise_,
                                                   part(Split::kTrain).cuts > 0 ? layout_.silence : -1);
      data.train->set_augment(data.task.augment);
    }
    validate(data);
    return data;
  }

 private:
  Part& part(Split split) { return parts_[size_t(split)]; }

  void choose() {
    const std::vector<Split> splits =
        layout_.test_only ? std::vector<Split>(tree_.files().size(), Split::kTest) : splits_of(tree_, fold_);
    bool silence = false;
    std::vector<size_t> unknown[3];
    size_t keywords[3] = {};
    for (size_t i = 0; i < tree_.files().size(); ++i) {
      const std::string folder = class_folder(tree_.files()[i]);
      if (folder == kNoiseFolder) {
        noise_files_.push_back(i);
        continue;
      }
      const size_t split = size_t(splits[i]);
      const int32_t label = layout_.label_of.at(folder);
      silence = silence || label == layout_.silence;
      keywords[split] += label < layout_.keywords;
      (label == layout_.unknown ? unknown[split] : parts_[split].files).push_back(i);
    }
    for (size_t split = 0; split < 3; ++split) {
      const size_t mean = (keywords[split] + size_t(layout_.keywords) - 1) / size_t(layout_.keywords);
      if (layout_.official && !layout_.test_only) unknown[split] = some_of(tree_, std::move(unknown[split]), mean);
      std::vector<size_t>& files = parts_[split].files;
      files.insert(files.end(), unknown[split].begin(), unknown[split].end());
      std::sort(files.begin(), files.end());
      if (layout_.silence >= 0 && !silence) parts_[split].cuts = mean;
      BITLOOM_CHECK(!files.empty() || (layout_.test_only && split != size_t(Split::kTest)), tree_.path(), ": no clip is for '",
                    kSplitNames[split], "'; give ", kValList, " and ", kTestList,
                    ", or clips of more speakers, named SPEAKER_nohash_NUMBER.wav");
    }
  }

  void read() {
    auto noise = std::make_shared<Noise>();
    std::vector<std::vector<int16_t>> recordings(noise_files_.size());
    tree_.read(noise_files_, kMaxNoiseBytes,
               [&](size_t i, const auto& bytes) { recordings[i] = sound_of(bytes, tree_.where(noise_files_[i])); });
    for (size_t i = 0; i < recordings.size(); ++i) noise->add(recordings[i], tree_.where(noise_files_[i]));
    noise_ = noise;

    std::vector<size_t> wanted;
    std::vector<int16_t*> places;
    for (size_t split = 0; split < 3; ++split) {
      Part& own = parts_[split];
      own.clips.name = tree_.path() + " " + kSplitNames[split];
      own.clips.samples.resize((own.files.size() + own.cuts) * size_t(Mfcc::kSamples));
      for (size_t i = 0; i < own.files.size(); ++i) {
        wanted.push_back(own.files[i]);
        places.push_back(own.clips.samples.data() + i * size_t(Mfcc::kSamples));
        own.clips.labels.push_back(layout_.label_of.at(class_folder(tree_.files()[own.files[i]])));
      }
      cut_silence(own, Split(split));
    }
    tree_.read(
        wanted, kMaxClipBytes,
        [&](size_t i, const auto& bytes) {
          const std::vector<int16_t> sound = sound_of(bytes, tree_.where(wanted[i]));
          std::copy_n(sound.data(), std::min(sound.size(), size_t(Mfcc::kSamples)), places[i]);
        },
        observer_);
  }

  void cut_silence(Part& own, Split split) {
    for (size_t i = 0; i < own.cuts; ++i) {
      Rng rng = Rng(0).split(kSilence, 3 * i + size_t(split));
      const float* cut = noise_->cut(split, rng);
      constexpr float kFullScale = 32767;
      float peak = 1e-6f;
      for (int64_t k = 0; k < Mfcc::kSamples; ++k) peak = std::max(peak, std::abs(cut[k]));
      const float scale = float(rng.uniform()) * kFullScale / peak;
      int16_t* out = own.clips.samples.data() + (own.files.size() + i) * size_t(Mfcc::kSamples);
      for (int64_t k = 0; k < Mfcc::kSamples; ++k) out[k] = int16_t(cut[k] * scale);
      own.clips.labels.push_back(layout_.silence);
    }
  }

  const ClassFolders tree_;
  const Layout layout_;
  const Fold fold_;
  const LoadObserver& observer_;
  std::vector<size_t> noise_files_;
  std::shared_ptr<const Noise> noise_;
  Part parts_[3];  // by Split
};

}  // namespace

TaskData load_keywords(const std::string& path, const Fold& fold, const LoadObserver& observer) {
  return Loading(published_in(path, kOfficial), fold, observer).data();
}

}  // namespace bitloom
