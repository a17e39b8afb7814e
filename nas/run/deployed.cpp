// What is measured on a deployed network.
#include "nas/run/deployed.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <numeric>

#include "core/io.h"
#include "core/json.h"
#include "nn/learner.h"
#include "quant/integer/pack.h"
#include "quant/integer/run.h"
#include "quant/lower.h"

namespace bitloom {
namespace {

// Calls f(batch, first sample) over the split in order.
template <class F>
void for_each_batch(const Dataset& data, F f) {
  constexpr int64_t kBatch = 500;
  std::vector<int64_t> indices(size_t(data.size()));
  std::iota(indices.begin(), indices.end(), int64_t(0));
  for (int64_t begin = 0; begin < data.size(); begin += kBatch)
    f(gather(data, indices.data() + begin, std::min(kBatch, data.size() - begin), {}, nullptr), begin);
}

std::vector<int32_t> classes_of(const TensorT<int32_t>& outputs) {
  const int64_t rows = outputs.shape()[0], columns = rows ? outputs.size() / rows : 0;
  std::vector<int32_t> best;
  for (int64_t r = 0; r < rows; ++r) {
    const int32_t* row = outputs.data() + r * columns;
    best.push_back(int32_t(std::max_element(row, row + columns) - row));
  }
  return best;
}

}  // namespace

std::string network_file(const std::string& run) { return std::filesystem::is_directory(run) ? run + "/network.blig" : run; }

void take_task_of(const std::string& run, RunConfig& config) {
  if (!std::filesystem::is_directory(run) || !config.data.empty()) return;
  const RunConfig stored = config_from_json(read_text(run + "/config.json", JsonValue::kMaxBytes), run + "/config.json");
  config.task = stored.task;
  config.seed = stored.seed;
}

void check_fits(const IntegerGraph& graph, const std::string& file, const Dataset& data, const std::string& name) {
  const IntegerLayer &in = graph.layers.front(), &last = graph.layers.back();
  BITLOOM_CHECK(in.h == data.h && in.w == data.w && in.c == data.c, file, ": reads ", in.h, "x", in.w, "x", in.c,
                " samples, dataset '", name, "' has ", data.h, "x", data.w, "x", data.c);
  const int64_t wanted = data.classes > 0 ? data.classes : data.sample_size();
  BITLOOM_CHECK(last.h * last.w * last.c == wanted, file, ": gives ", last.h * last.w * last.c, " outputs, dataset '", name,
                "' wants ", wanted);
}

TensorT<int16_t> random_codes(const IntegerGraph& graph, int64_t count, Rng rng) {
  const IntegerLayer& in = graph.layers.front();
  const int32_t lo = in.out.lo(), hi = in.out.hi();
  TensorT<int16_t> samples(Shape{count, in.h, in.w, in.c});
  for (int64_t i = 0; i < samples.size(); ++i) samples[i] = int16_t(lo + rng.below(hi - lo + 1));
  return samples;
}

std::string weight_bits_text(const IntegerLayer& layer) {
  std::map<int, int64_t> channels;
  for (const ChannelGroup& group : layer.groups) channels[-group.bits] += group.channels;
  std::string text;
  for (const auto& [bits, count] : channels) text += (text.empty() ? "" : " ") + str(count, "@", -bits);
  return text.empty() ? "-" : text;
}

TensorT<int32_t> run_integer(const IntegerGraph& graph, const Dataset& data) {
  const IntegerRunner runner(graph);
  const IntegerLayer& last = graph.layers.back();
  const int64_t columns = last.h * last.w * last.c;
  TensorT<int32_t> all(Shape{data.size(), columns});
  for_each_batch(data, [&](const Batch& batch, int64_t first) {
    const TensorT<int32_t> out = runner.run(input_codes(graph, batch.x));
    std::memcpy(all.data() + first * columns, out.data(), size_t(out.size()) * sizeof(int32_t));
  });
  return all;
}

double integer_score(const IntegerGraph& graph, const TensorT<int32_t>& outputs, const Dataset& data) {
  if (data.classes) {
    const std::vector<int32_t> predicted = classes_of(outputs);
    int64_t correct = 0;
    for (size_t i = 0; i < predicted.size(); ++i) correct += predicted[i] == data.labels[i];
    return double(correct) / double(std::max<size_t>(1, predicted.size()));
  }
  const int64_t columns = outputs.size() / std::max<int64_t>(1, data.size());
  double sum = 0;
  for_each_batch(data, [&](const Batch& batch, int64_t first) {
    for (int64_t i = 0; i < batch.x.size(); ++i)
      sum += std::pow(graph.layers.back().out.scale * outputs[first * columns + i] - double(batch.x[i]), 2);
  });
  return -sum / double(std::max<int64_t>(1, outputs.size()));
}

double agreement(const IntegerGraph& graph, const TensorT<int32_t>& outputs, Network& network, LayerTransform* transform,
                 const Dataset& data) {
  const int64_t columns = outputs.size() / std::max<int64_t>(1, data.size());
  const std::vector<int32_t> classes = data.classes ? classes_of(outputs) : std::vector<int32_t>();
  const double scale = graph.layers.back().out.scale;
  int64_t same = 0, total = 0;
  for_each_batch(data, [&](const Batch& batch, int64_t first) {
    Tape tape(Tape::kInference);
    const Tensor y = network.forward(tape, batch.x, {false, transform, nullptr}).value();
    if (data.classes) {
      const std::vector<int32_t> predicted = argmax_rows(y.data(), batch.x.shape()[0], columns);
      for (size_t i = 0; i < predicted.size(); ++i) same += predicted[i] == classes[size_t(first) + i];
      total += int64_t(predicted.size());
    } else {
      for (int64_t i = 0; i < y.size(); ++i) same += std::fabs(double(y[i]) / scale - outputs[first * columns + i]) <= 1.001;
      total += y.size();
    }
  });
  return double(same) / double(std::max<int64_t>(1, total));
}

}  // namespace bitloom
