// The integer interpreter: a few images at a time go through all layers, so that the next layer finds in the cache what one wrote.
#include "quant/integer/run.h"

#include <omp.h>

#include "core/parallel.h"
#include "quant/integer/kernels.h"
#include "quant/integer/memory_plan.h"
#include "quant/integer/pack.h"

namespace bitloom {
namespace {

constexpr int64_t kCacheBytes = 256 << 10;  // what the activations of a block of images may take of the second cache
constexpr int64_t kMaxBlock = 16;           // images; more would not share loads of weights any further

// A layer prepared for its kernel.
struct Step {
  const IntegerLayer* layer;
  const IntegerLayer* in;
  integer::Prepared prepared;
  int64_t size() const { return layer->h * layer->w * layer->c; }
};

}  // namespace

struct IntegerRunner::Plan {
  explicit Plan(const IntegerGraph& source);

  // Where the layers' codes live in the memory of a thread that runs blocks of up to `images`.
  MemoryPlan memory(int64_t images) const;
  // As many images as stay in the cache, but no more than make up the share of a thread.
  int64_t block_size(int64_t images) const;
  // Checks and stores the input codes of `count` images, the first of which errors call `index`.
  void take_input(const int16_t* input, int64_t index, int64_t count, uint8_t* codes) const;
  template <class Out>
  void run_step(size_t i, int64_t count, uint8_t* memory, const MemoryPlan& plan, Out* out) const;
  // Runs every layer; `behind` is called with the index of each but the last and with where its codes are.
  template <class Behind>
  void run_block(const int16_t* input, int64_t index, int64_t count, uint8_t* memory, const MemoryPlan& plan, int32_t* output,
                 Behind behind) const;

  IntegerGraph graph;
  std::vector<Step> steps;
};

namespace {

integer::Prepared prepare(const IntegerGraph& graph, const IntegerLayer& layer, const IntegerLayer& in) {
  switch (layer.op) {
    case IntegerOp::kInput: break;
    case IntegerOp::kConv2d:
    case IntegerOp::kLinear: return integer::prepare_conv2d(layer, in, unpack_weights(graph, layer));
    case IntegerOp::kDepthwise: return integer::prepare_depthwise(layer, in, unpack_weights(graph, layer));
    case IntegerOp::kAvgPool: return integer::prepare_avg_pool(layer, in);
    case IntegerOp::kAdd: return integer::prepare_add(layer, in, graph.layers[size_t(layer.inputs[1])]);
    case IntegerOp::kMaxPool: break;  // nothing beyond the layer itself
  }
  return integer::Prepared();
}

}  // namespace

IntegerRunner::Plan::Plan(const IntegerGraph& source) : graph(source) {
  graph.validate();
  for (const IntegerLayer& layer : graph.layers) {
    const IntegerLayer& in = layer.inputs.empty() ? layer : graph.layers[size_t(layer.inputs[0])];
    steps.push_back({&layer, &in, prepare(graph, layer, in)});
  }
}

MemoryPlan IntegerRunner::Plan::memory(int64_t images) const {
  std::vector<LayerMemory> demands;
  for (const Step& step : steps) {
    const IntegerLayer& layer = *step.layer;
    const bool padded = layer.pt + layer.pb + layer.pl + layer.pr > 0 && layer.op != IntegerOp::kMaxPool;
    demands.push_back({images * step.size() + integer::kSlack,
                       padded ? images * integer::padded_size(step.prepared) + integer::kSlack : 0,
                       {}});
  }
  return plan_memory(graph, demands, 64);
}

int64_t IntegerRunner::Plan::block_size(int64_t images) const {
  const int64_t threads = omp_get_max_threads(), share = (images + threads - 1) / threads;
  return std::max<int64_t>(1, std::min({kCacheBytes / memory(1).size, kMaxBlock, share}));
}

void IntegerRunner::Plan::take_input(const int16_t* input, int64_t index, int64_t count, uint8_t* codes) const {
  const QuantScheme& scheme = graph.layers[0].out;
  const int32_t lo = scheme.lo(), hi = scheme.hi();
  const int64_t size = steps[0].size();
  const uint16_t span = uint16_t(hi - lo);
  uint16_t outside = 0;
  for (int64_t i = 0; i < count * size; ++i) {
    const uint16_t code = uint16_t(input[i] - lo);
    outside |= uint16_t(code > span);
    codes[i] = uint8_t(code);
  }
  for (int64_t i = 0; i < count * size && outside; ++i) {
    BITLOOM_CHECK(input[i] >= lo && input[i] <= hi, "integer network: code ", input[i], " at position ", i % size, " of image ",
                  index + i / size, " is outside ", lo, "..", hi);
  }
}

template <class Out>
void IntegerRunner::Plan::run_step(size_t i, int64_t count, uint8_t* memory, const MemoryPlan& plan, Out* out) const {
  const IntegerLayer &layer = *steps[i].layer, &in = *steps[i].in;
  const integer::Prepared& prepared = steps[i].prepared;
  const auto codes = [&](size_t k) { return memory + plan.layers[size_t(layer.inputs[k])].output; };
  const auto padded = [&] { return integer::pad_images(codes(0), count, in, layer, memory + plan.layers[i].scratch); };
  switch (layer.op) {
    case IntegerOp::kInput: break;
    case IntegerOp::kConv2d:
    case IntegerOp::kLinear: return integer::conv2d(padded(), count, prepared, out);
    case IntegerOp::kDepthwise: return integer::depthwise(padded(), count, prepared, out);
    case IntegerOp::kAvgPool: return integer::avg_pool(codes(0), count, prepared, out);
    case IntegerOp::kAdd: return integer::add(codes(0), codes(1), count, prepared, out);
    case IntegerOp::kMaxPool: return integer::max_pool(codes(0), count, in, layer, out);
  }
}

template <class Behind>
void IntegerRunner::Plan::run_block(const int16_t* input, int64_t index, int64_t count, uint8_t* memory, const MemoryPlan& plan,
                                    int32_t* output, Behind behind) const {
  take_input(input, index, count, memory + plan.layers[0].output);
  if (steps.size() == 1) std::copy_n(input, count * steps[0].size(), output);
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    uint8_t* codes = memory + plan.layers[i].output;
    if (i > 0) run_step(i, count, memory, plan, codes);
    behind(i, codes);
  }
  if (steps.size() > 1) run_step(steps.size() - 1, count, memory, plan, output);
}

