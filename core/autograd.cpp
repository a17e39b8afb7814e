// Reverse-mode differentiation on an explicit tape.
#include "core/autograd.h"

#include "core/kernels/elementwise.h"

namespace bitloom {

void Variable::add_grad(Tensor grad) {
  BITLOOM_CHECK(grad.shape() == shape(), "autograd: gradient of shape ", grad.shape(), " for a value of shape ", shape());
  Tensor& mine = state_->grad;
  if (!mine.defined()) {
    mine = std::move(grad);
    return;
  }
  BITLOOM_CHECK(mine.note().empty() && grad.note().empty(), "autograd: a gradient of shape ", shape(),
                " that its only reader has taken further gets another part");
  if (!mine.unique()) mine = mine.clone();
  accumulate(grad.data(), mine.data(), mine.size());
}

void Tape::backward(const std::vector<std::pair<Variable, float>>& objective) {
  for (auto [scalar, weight] : objective) {
    BITLOOM_CHECK(scalar.value().size() == 1, "autograd: backward wants a scalar, got shape ", scalar.shape());
    if (scalar.requires_grad()) scalar.add_grad(Tensor(scalar.shape(), weight));
  }
  while (!nodes_.empty()) {
    std::unique_ptr<Node> node = std::move(nodes_.back());
    nodes_.pop_back();
    const Tensor dy = node->output.take_grad();
    if (!dy.defined()) continue;  // the objective does not depend on this operation
    const ProfileScope scope(node->recorded_in, " backward");
    std::vector<bool> needs;
    for (const Variable& in : node->inputs) needs.push_back(in.requires_grad());
    Tensors grads = node->backward(dy, needs);
    for (size_t i = 0; i < grads.size(); ++i)
      if (needs[i] && grads[i].defined()) node->inputs[i].add_grad(std::move(grads[i]));
  }
}

}  // namespace bitloom
