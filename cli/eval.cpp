// bitloom eval: the figures of a deployed network, or of imported float weights, on a test set.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/training.h"
#include "core/io.h"
#include "core/json.h"
#include "datasets/speech.h"
#include "nas/run/deployed.h"
#include "nas/run/predictions.h"
#include "nas/run/result.h"
#include "nas/run/task.h"
#include "nn/learner.h"
#include "nn/model_file.h"
#include "quant/export_c/front_end.h"
#include "quant/lower.h"
#include "quant/published.h"

namespace bitloom {
namespace {

struct EvalOptions {
  RunConfig config;
  std::string run, import, golden, predictions;
  std::string pixels = "auto", quantizers = "auto";
  bool front_end = false, json = false;
};

using Figures = nlohmann::ordered_json;

void print(const Figures& figures, bool json) {
  if (json) {
    std::cout << json_text(figures);
    return;
  }
  Table table({"figure", "value"});
  for (const auto& [name, value] : figures.items())
    table.add({name, value.is_string() ? value.get<std::string>() : value.dump()});
  std::cout << table.text();
}

// The score of what a network found on the test split, what it is a mean of, and the accuracy under the key that it has always had.
void add_scores(Figures& f, const std::string& form, const TaskData& data, const std::vector<double>& found) {
  const auto add_parts = [&](const Metric& metric) {
    for (const auto& [name, value] : metric.parts(found, *data.test, data.task)) f[name] = value;
  };
  const Metric& metric = *data.task.metric;
  f["test_score_" + form] = metric.score(found, *data.test);
  add_parts(metric);
  if (data.task.kind == TaskKind::kReconstruction && !data.test->labels().empty()) {
    for (const Metric* area : {&roc_auc(), &partial_roc_auc()}) {
      if (area == &metric) continue;
      f[area->name()] = area->score(found, *data.test);
      add_parts(*area);
    }
  }
  f["test_accuracy_" + form] = legacy_accuracy(data.task, found, *data.test);
}

// With the front end in integers too, as exported C has it: what it scores, and how many of its codes and of the network's classes are the same.
void add_front_end(Figures& f, const IntegerGraph& graph, const TaskData& data, const std::vector<double>& found) {
  const auto* clips = dynamic_cast<const SpeechDataset*>(data.test.get());
  BITLOOM_CHECK(clips, "--front-end: ", data.test->name(), " holds no sounds that MFCC are computed of");
  const FixedSpeechDataset fixed(*clips, mfcc_of(graph), graph.layers.front().out.scale);
  const TensorT<int16_t> codes = input_codes(graph, *clips, 0, clips->size()),
                         fixed_codes = input_codes(graph, fixed, 0, fixed.size());
  int64_t same_codes = 0, within_one = 0, same_classes = 0;
  for (int64_t i = 0; i < codes.size(); ++i) {
    same_codes += codes[i] == fixed_codes[i];
    within_one += std::abs(codes[i] - fixed_codes[i]) <= 1;
  }
  const std::vector<double> fixed_found = found_by_integers(graph, data.task.kind, fixed);
  for (size_t i = 0; i < found.size(); ++i) same_classes += found[i] == fixed_found[i];
  f["test_score_integer_front_end"] = data.task.metric->score(fixed_found, *data.test);
  f["front_end_equal_codes"] = double(same_codes) / double(codes.size());
  f["front_end_codes_within_one"] = double(within_one) / double(codes.size());
  f["front_end_equal_classes"] = double(same_classes) / double(found.size());
}

// The deployed integers on the test split; beside them the stored figure, which must be reproduced exactly.
Figures eval_run(EvalOptions& o) {
  const bool folder = std::filesystem::is_directory(o.run);
  const std::string file = network_file(o.run);
  const IntegerGraph graph = load_deployed(o.run);
  take_task_of(o.run, o.config);
  const TaskData data = load_visibly(o.config);
  check_fits(graph, file, data);
  const auto start = std::chrono::steady_clock::now();
  const std::vector<double> found = found_by_integers(graph, data.task.kind, *data.test);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Figures f = {{"graph", file}, {"model", graph.model}, {"samples", data.test->size()}, {"metric", data.task.metric->name()}};
  add_scores(f, "integer", data, found);
  if (o.front_end) add_front_end(f, graph, data, found);
  if (!o.predictions.empty()) write_predictions(o.predictions, predictions_of(found, data));
  const std::string result = o.run + "/result.json";
  if (folder && file_exists(result)) {
    const std::optional<double> stored =
        result_from_json(read_text(result, JsonValue::kMaxBytes), result).test_accuracy_integer;
    BITLOOM_CHECK(stored, result, ": not of a quantized run: 'test_accuracy_integer' is missing");
    f["test_accuracy_integer_stored"] = *stored;
  }
  f["weight_bytes"] = weight_bytes(graph);
  f["images_per_second"] = std::round(double(data.test->size()) / seconds);
  return f;
}

// A stored convolution must have the geometry of the model it is loaded into: conv{i}.geometry is stride h, w, padding top, bottom, left, right, groups.
void check_geometry(const ModelSpec& spec, const StateDict& weights, const std::string& file) {
  for (const LayerSpec& layer : spec.layers) {
    const std::string key = layer.name + ".geometry";
    if (!weights.has(key)) continue;
    const std::vector<int64_t> stored = weights.integers(key, 7);
    const auto expect = [&](const ConvGeometry& g, int64_t groups) {
      const std::vector<int64_t> ours = {g.sh, g.sw, g.pt, g.pb, g.pl, g.pr, groups};
      BITLOOM_CHECK(stored == ours, file, ": layer '", layer.name, "' has another stride, padding or group count than model ",
                    spec.name);
    };
    match(
        layer.kind, [](const InputLayer&) {}, [&](const Conv2dLayer& k) { expect(k.geometry, 1); },
        [&](const DepthwiseLayer& k) { expect(k.geometry, layer.c); }, [](const LinearLayer&) {}, [](const AddLayer&) {},
        [](const AvgPoolLayer&) {}, [](const MaxPoolLayer&) {});
  }
}

// Samples stored as codes, with another value of code 1.
class Rescaled : public Dataset {
 public:
  Rescaled(std::shared_ptr<Dataset> stored, float scale)
      : Dataset(stored->name(), with_scale(stored->format(), scale), stored->size(), stored->labels(), stored->groups()),
        stored_(std::move(stored)) {}
  void fill(int64_t index, const Rng*, float* out) const override {
    std::vector<uint8_t> codes(size_t(format().size()));
    fill_codes(index, codes.data());
    for (size_t i = 0; i < codes.size(); ++i) out[i] = float(codes[i]) * format().scale;
  }
  void fill_codes(int64_t index, uint8_t* out) const override { stored_->fill_codes(index, out); }

