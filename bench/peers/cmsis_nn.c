// Instructions of CMSIS-NN's kernels for every layer of ResNet-8 or DS-CNN, in the order of our networks' layers, a line each. WEIGHT_BITS is 8 or 4.
// Weights and codes are made up: what a kernel does hardly depends on them.
#include "arm_nnfunctions.h"
#include "instructions.h"

enum { CONV, DEPTHWISE, ADD, POOL, DENSE };
// Input, output, window, stride, rows above and columns left that count as zeros.
typedef struct {
  int32_t op, h, w, c, out_h, out_w, out_c, kh, kw, stride, top, left;
} row;

static const row layers[] = {
#ifdef DS_CNN
#define BLOCK {DEPTHWISE, 25, 5, 64, 25, 5, 64, 3, 3, 1, 1, 1}, {CONV, 25, 5, 64, 25, 5, 64, 1, 1, 1, 0, 0}
    {CONV, 49, 10, 1, 25, 5, 64, 10, 4, 2, 4, 1}, BLOCK, BLOCK, BLOCK, BLOCK,
    {POOL, 25, 5, 64, 1, 1, 64, 25, 5, 1, 0, 0},  {DENSE, 1, 1, 64, 1, 1, 12, 1, 1, 1, 0, 0},
#else
    {CONV, 32, 32, 3, 32, 32, 16, 3, 3, 1, 1, 1},  {CONV, 32, 32, 16, 32, 32, 16, 3, 3, 1, 1, 1},
    {CONV, 32, 32, 16, 32, 32, 16, 3, 3, 1, 1, 1}, {ADD, 32, 32, 16, 32, 32, 16, 1, 1, 1, 0, 0},
    {CONV, 32, 32, 16, 16, 16, 32, 3, 3, 2, 0, 0}, {CONV, 16, 16, 32, 16, 16, 32, 3, 3, 1, 1, 1},
    {CONV, 32, 32, 16, 16, 16, 32, 1, 1, 2, 0, 0}, {ADD, 16, 16, 32, 16, 16, 32, 1, 1, 1, 0, 0},
    {CONV, 16, 16, 32, 8, 8, 64, 3, 3, 2, 0, 0},   {CONV, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1},
    {CONV, 16, 16, 32, 8, 8, 64, 1, 1, 2, 0, 0},   {ADD, 8, 8, 64, 8, 8, 64, 1, 1, 1, 0, 0},
    {POOL, 8, 8, 64, 1, 1, 64, 8, 8, 1, 0, 0},     {DENSE, 1, 1, 64, 1, 1, 10, 1, 1, 1, 0, 0},
#endif
};

static int8_t in[32 * 32 * 64], second[32 * 32 * 64], out[32 * 32 * 64], weights[3 * 3 * 64 * 64];
static int32_t bias[64], multiplier[64], shift[64];
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
  uint32_t word = 1;
  for (size_t i = 0; i < sizeof in; ++i) {
    word = word * 1664525u + 1013904223u;
    in[i] = (int8_t)(word >> 24);
    second[i] = (int8_t)(word >> 16);
    weights[i % sizeof weights] = (int8_t)(word >> 20);
  }
  for (int i = 0; i < 64; ++i) {
    multiplier[i] = 1 << 30;
    shift[i] = -8;
  }
  for (size_t i = 0; i < sizeof layers / sizeof *layers; ++i) {
    count_begin();
    const arm_cmsis_nn_status status = run(&layers[i]);
    const uint32_t count = count_end();
    if (status != ARM_CMSIS_NN_SUCCESS) return 1;
    print_count(count);
  }
  return 0;
}
