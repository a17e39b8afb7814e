// What is measured on a deployed network.
#include "nas/run/deployed.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "core/cancel.h"
#include "core/io.h"
#include "core/json.h"
#include "core/parallel.h"
#include "datasets/known_classes.h"
#include "nas/run/result.h"
#include "nas/run/task.h"
#include "nn/learner.h"
#include "quant/integer/anomaly_score.h"
#include "quant/integer/run.h"
#include "quant/lower.h"

namespace bitloom {

std::string network_file(const std::string& run) { return std::filesystem::is_directory(run) ? run + "/network.blig" : run; }

void check_finished(const std::string& run) {
  BITLOOM_CHECK(file_exists(run + "/result.json") || !file_exists(run + "/config.json"), run,
                ": this run has not come to its end; run its command again, which its config.json holds");
}

IntegerGraph load_deployed(const std::string& run) {
  const std::string file = network_file(run), result = run + "/result.json";
  if (file != run && !file_exists(file)) {
    check_finished(run);
    BITLOOM_CHECK(!file_exists(result) || result_from_json(read_text(result, JsonValue::kMaxBytes), result).precisions, run,
                  ": a float run has no integer network; make one with bitloom search, or train --quant w8a8, and --warmup ",
                  run, "/warmup.npz");
  }
  return load_graph(file);
}

std::vector<std::string> class_names(const std::string& run, const IntegerGraph& graph) {
  if (reconstructs(graph)) return {};
  const std::string file = run + "/result.json";
  if (file_exists(file)) {
    const RunResult result = result_from_json(read_text(file, JsonValue::kMaxBytes), file);
    if (result.classes) return *result.classes;
  }
  const IntegerLayer& last = graph.layers.back();
  return known_classes(graph.task, last.h * last.w * last.c);
}

void take_task_of(const std::string& run, RunConfig& config) {
  if (!std::filesystem::is_directory(run)) return;
  const std::string file = run + "/config.json";
  if (!config.data.empty() && !file_exists(file)) return;
  const RunConfig stored = config_from_json(read_text(file, JsonValue::kMaxBytes), file);
  config.image_size = stored.image_size;
  config.skip_bad = stored.skip_bad;
  RunConfig settled = config;
  settle_task(settled);
  if (config.data.empty() || settled.task == stored.task) config.fold = stored.fold;
  if (!config.data.empty()) return;
  config.task = stored.task;
  config.seed = stored.seed;
}

void check_fits(const IntegerGraph& graph, const std::string& file, const TaskData& data) {
  const IntegerLayer &in = graph.layers.front(), &last = graph.layers.back();
  const SampleFormat& f = data.test->format();
  BITLOOM_CHECK(in.h == f.h && in.w == f.w && in.c == f.c, file, ": reads ", in.h, "x", in.w, "x", in.c, " samples, dataset '",
                data.task.name, "' has ", f.h, "x", f.w, "x", f.c);
  const int64_t wanted = data.task.kind == TaskKind::kClassification ? data.task.classes : f.size();
  BITLOOM_CHECK(last.h * last.w * last.c == wanted, file, ": gives ", last.h * last.w * last.c, " outputs, dataset '",
                data.task.name, "' wants ", wanted);
}

TensorT<int16_t> random_codes(const IntegerGraph& graph, int64_t count, Rng rng) {
  const IntegerLayer& in = graph.layers.front();
  const int32_t lo = in.out.lo(), hi = in.out.hi();
  TensorT<int16_t> samples(Shape{count, in.h, in.w, in.c});
  for (int64_t i = 0; i < samples.size(); ++i) {
    if (i % (1 << 20) == 0) check_cancel();
    samples[i] = int16_t(lo + rng.below(hi - lo + 1));
  }
  return samples;
}

std::string weight_bits_text(const IntegerLayer& layer) {
  std::map<int, int64_t> channels;
  for (const ChannelGroup& group : layer.groups) channels[-group.bits] += group.channels;
  std::string text;
  for (const auto& [bits, count] : channels) text += (text.empty() ? "" : " ") + str(count, "@", -bits);
  return text.empty() ? "-" : text;
}

namespace {

// The integer network on every sample, a batch at a time: f(first sample, input codes, output codes).
template <class F>
void for_each_integer_batch(const IntegerGraph& graph, const Dataset& data, F f) {
  const IntegerRunner runner(graph);
  constexpr int64_t kBatch = 500;
  for (int64_t first = 0; first < data.size(); first += kBatch) {
    const TensorT<int16_t> in = input_codes(graph, data, first, std::min(kBatch, data.size() - first));
    f(first, in, runner.run(in));
  }
}

}  // namespace

std::vector<double> found_by_integers(const IntegerGraph& graph, TaskKind kind, const Dataset& data) {
  const bool classifies = kind == TaskKind::kClassification;
  const AnomalyRule rule = classifies ? AnomalyRule() : anomaly_rule(graph);
  std::vector<double> found(size_t(data.size()));
  for_each_integer_batch(graph, data, [&](int64_t first, const TensorT<int16_t>& in, const TensorT<int32_t>& out) {
    const int64_t rows = in.shape()[0], columns = out.size() / rows;
    parallel_for(rows, [&](int64_t r) {
      const int32_t* row = out.data() + r * columns;
      found[size_t(first + r)] = classifies ? found_in(kind, row, columns, 1, nullptr)
                                            : double(anomaly_score(rule, in.data() + r * columns, row, columns)) * rule.unit;
    });
  });
  return found;
}

double agreement(const IntegerGraph& graph, Network& network, LayerTransform* transform, const Dataset& data) {
  const TaskKind kind = network.spec().kind;
  const double scale = graph.layers.back().out.scale;
  int64_t same = 0, total = 0;
  for_each_integer_batch(graph, data, [&](int64_t first, const TensorT<int16_t>& in, const TensorT<int32_t>& out) {
    const int64_t rows = in.shape()[0], columns = out.size() / rows;
    std::vector<int64_t> indices(static_cast<size_t>(rows));
    std::iota(indices.begin(), indices.end(), first);
    Tape tape(Tape::kInference);
    const Tensor y = network.forward(tape, gather(data, indices.data(), rows, nullptr).x, Pass::kInference, transform).value();
    for (int64_t r = 0; r < rows; ++r) {
      const float* row = y.data() + r * columns;
      const int32_t* codes = out.data() + r * columns;
      if (kind == TaskKind::kClassification) {
        same += found_in(kind, row, columns, 1, nullptr) == found_in(kind, codes, columns, 1, nullptr);
        ++total;
      } else {
        for (int64_t k = 0; k < columns; ++k) same += std::fabs(double(row[k]) / scale - codes[k]) <= 1.001;
        total += columns;
      }
    }
  });
  return double(same) / double(std::max<int64_t>(1, total));
}

}  // namespace bitloom