IntegerRunner::IntegerRunner(const IntegerGraph& graph) : plan_(std::make_unique<Plan>(graph)) {}
IntegerRunner::~IntegerRunner() = default;

TensorT<int32_t> IntegerRunner::run(const TensorT<int16_t>& input) const {
  const Step &first = plan_->steps.front(), &last = plan_->steps.back();
  const int64_t images = input.shape()[0];
  const Shape wanted{images, first.layer->h, first.layer->w, first.layer->c};
  BITLOOM_CHECK(input.shape() == wanted, "integer network: expected an input of shape ", wanted, ", got ", input.shape());
  TensorT<int32_t> output(Shape{images, last.size()});
  const int64_t block = plan_->block_size(images), share = (images + omp_get_max_threads() - 1) / omp_get_max_threads();
  const MemoryPlan places = plan_->memory(block);
  parallel_blocks(images, std::max<int64_t>(share, 1), [&](int64_t begin, int64_t end) {
    TensorT<uint8_t> memory(Shape{places.size}, uint8_t(0));
    for (int64_t i = begin; i < end; i += block) {
      plan_->run_block(input.data() + i * first.size(), i, std::min(block, end - i), memory.data(), places,
                       output.data() + i * last.size(), [](size_t, const uint8_t*) {});
    }
  });
  return output;
}

std::vector<std::vector<int32_t>> IntegerRunner::run_layers(const int16_t* input) const {
  const MemoryPlan places = plan_->memory(1);
  TensorT<uint8_t> memory(Shape{places.size}, uint8_t(0));
  std::vector<int32_t> output(size_t(plan_->steps.back().size()));
  std::vector<std::vector<int32_t>> all;
  plan_->run_block(input, 0, 1, memory.data(), places, output.data(), [&](size_t i, const uint8_t* codes) {
    all.emplace_back(codes, codes + plan_->steps[i].size());
    for (int32_t& code : all.back()) code += plan_->steps[i].layer->out.lo();
  });
  all.push_back(output);
  return all;
}

}  // namespace bitloom
