// Speed of oneDNN's fp32 convolutions on the layers of kernels_bench.cpp, one line per layer and direction in GFLOP/s: the peer of
// our kernels. onednn_conv.sh builds and runs it where oneDNN is installed. Layouts are oneDNN's own choice, reordering not counted.
#include <algorithm>
#include <cstdio>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>

#include "bench/peers/seconds.h"

namespace {

using dnnl::memory;

struct Layer {
  const char* name;
  bool depthwise;
  int64_t h, w, c, oc, k, stride;
};

// As in kernels_bench.cpp.
const Layer kLayers[] = {
    {"resnet8/conv0", false, 32, 32, 3, 16, 3, 1},  {"resnet8/conv1", false, 32, 32, 16, 16, 3, 1},
    {"resnet8/conv3", false, 32, 32, 16, 32, 3, 2}, {"resnet8/conv4", false, 16, 16, 32, 32, 3, 1},
    {"resnet8/conv5", false, 32, 32, 16, 32, 1, 2}, {"resnet8/conv6", false, 16, 16, 32, 64, 3, 2},
    {"resnet8/conv7", false, 8, 8, 64, 64, 3, 1},   {"resnet8/conv8", false, 16, 16, 32, 64, 1, 2},
    {"ds_cnn/conv1", true, 25, 5, 64, 64, 3, 1},    {"ds_cnn/conv2", false, 25, 5, 64, 64, 1, 1},
    {"mobilenet/dw8", true, 48, 48, 8, 8, 3, 1},    {"mobilenet/dw16", true, 48, 48, 16, 16, 3, 2},
    {"mobilenet/dw64", true, 12, 12, 64, 64, 3, 1}, {"mobilenet/dw64_2", true, 12, 12, 64, 64, 3, 2},
    {"mobilenet/pw8", false, 48, 48, 8, 16, 1, 1},  {"mobilenet/pw128", false, 6, 6, 128, 128, 1, 1},
};

constexpr int64_t kBatch = 128;

void time_layer(const dnnl::engine& engine, const Layer& l) {
  dnnl::stream stream(engine);
  const int64_t oh = (l.h + l.stride - 1) / l.stride, ow = (l.w + l.stride - 1) / l.stride;
  const int64_t rows = std::max<int64_t>(0, (oh - 1) * l.stride + l.k - l.h),
                columns = std::max<int64_t>(0, (ow - 1) * l.stride + l.k - l.w);
  const memory::dims strides{l.stride, l.stride}, before{rows / 2, columns / 2}, after{rows - rows / 2, columns - columns / 2};
  const auto any = [](const memory::dims& dims) { return memory::desc(dims, memory::data_type::f32, memory::format_tag::any); };
  const memory::desc x = any({kBatch, l.c, l.h, l.w}), y = any({kBatch, l.oc, oh, ow});
  const memory::desc w = l.depthwise ? any({l.c, 1, 1, l.k, l.k}) : any({l.oc, l.c, l.k, l.k});
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct, x, w, y, strides, before, after}, engine);
  const dnnl::convolution_backward_data::primitive_desc input_grad(
      {dnnl::algorithm::convolution_direct, x, w, y, strides, before, after}, engine, forward);
  const dnnl::convolution_backward_weights::primitive_desc weight_grad(
      {dnnl::algorithm::convolution_direct, x, w, y, strides, before, after}, engine, forward);

  const double flops = 2.0 * double(kBatch * oh * ow * l.oc * l.k * l.k * (l.depthwise ? 1 : l.c));
  const auto report = [&](const char* direction, const dnnl::primitive& primitive,
                          const std::unordered_map<int, memory::desc>& descs) {
    std::unordered_map<int, memory> arguments;
    for (const auto& [index, desc] : descs) {
      memory m(desc, engine);
      std::fill_n(static_cast<float*>(m.get_data_handle()), desc.get_size() / sizeof(float), 0.5f);
      arguments.emplace(index, m);
    }
    const double time = seconds([&] { primitive.execute(stream, arguments), stream.wait(); });
    std::printf("%s/%s %.1f\n", l.name, direction, flops / time / 1e9);
  };
  report("forward", dnnl::convolution_forward(forward),
         {{DNNL_ARG_SRC, forward.src_desc()}, {DNNL_ARG_WEIGHTS, forward.weights_desc()}, {DNNL_ARG_DST, forward.dst_desc()}});
  if (l.c != 3) {
    report("input_grad", dnnl::convolution_backward_data(input_grad),
           {{DNNL_ARG_DIFF_SRC, input_grad.diff_src_desc()},
            {DNNL_ARG_WEIGHTS, input_grad.weights_desc()},
            {DNNL_ARG_DIFF_DST, input_grad.diff_dst_desc()}});
  }
  report("weight_grad", dnnl::convolution_backward_weights(weight_grad),
         {{DNNL_ARG_SRC, weight_grad.src_desc()},
          {DNNL_ARG_DIFF_WEIGHTS, weight_grad.diff_weights_desc()},
          {DNNL_ARG_DIFF_DST, weight_grad.diff_dst_desc()}});
}

}  // namespace

int main() {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  for (const Layer& layer : kLayers) time_layer(engine, layer);
}
