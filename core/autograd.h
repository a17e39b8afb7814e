// Reverse-mode differentiation on an explicit tape: operations are recorded in the order they run, and the backward pass walks
// the record from its end. There is no graph to sort and no recursion, however deep the network.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "core/profile.h"
#include "core/tensor.h"

namespace bitloom {

using Tensors = std::vector<Tensor>;

// A shared handle to a value and, after a backward pass, its gradient.
class Variable {
 public:
  Variable() = default;
  explicit Variable(Tensor value, bool requires_grad = false)
      : state_(std::make_shared<State>(State{std::move(value), {}, requires_grad})) {
    if (requires_grad) state_->value.add_reader();  // it wants its gradient for itself
  }

  bool defined() const { return state_ != nullptr; }
  const Tensor& value() const { return state_->value; }
  Tensor& value() { return state_->value; }
  const Shape& shape() const { return state_->value.shape(); }
  bool requires_grad() const { return state_ && state_->requires_grad; }
  void set_requires_grad(bool on) { state_->requires_grad = on; }
  // Undefined until a backward pass has reached this variable.
  const Tensor& grad() const { return state_->grad; }
  // Takes the gradient away from the variable, leaving it undefined.
  Tensor take_grad() { return std::exchange(state_->grad, Tensor()); }
  // Adds to the gradient. A buffer that anything else still refers to is never written to.
  void add_grad(Tensor grad);

 private:
  struct State {
    Tensor value, grad;
    bool requires_grad;
  };
  std::shared_ptr<State> state_;
};

// An operation is constructed from its attributes, keeps what its backward pass needs to itself, and has
//   Tensor forward(const Tensors& in);                                   an absent optional input is an undefined Tensor
//   Tensors backward(const Tensor& dy, const std::vector<bool>& needs);  one gradient per input, undefined where needs[i] is false
//   static std::vector<GradCase<Op>> grad_cases();                       small inputs on which tests differentiate it
//   TensorT<double> reference(const std::vector<TensorT<double>>& in, const std::vector<TensorT<double>>& base) const;
// reference() is the definition in double precision, which the tests compare forward() with and differentiate numerically. Operations that
// round define their gradient as straight-through: they take the rounding residual from `base`, the unperturbed inputs.
template <class Op>
struct GradCase {
  const char* label;
  Op op;
  Tensors inputs;
  std::vector<bool> differentiable;  // per input
};

class Tape {
 public:
  enum Mode { kRecord, kInference };
  explicit Tape(Mode mode = kRecord) : recording_(mode == kRecord) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  bool recording() const { return recording_; }

  // Runs op.forward on the values and records it when some input requires a gradient.
  template <class Op>
  Variable apply(Op op, std::vector<Variable> inputs) {
    static_assert(sizeof(&Op::grad_cases) && sizeof(&Op::reference), "an operation defines grad_cases and reference");
    Tensors values(inputs.size());
    bool needed = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].defined()) continue;
      values[i] = inputs[i].value();
      needed = needed || inputs[i].requires_grad();
    }
    needed = needed && recording_;
    for (size_t i = 0; needed && i < values.size(); ++i)
      if (values[i].defined()) values[i].add_reader();
    Variable output(op.forward(values));
    output.set_requires_grad(needed);
    if (needed) nodes_.push_back(std::make_unique<OpNode<Op>>(std::move(op), std::move(inputs), output));
    return output;
  }

  // Gradients of sum(weight * scalar) for every variable that requires one; the record is consumed.
  void backward(const std::vector<std::pair<Variable, float>>& objective);
  void backward(const Variable& loss) { backward({{loss, 1.0f}}); }

 private:
  struct Node {
    Node(std::vector<Variable> in, Variable out)
        : inputs(std::move(in)), output(std::move(out)), recorded_in(Profile::running()) {}
    virtual ~Node() = default;
    virtual Tensors backward(const Tensor& dy, const std::vector<bool>& needs) = 0;
    std::vector<Variable> inputs;
    Variable output;
    std::string recorded_in;  // the scope of the profile
  };
  template <class Op>
  struct OpNode : Node {
    OpNode(Op o, std::vector<Variable> in, Variable out) : Node(std::move(in), std::move(out)), op(std::move(o)) {}
    Tensors backward(const Tensor& dy, const std::vector<bool>& needs) override { return op.backward(dy, needs); }
    Op op;
  };
  std::vector<std::unique_ptr<Node>> nodes_;
  bool recording_;
};

}  // namespace bitloom
