// Instructions of CMSIS-NN's kernels for every layer of ResNet-8 or DS-CNN, in the order of our networks' layers, a line each. WEIGHT_BITS is 8 or 4.
#include "arm_nnfunctions.h"
#include "bench/peers/instructions.h"
#include "bench/peers/layers.h"

static int16_t buffer[65536];

static arm_cmsis_nn_status run(const row* l) {
  const cmsis_nn_context context = {buffer, sizeof buffer};
  const cmsis_nn_dims from = {1, l->h, l->w, l->c}, to = {1, l->out_h, l->out_w, l->out_c}, biases = {1, 1, 1, l->out_c};
  const cmsis_nn_tile stride = {l->stride, l->stride}, padding = {l->left, l->top}, dilation = {1, 1};
  const cmsis_nn_activation range = {-128, 127};
  const cmsis_nn_per_channel_quant_params rules = {multiplier, shift};
  switch (l->op) {
    case CONV: {
      const cmsis_nn_conv_params params = {128, -128, stride, padding, dilation, range};
      const cmsis_nn_dims window = {l->out_c, l->kh, l->kw, l->c};
#if WEIGHT_BITS == 4
      return arm_convolve_wrapper_s4(&context, &params, &rules, &from, in, &window, weights, &biases, bias, &to, out);
#else
      return arm_convolve_wrapper_s8(&context, &params, &rules, &from, in, &window, weights, &biases, bias, &to, out);
#endif
    }
    case DEPTHWISE: {
      const cmsis_nn_dw_conv_params params = {128, -128, 1, stride, padding, dilation, range};
      const cmsis_nn_dims window = {1, l->kh, l->kw, l->c};
#if WEIGHT_BITS == 4
      return arm_depthwise_conv_wrapper_s4(&context, &params, &rules, &from, in, &window, weights, &biases, bias, &to, out);
#else
      return arm_depthwise_conv_wrapper_s8(&context, &params, &rules, &from, in, &window, weights, &biases, bias, &to, out);
#endif
    }
    case ADD:
      return arm_elementwise_add_s8(in, second, 128, 1 << 30, 0, 128, 1 << 30, 0, 20, out, -128, 1 << 30, -19, -128, 127,
                                    l->h * l->w * l->c);
    case POOL: {
      const cmsis_nn_pool_params params = {stride, padding, range};
      const cmsis_nn_dims window = {1, l->kh, l->kw, 1};
      return arm_avgpool_s8(&context, &params, &from, in, &window, &to, out);
    }
    default: {
      const cmsis_nn_fc_params params = {128, 0, -128, range};
      const cmsis_nn_per_tensor_quant_params rule = {1 << 30, -7};
      const cmsis_nn_dims window = {l->c, 1, 1, l->out_c}, row_of = {1, 1, 1, l->c};
#if WEIGHT_BITS == 4
      return arm_fully_connected_s4(&context, &params, &rule, &row_of, in, &window, weights, &biases, bias, &to, out);
#else
      return arm_fully_connected_s8(&context, &params, &rule, &row_of, in, &window, weights, &biases, bias, &to, out);
#endif
    }
  }
}

int main(void) {
  fill();
  for (size_t i = 0; i < sizeof layers / sizeof *layers; ++i) {
    count_begin();
    const arm_cmsis_nn_status status = run(&layers[i]);
    const uint32_t count = count_end();
    if (status != ARM_CMSIS_NN_SUCCESS) return 1;
    print_count(count);
  }
  return 0;
}
