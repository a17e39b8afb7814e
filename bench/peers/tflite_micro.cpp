// Instructions of TensorFlow Lite Micro's reference kernels for every layer of ResNet-8 or DS-CNN, a line each.
#include <tensorflow/lite/kernels/internal/reference/integer_ops/add.h>
#include <tensorflow/lite/kernels/internal/reference/integer_ops/conv.h>
#include <tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h>
#include <tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h>
#include <tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h>

extern "C" {
#include "bench/peers/instructions.h"
}
#include <initializer_list>

#include "bench/peers/layers.h"

namespace {

using namespace tflite;  // NOLINT
namespace kernels = tflite::reference_integer_ops;

RuntimeShape shape(std::initializer_list<int32_t> dims) { return RuntimeShape(int(dims.size()), dims.begin()); }

// What convolutions of both kinds have in common.
template <class Params>
Params window(const row& l) {
  Params p{};
  p.padding_values.width = int16_t(l.left), p.padding_values.height = int16_t(l.top);
  p.stride_width = p.stride_height = int16_t(l.stride);
  p.dilation_width_factor = p.dilation_height_factor = 1;
  p.input_offset = 128, p.output_offset = -128;
  p.quantized_activation_min = -128, p.quantized_activation_max = 127;
  return p;
}

void run(const row& l) {
  const RuntimeShape from = shape({1, l.h, l.w, l.c}), to = shape({1, l.out_h, l.out_w, l.out_c}), biases = shape({l.out_c});
  switch (l.op) {
    case CONV:
      return kernels::ConvPerChannel(window<ConvParams>(l), multiplier, shift, from, in, shape({l.out_c, l.kh, l.kw, l.c}),
                                     weights, biases, bias, to, out);
    case DEPTHWISE: {
      DepthwiseParams p = window<DepthwiseParams>(l);
      p.depth_multiplier = 1;
      return kernels::DepthwiseConvPerChannel(p, multiplier, shift, from, in, shape({1, l.kh, l.kw, l.c}), weights, biases,
                                              bias, to, out);
    }
    case ADD: {
      ArithmeticParams p{};
      p.input1_offset = p.input2_offset = 128, p.output_offset = -128;
      p.left_shift = 20;
      p.input1_multiplier = p.input2_multiplier = p.output_multiplier =
          multiplier[0];  // unknown to the compiler, as in a graph
      p.output_shift = -19;
      p.quantized_activation_min = -128, p.quantized_activation_max = 127;
      return kernels::Add(p, from, in, from, second, to, out);
    }
    case POOL: {
      PoolParams p{};
      p.stride_height = p.stride_width = l.stride;
      p.filter_height = l.kh, p.filter_width = l.kw;
      p.quantized_activation_min = -128, p.quantized_activation_max = 127;
      kernels::AveragePool(p, from, in, to, out);
      return;
    }
    default: {
      FullyConnectedParams p{};
      p.input_offset = 128, p.output_offset = -128, p.output_multiplier = multiplier[0], p.output_shift = shift[0];
      p.quantized_activation_min = -128, p.quantized_activation_max = 127;
      return kernels::FullyConnected(p, shape({1, l.c}), in, shape({l.out_c, l.c}), weights, biases, bias, shape({1, l.out_c}),
                                     out);
    }
  }
}

}  // namespace

int main() {
  fill();
  for (const row& l : layers) {
    count_begin();
    run(l);
    print_count(count_end());
  }
  return 0;
}
