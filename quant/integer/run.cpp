// The integer interpreter.
#include "quant/integer/run.h"

#include <omp.h>

#include "core/parallel.h"
#include "quant/integer/kernels.h"
#include "quant/integer/pack.h"

namespace bitloom {
namespace {

// A layer prepared for the kernels; `at` is where its codes start in the scratch memory of an image.
struct Step {
  const IntegerLayer* layer;
  const IntegerLayer* in;
  integer::Window window;
  TensorT<int16_t> weights;
  int64_t at;
  int64_t size() const { return layer->h * layer->w * layer->c; }
};

}  // namespace

struct IntegerRunner::Plan {
  explicit Plan(const IntegerGraph& source);

  // Scratch memory of one thread: the codes of every layer, then the padded image of the layer that runs.
  TensorT<int16_t> scratch() const { return TensorT<int16_t>(Shape{scratch_size}, 0); }
  // Checks and copies an image (the error names its index), then runs every layer; all but the last leave their codes in scratch.
  void run_image(const int16_t* image, int64_t index, int16_t* scratch, int32_t* logits) const;
  template <class Out>
  void run_step(const Step& step, int16_t* scratch, Out* out) const;

  IntegerGraph graph;
  std::vector<Step> steps;
  int64_t padded_at = 0, scratch_size = 0;
};

IntegerRunner::Plan::Plan(const IntegerGraph& source) : graph(source) {
  graph.validate();
  int64_t padded = 0;
  const auto buffer = [](int64_t size) { return (size + integer::kSlack + 31) / 32 * 32; };
  for (const IntegerLayer& layer : graph.layers) {
    const IntegerLayer& in = layer.inputs.empty() ? layer : graph.layers[size_t(layer.inputs[0])];
    integer::Window window{in.w + layer.pl + layer.pr, in.c, layer.kh, layer.kw, layer.sh, layer.sw, layer.h, layer.w};
    TensorT<int16_t> weights;
    switch (layer.op) {
      case IntegerOp::kInput:
      case IntegerOp::kAdd:
      case IntegerOp::kAvgPool: break;
      case IntegerOp::kDepthwise: weights = integer::arrange_depthwise(unpack_weights(graph, layer), window); break;
      case IntegerOp::kLinear: window = {1, in.h * in.w * in.c, 1, 1, 1, 1, 1, 1}; [[fallthrough]];
      case IntegerOp::kConv2d: weights = integer::arrange_conv2d(unpack_weights(graph, layer), layer.c, window);
    }
    steps.push_back({&layer, &in, window, weights, padded_at});
    padded_at += buffer(steps.back().size());
    padded = std::max(padded, buffer(integer::padded_size(in.h, in.w, in.c, layer)));
  }
  scratch_size = padded_at + padded;
}

template <class Out>
void IntegerRunner::Plan::run_step(const Step& step, int16_t* scratch, Out* out) const {
  const IntegerLayer &layer = *step.layer, &in = *step.in;
  const auto codes = [&](size_t i) { return scratch + steps[size_t(layer.inputs[i])].at; };
  const auto image = [&] { return integer::pad_image(codes(0), in.h, in.w, in.c, layer, scratch + padded_at); };
  switch (layer.op) {
    case IntegerOp::kInput: break;
    case IntegerOp::kConv2d:
    case IntegerOp::kLinear: return integer::conv2d(image(), step.window, step.weights, layer, out);
    case IntegerOp::kDepthwise: return integer::depthwise(image(), step.window, step.weights, layer, out);
    case IntegerOp::kAvgPool: return integer::avg_pool(codes(0), step.window, layer, out);
    case IntegerOp::kAdd: return integer::add(codes(0), codes(1), layer, out);
  }
}

void IntegerRunner::Plan::run_image(const int16_t* image, int64_t index, int16_t* scratch, int32_t* logits) const {
  const QuantScheme& scheme = graph.layers[0].out;
  for (int64_t i = 0; i < steps[0].size(); ++i) {
    BITLOOM_CHECK(image[i] >= scheme.lo() && image[i] <= scheme.hi(), "integer network: code ", image[i], " at position ", i,
                  " of image ", index, " is outside ", scheme.lo(), "..", scheme.hi());
    scratch[i] = image[i];
  }
  if (steps.size() == 1) std::copy_n(scratch, steps[0].size(), logits);
  for (size_t i = 1; i < steps.size(); ++i) {
    if (i + 1 < steps.size()) {
      run_step(steps[i], scratch, scratch + steps[i].at);
    } else {
      run_step(steps[i], scratch, logits);
    }
  }
}

IntegerRunner::IntegerRunner(const IntegerGraph& graph) : plan_(std::make_unique<Plan>(graph)) {}
IntegerRunner::~IntegerRunner() = default;

TensorT<int32_t> IntegerRunner::run(const TensorT<int16_t>& input) const {
  const Step &first = plan_->steps.front(), &last = plan_->steps.back();
  const int64_t images = input.shape()[0];
  const Shape wanted{images, first.layer->h, first.layer->w, first.layer->c};
  BITLOOM_CHECK(input.shape() == wanted, "integer network: expected an input of shape ", wanted, ", got ", input.shape());
  TensorT<int32_t> output(Shape{images, last.size()});
  const int64_t share = (images + omp_get_max_threads() - 1) / omp_get_max_threads();
  parallel_blocks(images, std::max<int64_t>(share, 1), [&](int64_t begin, int64_t end) {
    TensorT<int16_t> scratch = plan_->scratch();
    for (int64_t i = begin; i < end; ++i) {
      plan_->run_image(input.data() + i * first.size(), i, scratch.data(), output.data() + i * last.size());
    }
  });
  return output;
}

std::vector<std::vector<int32_t>> IntegerRunner::run_layers(const int16_t* input) const {
  TensorT<int16_t> scratch = plan_->scratch();
  std::vector<int32_t> logits(size_t(plan_->steps.back().size()));
  plan_->run_image(input, 0, scratch.data(), logits.data());
  std::vector<std::vector<int32_t>> codes;
  for (const Step& step : plan_->steps) codes.emplace_back(scratch.data() + step.at, scratch.data() + step.at + step.size());
  codes.back() = logits;
  return codes;
}

}  // namespace bitloom
