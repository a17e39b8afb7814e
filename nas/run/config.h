// Everything that determines a run; what config.json holds.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/names.h"
#include "nas/cost_model.h"
#include "nas/progressive.h"
#include "nas/search_network.h"
#include "nas/theta.h"
#include "nn/optimizer.h"
#include "nn/regularization.h"
#include "quant/qat_network.h"

namespace bitloom {

// Where the samples come from.
enum class Source {
  kCifar10,
  kSynthetic,
  kNpz,
  kKeywords,
  kSyntheticKeywords,
  kMachineSounds,
  kPictures,
  kSyntheticFigures,
  kSyntheticMachines
};
template <>
struct NamesOf<Source> {
  static constexpr const char* kWhat = "task";
  static constexpr Named<Source> kAll[] = {{Source::kCifar10, "cifar10"},
                                           {Source::kSynthetic, "synthetic"},
                                           {Source::kNpz, "npz"},
                                           {Source::kKeywords, "kws"},
                                           {Source::kSyntheticKeywords, "synthetic_kws"},
                                           {Source::kMachineSounds, "ad"},
                                           {Source::kPictures, "vww"},
                                           {Source::kSyntheticFigures, "synthetic_vww"},
                                           {Source::kSyntheticMachines, "synthetic_ad"}};
};

inline bool built_in(Source source) {
  return source == Source::kSynthetic || source == Source::kSyntheticKeywords || source == Source::kSyntheticFigures ||
         source == Source::kSyntheticMachines;
}

// How a search decides.
enum class Recipe { kProgressive, kPaper };
template <>
struct NamesOf<Recipe> {
  static constexpr const char* kWhat = "recipe";
  static constexpr Named<Recipe> kAll[] = {
      {Recipe::kProgressive, "progressive"},  // nas/progressive.h
      {Recipe::kPaper, "paper"},              // nas/search.h
  };
};

struct StageConfig {
  int64_t epochs = 0;
  double lr = 1e-3;  // the peak of the schedule
};

// What determines a run's bits without being an option: filled in by run().
struct RunIdentity {
  std::string program, arithmetic;  // core/version.h
  std::string data,
      start;  // digests: of every sample and label; of the weights it starts from, a model from a file and a given assignment
};

struct RunConfig {
  Source task = Source::kSynthetic;
  int64_t image_size = 96;         // of pictures, height and width in pixels
  bool skip_bad = false;           // leaves out pictures that cannot be read
  std::string fold;                // "2/5" of words or pictures (Fold); "": the data's own splits
  std::string metric = "default";  // the task's own, or the name of one (datasets/metric.h)
  std::string model = "resnet8";   // a name, or a file of one's own (nn/model_file.h)
  double width = 1;                // of its hidden layers (with_width)
  std::string command;             // as typed, for the record
  uint64_t seed = 0;
  int64_t batch = 128, patience = 0;
  OptimizerOptions::Kind optimizer = OptimizerOptions::kAdam;
  Schedule::Kind schedule = Schedule::kOneCycle;
  std::string augment = "default";  // none, default, or a list: flip,crop=4 ... (Augment)
  double weight_decay = 0.01;
  StageConfig warmup{40, 5e-3}, search{8, 1e-3}, finetune{12, 1e-3};
  Regularization regularization;  // of the warm-up: a quantized network has less room to learn samples by heart
  std::string warmup_file;        // weights to start from instead of a warm-up

  std::string assignment_file;  // granularity kGiven: the precisions

  bool quantize = false;
  Granularity granularity = Granularity::kChannel;
  std::vector<int> weight_bits = {2, 4, 8}, act_bits = {8};  // ascending
  Recipe recipe = Recipe::kPaper;                            // of files that do not name one
  double distill = 0;              // how much of the target is what the float network says (Distillation)
  double shrink = kDefaultShrink;  // of the progressive search, these three: ProgressiveOptions
  SensitivityKind sensitivity = SensitivityKind::kTracked;
  bool refresh_scales = true;
  CostKind cost = CostKind::kSize;
  CostTableKind cost_table = CostTableKind::kPublished;
  double lambda = 0.5;  // loss + lambda * cost / cost of the w8a8 network
  std::string budget;   // "30kB", "2M", "80uJ", "30%"; empty: lambda is fixed
  Sampler sampling = Sampler::kSoftmax;
  double arch_lr = 0.02;
  int64_t arch_every = 5;  // of so many steps of the search, one moves the precisions
  OptimizerOptions::Kind arch_optimizer = OptimizerOptions::kAdam;
  WeightScale weight_scale = WeightScale::kLearned;
  CodeRange code_range = CodeRange::kFull;
  bool estimate_norms = true;  // before every validation: NetworkLearner
  bool keep_best = true;       // the epoch of the best validation score, else the last one

  RunIdentity identity;

  // Where and how the run happens; not part of config.json, since it changes no bit.
  std::string data;  // folder, archive or .npz file
  std::string out;
  bool whole = false;  // all samples are for testing: of a set that nothing was trained on
  double checkpoint_seconds = 20;
  bool profile = false;  // the result says where the time went
};

std::string to_json(const RunConfig& config);
// Keys that an older version did not write keep their defaults. Error names `where` and the key that is missing or has the wrong type.
RunConfig config_from_json(const std::string& text, const std::string& where);
// "seed is 3, not 4", "search.epochs is 4, not 2": the first key of config.json in which `stored` is another run than `own`; "" if there is none.
std::string difference(const RunConfig& stored, const RunConfig& own);

}  // namespace bitloom
