// Command-line options of train and search.
#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "datasets/metric.h"
#include "nas/run/presets.h"
#include "nas/run/task.h"
#include "nn/model_file.h"
#include "nn/models/models.h"

namespace bitloom {
namespace {

constexpr int64_t kMaxEpochs = 1000000;
constexpr const char* kPaperOptions = "Options of --recipe paper";
constexpr const char* kProgressiveOptions = "Options of --recipe progressive";

// CLI::PositiveNumber and CLI::NonNegativeNumber let nan pass.
CLI::Validator number(const std::string& kind) {
  const auto check = [kind](std::string& text) {
    double value = 0;
    const bool finite = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
    const bool fits = finite && value >= 0 && (value > 0 || kind != "POSITIVE");
    return fits ? std::string() : "'" + text + "' is not a " + (kind == "POSITIVE" ? "positive number" : "number of 0 or more");
  };
  return CLI::Validator(check, kind);
}

std::string model_names() {
  std::string names;
  for (const ModelEntry& entry : all_models()) names += (names.empty() ? "" : ",") + std::string(entry.name);
  return names;
}

// An option for an enum: the names it takes are those of its table, but for one.
template <class E>
CLI::Option* add_choice(CLI::App& app, const std::string& name, E& value, const std::string& help,
                        const std::string& except = "") {
  std::vector<std::string> names = all_names<E>();
  names.erase(std::remove(names.begin(), names.end(), except), names.end());
  return app
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = named<E>(text); }, help)
      ->check(CLI::IsMember(names))
      ->default_str(name_of(value));
}

}  // namespace

void add_data_options(CLI::App& app, RunConfig& c) {
  add_choice(app, "--task", c.task,
             "What to learn: cifar10 (official binary files), kws (spoken words: Speech Commands or your own), synthetic, "
             "synthetic_kws, synthetic_vww and synthetic_ad (built-in images, words, figures and machines, no download), vww "
             "(pictures: visual wake "
             "words or your own), ad (to tell anomalies from what is normal: sounds of machines, or your own vectors), "
             "npz (your own arrays)");
  app.add_option("--data", c.data,
                 "cifar10: folder or cifar-10-binary.tar.gz (see `make data`); kws: speech_commands_v0.02 or its .tar.gz, its "
                 "12-class test set, or a "
                 "folder of a folder of .wav files a word; vww: vw_coco2014_96 or its .tar.gz, or a folder of a folder of .jpg "
                 "files a class; ad: a machine's folder of DCASE 2020 task 2, with train/ and test/, or an .npz without "
                 "y_train; "
                 "npz: file with x_train, y_train, x_test, y_test and optionally "
                 "x_val, y_val. The task "
                 "follows from what is there");
  app.add_option("--image-size", c.image_size, "vww: height and width that pictures are resized to")
      ->check(CLI::Range(8, 1024))
      ->capture_default_str();
  app.add_flag("--skip-bad", c.skip_bad, "vww: leave out pictures that cannot be read, naming them");
  app.add_option("--fold", c.fold,
                 "kws, vww: K/N tests on part K of N instead of the data's own splits; words are parted by speaker")
      ->type_name("K/N");
  app.add_option("--metric", c.metric,
                 "What epochs are chosen and networks judged by: default (the task's own), " + metric_names())
      ->capture_default_str();
  add_model_option(app, c.model, "Network")->capture_default_str();
  add_width_option(app, c.width);
  app.add_option("--seed", c.seed, "Seed of every random choice; the same seed gives the same bits")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_training_options(CLI::App& app, RunConfig& c) {
  app.add_option("--out", c.out,
                 "Folder for config.json, log.csv, result.json and checkpoints; run again with the same folder to resume")
      ->required();
  app.add_option("--batch", c.batch, "Samples a step")->check(CLI::Range(int64_t(1), int64_t(1) << 20))->capture_default_str();
  app.add_option("--epochs", c.warmup.epochs, "Epochs of float training (the warm-up)")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--lr", c.warmup.lr, "Its peak learning rate")->check(number("POSITIVE"))->capture_default_str();
  add_choice(app, "--schedule", c.schedule, "Learning-rate schedule");
  add_choice(app, "--optimizer", c.optimizer, "Optimizer of the weights");
  app.add_option("--weight-decay", c.weight_decay,
                 "Decay of filters (decoupled under Adam); never of scales, norms or architecture")
      ->check(number("NONNEGATIVE"))
      ->capture_default_str();
  app.add_option("--label-smoothing", c.regularization.label_smoothing,
                 "Float training: part of every target that is spread evenly over all classes")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--mixup", c.regularization.mixup,
                 "Float training: at most this part of every sample, and of its target, is another sample's")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  app.add_option(
         "--average", c.regularization.average,
         "Float training: decay, a step, of the average of the weights that is validated and kept, such as 0.99; 0: none")
      ->check(CLI::Range(0.0, 0.999999))
      ->capture_default_str();
  app.add_option("--patience", c.patience, "Stop a stage after so many epochs without a better validation score; 0: never")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option(
         "--augment", c.augment,
         "none, default, or a list, of images: flip,crop=PIXELS,rotate=DEGREES,translate=FRACTION,zoom=FRACTION; of sound: "
         "shift=MILLISECONDS,noise=FRACTION,speed=FRACTION")
      ->capture_default_str();
  app.add_option("--warmup", c.warmup_file, "Start from these weights (warmup.npz of another run) instead of training them");
  app.add_option("--checkpoint-seconds", c.checkpoint_seconds, "How much work a run that is killed may lose")
      ->check(number("NONNEGATIVE"))
      ->capture_default_str();
  app.add_flag("--profile", c.profile, "Print where the time went, and write it to result.json");
  app.add_option("--finetune-epochs", c.finetune.epochs, "Epochs of quantization-aware training with the precisions fixed")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--finetune-lr", c.finetune.lr, "Its peak learning rate")->check(number("POSITIVE"))->capture_default_str();
  app.add_option(
         "--distill", c.distill,
         "Part of the target, from 0 to 1, that is what the float network says (quantized training; progressive search: 0.5)")
      ->check(CLI::Range(0.0, 1.0));
  add_choice(app, "--weight-scale", c.weight_scale, "Weight quantizer scales: learned (LSQ), mse, maxabs");
  add_choice(app, "--code-range", c.code_range, "Integers of a b-bit weight: full [-2^(b-1), 2^(b-1)-1] or symmetric");
  app.add_flag("!--no-estimate-norms", c.estimate_norms,
               "Validate with the running averages of normalization, not with statistics estimated anew from training samples");
  app.add_flag("!--no-keep-best", c.keep_best, "End with the last epoch, not with the one of the best validation score");
  add_cost_table_option(app, c.cost_table);
}

