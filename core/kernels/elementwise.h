// Elementwise and loss kernels. Outputs may alias inputs of the same size. Scalar results are folded in a fixed order.
#pragma once
#include <cstdint>

namespace bitloom {

void relu_forward(const float* x, float* y, int64_t n);
// dx = dy where y > 0, else 0.
void relu_input_grad(const float* y, const float* dy, float* dx, int64_t n);
// y = min(max(x, 0), 6)
void relu6_forward(const float* x, float* y, int64_t n);
// dx = dy where 0 < x < 6, else 0; x may be what relu6_forward made of it.
void relu6_input_grad(const float* x, const float* dy, float* dx, int64_t n);
// y = a + b, then max(0, .) if relu.
void add_forward(const float* a, const float* b, bool relu, float* y, int64_t n);
// y += x
void accumulate(const float* x, float* y, int64_t n);
// x (rows, c) times g (c).
void channel_scale(const float* x, const float* g, float* y, int64_t rows, int64_t c);

// Mean cross-entropy of softmax(logits (rows, classes)) against labels; writes the probabilities, which the gradient needs, to
// `prob`. Error if a label is not in [0, classes).
double softmax_cross_entropy(const float* logits, const int32_t* labels, float* prob, int64_t rows, int64_t classes);
// dlogits = (prob - onehot(label)) * (dloss / rows)
void softmax_cross_entropy_grad(const float* prob, const int32_t* labels, float dloss, float* dlogits, int64_t rows,
                                int64_t classes);

// The same against distributions over the classes, `targets` (rows, classes): the mean of -sum_j target[j] log prob[j].
double soft_cross_entropy(const float* logits, const float* targets, float* prob, int64_t rows, int64_t classes);
// dlogits = (prob - target) * (dloss / rows), for targets that sum to 1
void soft_cross_entropy_grad(const float* prob, const float* targets, float dloss, float* dlogits, int64_t rows,
                             int64_t classes);
// prob = softmax(logits), row by row.
void softmax(const float* logits, float* prob, int64_t rows, int64_t classes);

// Mean over all n elements of (a - b)^2, and its gradient for a.
double mean_squared_error(const float* a, const float* b, int64_t n);
void mean_squared_error_grad(const float* a, const float* b, float dloss, float* da, int64_t n);

}  // namespace bitloom
