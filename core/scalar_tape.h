// Gradients of formulas over single numbers: every operation is recorded with its derivatives, then followed back.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

namespace bitloom {

class ScalarTape {
 public:
  int32_t push(int32_t a, double da, int32_t b, double db) {
    nodes_.push_back({a, b, da, db});
    return int32_t(nodes_.size()) - 1;
  }
  // Derivatives of node `of` by every node.
  std::vector<double> gradient(int32_t of) const {
    std::vector<double> g(nodes_.size(), 0.0);
    if (of >= 0) g[size_t(of)] = 1;
    for (int32_t i = of; i >= 0; --i) {
      const Node& n = nodes_[size_t(i)];
      if (n.a >= 0) g[size_t(n.a)] += n.da * g[size_t(i)];
      if (n.b >= 0) g[size_t(n.b)] += n.db * g[size_t(i)];
    }
    return g;
  }

 private:
  struct Node {
    int32_t a, b;
    double da, db;
  };
  std::vector<Node> nodes_;
};

// A number on a tape; a plain double converts to a constant.
class Real {
 public:
  Real(double value = 0) : value_(value) {}
  Real(double value, ScalarTape& tape) : value_(value), tape_(&tape), node_(tape.push(-1, 0, -1, 0)) {}
  double value() const { return value_; }
  int32_t node() const { return node_; }

  friend Real operator+(const Real& a, const Real& b) { return {a.value_ + b.value_, a, 1, b, 1}; }
  friend Real operator-(const Real& a, const Real& b) { return {a.value_ - b.value_, a, 1, b, -1}; }
  friend Real operator*(const Real& a, const Real& b) { return {a.value_ * b.value_, a, b.value_, b, a.value_}; }
  friend Real operator/(const Real& a, const Real& b) {
    const double q = a.value_ / b.value_;
    return {q, a, 1 / b.value_, b, -q / b.value_};
  }
  friend Real exp(const Real& a) {
    const double e = std::exp(a.value_);
    return {e, a, e, a, 0};
  }
  // For a > 0.
  friend Real pow(const Real& a, double exponent) {
    const double p = std::pow(a.value_, exponent);
    return {p, a, exponent * p / a.value_, a, 0};
  }
  Real& operator+=(const Real& b) { return *this = *this + b; }
  Real& operator*=(const Real& b) { return *this = *this * b; }

 private:
  Real(double value, const Real& a, double da, const Real& b, double db) : value_(value), tape_(a.tape_ ? a.tape_ : b.tape_) {
    if (tape_) node_ = tape_->push(a.node_, da, b.node_, db);
  }

  double value_;
  ScalarTape* tape_ = nullptr;
  int32_t node_ = -1;
};

}  // namespace bitloom