CLI::Option* add_model_option(CLI::App& app, std::string& model, const std::string& help) {
  const auto check = [](std::string& name) {
    for (const ModelEntry& entry : all_models())
      if (name == entry.name) return std::string();
    return is_model_file(name) ? std::string() : name + " not in {" + model_names() + "}, and no file.json or file.onnx";
  };
  return app
      .add_option("--model", model,
                  help + ": " + model_names() +
                      ", or your own: a .json that says its layers (`info --write-spec` prints one), or "
                      "an .onnx, with its weights")
      ->check(CLI::Validator(check, "NAME|FILE"));
}

void add_width_option(CLI::App& app, double& width) {
  app.add_option("--width", width, "Channels of its hidden layers, as a part of the model's own: 0.5, 0.75")
      ->check(number("POSITIVE"))
      ->capture_default_str();
}

void add_cost_table_option(CLI::App& app, CostTableKind& kind) {
  add_choice(app, "--cost-table", kind,
             "Cycles on MPIC: published (MACs per cycle by the authors) or measured (pieces of the code that `deploy` emits)");
}

void add_precision_options(CLI::App& app, RunConfig& c) {
  const auto subset = [](std::vector<int> allowed) {
    return CLI::Validator(
        [allowed](std::string& text) {
          int value = -1;
          const bool known =
              CLI::detail::lexical_cast(text, value) && std::find(allowed.begin(), allowed.end(), value) != allowed.end();
          return known ? std::string() : "'" + text + "' is not one of the bit-widths offered";
        },
        "BITS");
  };
  app.add_option("--weight-bits", c.weight_bits,
                 "Weight precisions offered, any of 0,2,4,8 (0 removes a channel; not by layer); fixed: the one used")
      ->delimiter(',')
      ->check(subset({0, 2, 4, 8}))
      ->capture_default_str();
  app.add_option("--act-bits", c.act_bits, "Activation precisions offered, any of 2,4,8; fixed: the one used")
      ->delimiter(',')
      ->check(subset({2, 4, 8}))
      ->capture_default_str();
}

void sort_precisions(RunConfig& c) {
  for (std::vector<int>* bits : {&c.weight_bits, &c.act_bits}) {
    std::sort(bits->begin(), bits->end());
    bits->erase(std::unique(bits->begin(), bits->end()), bits->end());
  }
  BITLOOM_CHECK(c.weight_bits.back() > 0, "--weight-bits: offer at least one of 2, 4, 8");
}

