// Checks of an operation against its definition in double precision: values, gradients, and its behaviour on a tape.
#pragma once
#include <cxxabi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <typeinfo>
#include <vector>

#include "core/ops/loss.h"
#include "core/ops/support.h"

namespace bitloom::testing {

// "MixWeights", "ConvOpfalse": the type's name without namespace and punctuation.
template <class Op>
std::string op_name() {
  int status = 0;
  char* demangled = abi::__cxa_demangle(typeid(Op).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? demangled : typeid(Op).name();
  std::free(demangled);
  name = name.substr(name.rfind(':') + 1);
  name.erase(std::remove_if(name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }), name.end());
  return name;
}

using bitloom::to_double;

inline TensorsD to_double(const Tensors& in) {
  TensorsD out;
  for (const Tensor& t : in) out.push_back(to_double(t));
  return out;
}

inline TensorsD clones(const TensorsD& in) {
  TensorsD out;
  for (const TensorD& t : in) out.push_back(t.defined() ? t.clone() : t);
  return out;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.defined() == b.defined() && a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), size_t(a.size()) * sizeof(float)) == 0);
}

// The largest difference must be below `tolerance` times the largest expected magnitude (but at least `floor`).
inline void expect_near(const Tensor& got, const TensorD& expected, double tolerance, double floor, const std::string& what) {
  ASSERT_TRUE(got.defined()) << what << " is undefined";
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  double largest = floor, worst = 0;
  int64_t at = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double d = std::abs(double(got[i]) - expected[i]);
    if (!(d <= worst)) worst = d, at = i;
  }
  EXPECT_LE(worst, tolerance * largest) << what << ": element " << at << " is " << got[at] << ", expected " << expected[at];
}

// Central differences of <dy, reference(x)> with respect to input `which`. The rounding residuals stay those of the
// unperturbed inputs.
template <class Op>
TensorD numeric_gradient(const Op& op, const TensorsD& base, const Tensor& dy, size_t which, double step = 1e-5) {
  TensorsD x = clones(base);
  const auto objective = [&] {
    const TensorD y = op.reference(x, base);
    double sum = 0;
    for (int64_t i = 0; i < y.size(); ++i) sum += y[i] * double(dy[i]);
    return sum;
  };
  TensorD gradient(base[which].shape());
  for (int64_t k = 0; k < gradient.size(); ++k) {
    x[which][k] = base[which][k] + step;
    const double above = objective();
    x[which][k] = base[which][k] - step;
    gradient[k] = (above - objective()) / (2 * step);
    x[which][k] = base[which][k];
  }
  return gradient;
}

// forward() is reference(); backward() is its derivative; an input that needs no gradient changes nothing about those that do.
template <class Op>
void check_against_reference(const GradCase<Op>& test) {
  SCOPED_TRACE(op_name<Op>() + ", " + test.label);
  ASSERT_EQ(test.inputs.size(), test.differentiable.size());
  const TensorsD base = to_double(test.inputs);
  Op op = test.op;
  const Tensor y = op.forward(test.inputs);
  // reference() is asked of the operation that ran: some learn the shapes of their inputs in forward().
  expect_near(y, op.reference(base, base), 1e-5, 1e-3, "forward");
  const Tensor dy = random_tensor(y.shape(), 99);
  const Tensors all = op.backward(dy, test.differentiable);
  ASSERT_EQ(all.size(), test.inputs.size());
  for (size_t i = 0; i < test.inputs.size(); ++i) {
    if (!test.differentiable[i]) continue;
    const std::string what = "gradient of input " + std::to_string(i);
    expect_near(all[i], numeric_gradient(op, base, dy, i), 1e-4, 1e-3, what);
    std::vector<bool> only(test.inputs.size());
    only[i] = true;
    EXPECT_TRUE(same_bits(op.backward(dy, only)[i], all[i])) << what << " depends on which other gradients are wanted";
  }
}

// A tape hands every input that requires it the gradient of backward(), and the others none.
template <class Op>
void check_on_tape(const GradCase<Op>& test) {
  SCOPED_TRACE(op_name<Op>() + ", " + test.label + ", on a tape");
  Op op = test.op;
  const Tensor y = op.forward(test.inputs), target = random_tensor(y.shape(), 98);
  MeanSquaredError head(target);
  head.forward({y});
  const Tensors expected = op.backward(head.backward(scalar(1), {true})[0], test.differentiable);
  for (size_t wanted = 0; wanted <= test.inputs.size(); ++wanted) {  // each input alone, then all
    if (wanted < test.inputs.size() && !test.differentiable[wanted]) continue;
    std::vector<Variable> inputs;
    for (size_t i = 0; i < test.inputs.size(); ++i) {
      const bool wants = test.differentiable[i] && (wanted == i || wanted == test.inputs.size());
      inputs.push_back(test.inputs[i].defined() ? Variable(test.inputs[i], wants) : Variable());
    }
    Tape tape;
    const Variable output = tape.apply(test.op, inputs);
    tape.backward(tape.apply(MeanSquaredError(target), {output}));
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].defined()) continue;
      EXPECT_TRUE(same_bits(inputs[i].grad(), inputs[i].requires_grad() ? expected[i] : Tensor())) << "input " << i;
    }
    EXPECT_FALSE(output.grad().defined()) << "the gradient of a result in between is kept";
  }
  Tape silent(Tape::kInference);
  std::vector<Variable> inputs;
  for (const Tensor& t : test.inputs) inputs.push_back(t.defined() ? Variable(t, true) : Variable());
  const Variable output = silent.apply(test.op, inputs);
  EXPECT_FALSE(output.requires_grad());
  EXPECT_TRUE(same_bits(output.value(), y));
}

}  // namespace bitloom::testing