 private:
  static SampleFormat with_scale(SampleFormat format, float scale) {
    format.scale = scale;
    return format;
  }
  std::shared_ptr<Dataset> stored_;
};

// Networks are trained on pixels of 0..1 or of 0..255, and their files do not say which: the better of the two on validation samples.
void choose_pixel_range(Network& network, LayerTransform* transform, TaskData& data, const std::string& pixels) {
  if (!data.test->format().codes) return;
  bool bytes = pixels == "byte";
  if (pixels == "auto") {
    constexpr int64_t kProbe = 500;
    const Metric& metric = data.task.validation_metric();
    const auto rank = [&](const Dataset& val) {
      return metric.rank(score_network(network, transform, metric, SpreadOver(val, kProbe)));
    };
    bytes = rank(Rescaled(data.val, 1)) > rank(*data.val);
  }
  if (bytes)
    for (std::shared_ptr<Dataset>* part : {&data.train, &data.val, &data.test}) *part = std::make_shared<Rescaled>(*part, 1);
}

// Largest difference of the stored activations, relative to each tensor's largest value.
double golden_error(Network& network, LayerTransform* transform, const std::string& file) {
  const StateDict golden(read_npz(file), file);
  const ModelSpec& spec = network.spec();
  Tape tape(Tape::kInference);
  std::vector<Variable> layers;
  network.forward(tape, golden.tensor("input"), Pass::kInference, transform, &layers);
  double worst = 0;
  int compared = 0;
  for (size_t i = 1; i < layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    std::string key = layer.name + ".out";
    if (layer.name.rfind("add", 0) == 0) key = "block" + layer.name.substr(3) + ".out";
    if (int(i) == spec.output()) key = golden.has("logits") ? "logits" : "output";
    if (!golden.has(key)) continue;
    const Tensor &got = layers[i].value(), expected = golden.tensor(key, got.shape(), "other activations than the model's");
    double largest = 0, difference = 0;
    for (int64_t k = 0; k < got.size(); ++k) {
      const bool active = layer.activation != Activation::kNone;  // stored before it
      const float reference = active ? std::min(std::max(0.0f, expected[k]), ceiling(layer.activation)) : expected[k];
      largest = std::max(largest, std::fabs(double(reference)));
      difference = std::max(difference, std::fabs(double(got[k]) - double(reference)));
    }
    worst = std::max(worst, difference / std::max(largest, 1e-12));
    ++compared;
  }
  BITLOOM_CHECK(compared > 0, file, ": holds none of the activations of model ", spec.name);
  return worst;
}

Figures eval_import(EvalOptions& o) {
  TaskData data = load_visibly(o.config);
  const bool is_model = has_own_weights(o.import);
  const StateDict weights = is_model ? StateDict() : StateDict(read_npz(o.import), o.import);
  const bool published = o.quantizers == "auto" ? is_published(weights) : o.quantizers == "published";
  ModelSpec spec = make_model(o.config, data);
  Network network(published ? published_form(std::move(spec), weights) : std::move(spec), Rng(0));
  if (is_model) {
    load_start(network, o.import);
  } else {
    network.load(weights);
    check_geometry(network.spec(), weights, o.import);
  }
  std::optional<PublishedQuantizers> quantizers;
  if (published) quantizers.emplace(network, weights);
  LayerTransform* const transform = published ? &*quantizers : nullptr;
  choose_pixel_range(network, transform, data, o.pixels);
  Figures f = {{"import", o.import}, {"model", o.config.model}, {"samples", data.test->size()}};
  if (published) f["quantizers"] = "published";
  if (data.test->format().codes) f["pixels"] = data.test->format().scale == 1 ? "0..255" : "0..1";
  f["metric"] = data.task.metric->name();
  add_scores(f, published ? "fake_quant" : "float", data, evaluate_network(network, transform, *data.test).found);
  if (!o.golden.empty()) f["golden_relative_error"] = golden_error(network, transform, o.golden);
  return f;
}

}  // namespace

void add_eval(CLI::App& program, Chosen& chosen) {
  auto o = std::make_shared<EvalOptions>();
  CLI::App* app =
      program.add_subcommand("eval", "Measure a deployed integer network, or imported float weights, on the test set");
  app->footer(
      "Examples:\n"
      "  bitloom eval results/cifar10/w8a8 --data cifar-10-binary.tar.gz\n"
      "  bitloom eval --import mlperf_resnet8.npz --golden golden_mlperf_resnet8.npz --data cifar-10-binary.tar.gz\n"
      "  bitloom eval --model mine.onnx --data mine.npz");
  CLI::Option* run = app->add_option("run", o->run, "Folder of a run (its config.json names the task), or a network.blig");
  add_data_options(*app, o->config);
  CLI::Option* import =
      app->add_option("--import", o->import, "Float weights (.npz: conv0.weight, bn0.gamma, ...) to run instead")
          ->excludes(run);
  app->add_flag("--whole", o->config.whole,
                "Test on all samples of --data, not on its test split: on data that nothing was trained on");
  app->add_option("--golden", o->golden, "Also compare activations with this .npz (input, conv0.out, ..., logits)")
      ->needs(import);
  app->add_option("--pixels", o->pixels, "Pixel range the imported weights were trained on: unit (0..1), byte (0..255), auto")
      ->check(CLI::IsMember({"auto", "unit", "byte"}))
      ->capture_default_str();
  app->add_option(
         "--quantizers", o->quantizers,
         "Of the imported network: none, or published, those of the authors' 8-bit checkpoints; auto: as the file says")
      ->needs(import)
      ->check(CLI::IsMember({"auto", "none", "published"}))
      ->capture_default_str();
  app->add_option(
         "--predictions", o->predictions,
         "Write the class of every test sample to this .npz; as predictions.npz in a run's folder, `report` compares runs "
         "by them")
      ->excludes(import);
  app->add_flag(
         "--front-end", o->front_end,
         "Of spoken words: also with their features computed in integers, as `deploy --front-end mfcc` does on the device")
      ->excludes(import);
  app->add_flag("--json", o->json, "Machine-readable");
  app->callback([=, &chosen] {
    if (o->run.empty() && o->import.empty() && has_own_weights(o->config.model)) o->import = o->config.model;
    if (o->run.empty() && o->import.empty())
      throw CLI::ValidationError("eval", "name a run's folder, --import FILE, or --model FILE.onnx");
    chosen = [=](const std::string&) {
      settle_task_options(*app, o->config);
      print(o->import.empty() ? eval_run(*o) : eval_import(*o), o->json);
    };
  });
}

}  // namespace bitloom
