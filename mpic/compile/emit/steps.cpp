// Layers as chains of steps: routines that steps share, and the records that say what each of them is about.
#include "mpic/compile/emit/emitter.h"

namespace bitloom::mpic {
namespace {

// A record's first words.
constexpr int64_t kNextRoutine = 0, kNextRecord = 4;

const Reg kTarget = use::word(3);

}  // namespace

Label Emitter::data(std::vector<uint32_t> words) {
  pending_.push_back({a.label(), std::move(words)});
  return pending_.back().label;
}

void Emitter::flush_data() {
  for (const Data& d : pending_) {
    a.bind(d.label);
    for (const uint32_t word : d.words) a.word(word);
  }
  for (const Record& r : records_) {
    a.bind(r.label);
    for (const Word& word : r.words) word.is_address ? a.address_of(word.address) : a.word(word.value);
  }
  pending_.clear();
  records_.clear();
}

uint32_t Emitter::pending_bytes() const {
  size_t words = 0;
  for (const Data& d : pending_) words += d.words.size();
  for (const Record& r : records_) words += r.words.size();
  return uint32_t(4 * words);
}

Step Emitter::step(const std::string& name, const std::function<void()>& body) {
  const uint32_t begin = a.address();
  records_.push_back({a.label(), std::vector<Word>(2)});
  body();
  const auto [routine, is_new] = routines_.try_emplace(a.take(begin));
  if (is_new) {
    routine->second = a.label(name);
    routine_order_.push_back(routine->first);
    routine_bytes_ += uint32_t(routine->first.size());
  }
  return {routine->second, records_.back().label, records_.size() - 1};
}

void Emitter::flush_routines() {
  for (const std::vector<uint8_t>& code : routine_order_) {
    a.bind_function(routines_.at(code));
    a.data(code.data(), code.size());
  }
}

void Emitter::follow(const Step& step, const Step& next) {
  std::vector<Word>& words = records_[step.index].words;
  words[kNextRoutine / 4] = {0, next.routine, true};
  words[kNextRecord / 4] = {0, next.record, true};
}

// Nothing reads a record there; its address is any.
Step Emitter::exit() {
  const Label end = a.label();
  return {end, end};
}

void Emitter::enter(const Step& first, const Step& exit) {
  a.la(use::record, first.record);
  a.emit(Op::jal, zero, first.routine);
  a.bind(exit.routine);
}

void Emitter::run(const Step& step) {
  const Step end = exit();
  follow(step, end);
  enter(step, end);
}

int64_t Emitter::record_word(int64_t value) {
  std::vector<Word>& words = records_.back().words;
  words.push_back({uint32_t(value), {}, false});
  return int64_t(4 * (words.size() - 1));
}

void Emitter::load(Reg rd, int64_t value) { a.emit(Op::lw, rd, record_word(value), use::record); }

void Emitter::load(Reg rd, Label address) {
  load(rd, 0);
  records_.back().words.back() = {0, address, true};
}

void Emitter::load_next() {
  a.emit(Op::lw, kTarget, kNextRoutine, use::record);
  next_is_loaded_ = true;
}

void Emitter::leave() {
  if (!next_is_loaded_) load_next();
  next_is_loaded_ = false;
  a.emit(Op::lw, use::record, kNextRecord, use::record);
  a.emit(Op::jalr, zero, 0, kTarget);
}

void Emitter::leave_to(const Step& step) {
  load(kTarget, step.routine);
  load(use::record, step.record);
  a.emit(Op::jalr, zero, 0, kTarget);
}

}  // namespace bitloom::mpic