void add_search_options(CLI::App& app, RunConfig& c) {
  add_choice(app, "--granularity", c.granularity,
             "channel: every output channel its own weight bits; layer: one choice a layer; fixed: one for all",
             name_of(Granularity::kGiven));
  add_precision_options(app, c);
  add_choice(app, "--cost", c.cost,
             "What the search presses on: size (weight bits); flash (code, weights, tables), cycles or energy, on MPIC");
  add_choice(app, "--recipe", c.recipe,
             "progressive: trains under a budget that shrinks, deciding from measured sensitivities; paper: gradient descent "
             "on mixtures "
             "(arXiv 2206.08852), also chosen by giving one of its options");
  app.add_option("--lambda", c.lambda, "Strength: loss + lambda * cost / cost of the w8a8 network")
      ->check(number("NONNEGATIVE"))
      ->group(kPaperOptions)
      ->capture_default_str();
  app.add_option("--budget", c.budget,
                 "What the network may cost: 30kB (size, flash), 2M (cycles) or 80uJ (energy), as --cost says, or 30% of the "
                 "w8a8 network; "
                 "progressive: 30% unless given");
  add_choice(app, "--sampling", c.sampling,
             "How precisions are mixed: softmax (annealed), gumbel, gumbel-hard, argmax (straight-through)")
      ->group(kPaperOptions);
  app.add_option(
         "--shrink", c.shrink,
         "Part of the search over which the budget shrinks from the cost of the most bits to what was asked for; 0: at once")
      ->check(CLI::Range(0.0, 1.0))
      ->group(kProgressiveOptions)
      ->capture_default_str();
  add_choice(
      app, "--sensitivity", c.sensitivity,
      "What decides: tracked (while training, of leaving the precision in use), from-most (likewise, of leaving the most "
      "bits), start (measured once, before)")
      ->group(kProgressiveOptions);
  app.add_flag("!--no-refresh-scales", c.refresh_scales,
               "Leave the scales of precisions that are not in use as they were at the start")
      ->group(kProgressiveOptions);
  app.add_option("--search-epochs", c.search.epochs, "Epochs of search")
      ->check(CLI::Range(int64_t(0), kMaxEpochs))
      ->capture_default_str();
  app.add_option("--search-lr", c.search.lr, "Weight learning rate of the search")
      ->check(number("POSITIVE"))
      ->capture_default_str();
  app.add_option("--arch-every", c.arch_every,
                 "One of so many steps of the search moves the precisions, the others the weights")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 20))
      ->group(kPaperOptions)
      ->capture_default_str();
  app.add_option("--arch-lr", c.arch_lr, "Learning rate of the architecture parameters")
      ->check(number("POSITIVE"))
      ->group(kPaperOptions)
      ->capture_default_str();
  add_choice(app, "--arch-optimizer", c.arch_optimizer, "Their optimizer (the paper: sgd, lr 0.01, for hundreds of epochs)")
      ->group(kPaperOptions);
}

void settle_task_options(const CLI::App& app, RunConfig& c) {
  settle_task(c);
  apply_preset(c, [&](const char* name) {
    const CLI::Option* option = app.get_option_no_throw(name);
    return !option || option->count() > 0;
  });
}

void settle_search_options(const CLI::App& app, RunConfig& c) {
  const auto given = [&](const std::string& name) { return app.count(name) > 0; };
  const auto given_of = [&](const std::string& group) {
    std::string name;
    for (const CLI::Option* option : app.get_options())
      if (option->get_group() == group && option->count() > 0) name = option->get_name();
    return name;
  };
  const std::string of_paper = given_of(kPaperOptions), of_progressive = given_of(kProgressiveOptions);
  if (!given("--recipe")) c.recipe = of_paper.empty() ? Recipe::kProgressive : Recipe::kPaper;
  if (c.granularity == Granularity::kFixed) c.recipe = Recipe::kPaper;  // nothing is decided
  if (c.recipe == Recipe::kPaper) {
    BITLOOM_CHECK(of_progressive.empty(), of_progressive, " is for --recipe progressive");
    return;
  }
  BITLOOM_CHECK(of_paper.empty(), of_paper,
                " is for --recipe paper; --recipe progressive is told what the network may cost: --budget 30kB, for example");
  if (!given("--budget")) c.budget = "30%";
  if (!given("--distill")) c.distill = 0.5;
}

}  // namespace bitloom
