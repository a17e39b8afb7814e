// The semantics of isa.inc over all lanes. A handler looks at lane 0 first for what lanes share (addresses, formats), then evaluates the row for
// every lane in a loop that becomes vector code, and leaves where lanes do not agree in what decides the way.
#include "mpic/sim/lockstep.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "mpic/sim/cycle_model.h"
#include "mpic/sim/vector_unit.h"

namespace bitloom::mpic {
namespace {

constexpr int kLanes = Lockstep::kLanes;
// Lanes do not depend on each other, although registers may be the same. (OpenMP's simd would keep g++ from seeing through what is called.)
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"  // a loop that stays scalar is as right
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
#define EACH_LANE INDEPENDENT for (int lane = 0; lane < kLanes; ++lane)

template <Signs kSigns, class F, int kWide, int kNarrow>
void multiply(Widths<kWide, kNarrow>, F by, const uint32_t* a, const uint32_t* b, uint32_t* products) {
  if constexpr (kWide == 0)
    EACH_LANE products[lane] = 0;
  else
    EACH_LANE products[lane] = sum_of_products<kWide, kNarrow, kSigns>(a[lane], by(b[lane]));
}

template <Signs kSigns>
[[gnu::noinline]] void multiply_in_format(State& state, bool scalar, const uint32_t* a, const uint32_t* b, uint32_t* products) {
  with_format(state, scalar, [=](auto widths, auto by) { multiply<kSigns>(widths, by, a, b, products); });
}

// Dot products of the first operands `a` and what `second` gives for each lane.
template <Signs kSigns, int kWidth, Second kSecond, class F>
uint32_t multiply_lanes(State& state, const uint32_t* a, F second, uint32_t* products) {
  uint32_t b[kLanes];
  EACH_LANE b[lane] = F(second)(lane);
  if (state.csr(Csr::simd_legacy) == 0)
    multiply_in_format<kSigns>(state, kSecond == kScalar, a, b, products);
  else
    multiply<kSigns>(
        Widths<kWidth, kWidth>(), [](uint32_t x) { return kSecond == kVector ? x : replicate<kWidth>(x); }, a, b, products);
  return 0;
}

}  // namespace

// Where the semantics of a row find their operands.
struct Lockstep::View {
  uint32_t *rd, *rs1, *rs2, *rs3;
  Operands operands;
  uint32_t link;
  const uint32_t* loaded = nullptr;  // words that hold, from bit `shift` on, what is loaded
  uint32_t shift = 0;
};

// Every row as a function of one lane, which returns what lanes have to agree in: an address, a decision, a count; 0 where there is nothing.
// kFirst: to find the address of an access, or to make the dot products of all lanes.
template <bool kFirst>
struct Lockstep::Semantics {
#define RD v.rd[lane]
#define RS1 v.rs1[lane]
#define RS2 v.rs2[lane]
#define RS3 v.rs3[lane]
#define IMM v.operands.imm
#define IMM2 v.operands.imm2()
#define FIELD_RS1 v.operands.rs1
#define COUNT v.operands.count()
#define PC 0u  // targets are absolute
#define LINK v.link
#define POST(value) RS1 = (value);
#define LOAD(type, address)                                \
  agreed = (address);                                      \
  if (kFirst) return m.bytes_ = int(sizeof(type)), agreed; \
  const type loaded = type(v.loaded[lane] >> v.shift);
#define STORE(type, address, value)                        \
  agreed = (address);                                      \
  if (kFirst) return m.bytes_ = int(sizeof(type)), agreed; \
  m.stored_.of[lane] = type(value);
#define BRANCH_IF(condition) agreed = (condition)
#define JUMP
#define LINK_AND_JUMP_TO(address) \
  agreed = (address);             \
  RD = LINK
#define DIVIDE(function, is_signed) function(RS1, RS2)
#define LANES(operation, width, second, operand) (lanes<operation, width, second>(m.state_, RS1, uint32_t(operand)))
#define DOT(signs, width, second, operand)                                                                         \
  (kFirst ? multiply_lanes<signs, width, second>(                                                                  \
                m.state_, v.rs1, [=](int each) mutable { return lane = each, uint32_t(operand); }, m.products_.of) \
          : m.products_.of[lane])
#define LOOP_START(address) m.state_.loop[v.operands.rd].start = (address);
#define LOOP_END(address) m.state_.loop[v.operands.rd].end = uint32_t(address);
#define LOOP_COUNT(value) m.state_.loop[v.operands.rd].count = agreed = (value);
#define LOOP_DONE
#define CSR_ACCESS(source, value, writes)                                                    \
  const uint32_t old = m.state_.csrs[v.operands.imm], mask = kCsrs[v.operands.imm].writable; \
  [[maybe_unused]] const uint32_t operand = (source);                                        \
  agreed = (writes) ? (old & ~mask) | ((value)&mask) : old;                                  \
  RD = old
#define SYSTEM
#define INSN(id, mnemonic, picture, operands, timing, ...)                                                \
  [[gnu::always_inline]] static uint32_t id([[maybe_unused]] Lockstep& m, [[maybe_unused]] const View& v, \
                                            [[maybe_unused]] int lane) {                                  \
    uint32_t agreed = 0;                                                                                  \
    __VA_ARGS__;                                                                                          \
    return agreed;                                                                                        \
  }
#define EXPAND(...)
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
};

// Rows as handlers, by timing class. They return the next instruction; nullptr leaves.
struct Lockstep::Handlers {
#define EXECUTE(id) EACH_LANE Semantics<false>::id(m, v, lane);
// Declares `agreed`.
#define EXECUTE_AGREED(id)                                   \
  uint32_t values[kLanes], parted = 0;                       \
  EACH_LANE values[lane] = Semantics<false>::id(m, v, lane); \
  EACH_LANE parted |= values[lane] ^ values[0];              \
  if (parted != 0) return nullptr;                           \
  const uint32_t agreed = values[0];
#define DO_PLAIN(id)         \
  const View v = m.view(ip); \
  EXECUTE(id)                \
  return m.next(ip);
#define DO_kAlu DO_PLAIN
#define DO_kMul DO_PLAIN
#define DO_kMulHigh DO_PLAIN
#define DO_kMac DO_PLAIN
#define DO_kSimd DO_PLAIN
#define DO_kFence DO_PLAIN
#define DO_kDiv(id) return nullptr;
#define DO_kSystem(id) return nullptr;
#define DO_kDot(id)                 \
  const View v = m.view(ip);        \
  View first = v;                   \
  first.rd = m.crossing_.of;        \
  Semantics<true>::id(m, first, 0); \
  EXECUTE(id)                       \
  return m.next(ip);
#define DO_kLoad(id)                                     \
  View v = m.view(ip);                                   \
  const uint32_t address = Semantics<true>::id(m, v, 0); \
  if (!m.load(address, ip, &v)) return nullptr;          \
  EXECUTE_AGREED(id)                                     \
  return agreed == address ? m.next(ip) : nullptr;
#define DO_kStore(id)           \
  const View v = m.view(ip);    \
  Semantics<true>::id(m, v, 0); \
  EXECUTE_AGREED(id)            \
  return m.store(agreed, ip) ? m.next(ip) : nullptr;
#define DO_kBranch(id)       \
  const View v = m.view(ip); \
  EXECUTE_AGREED(id)         \
  m.note(agreed);            \
  return agreed != 0 ? m.at(m.address_of(ip) + uint32_t(ip->operands.imm)) : m.next(ip);
#define DO_kJump(id)         \
  const View v = m.view(ip); \
  EXECUTE(id)                \
  return m.at(m.address_of(ip) + uint32_t(ip->operands.imm));
#define DO_kJumpRegister(id) \
  const View v = m.view(ip); \
  EXECUTE_AGREED(id)         \
  m.note(agreed);            \
  return m.at(agreed);
#define DO_kLoop(id)         \
  const View v = m.view(ip); \
  EXECUTE_AGREED(id)         \
  m.note(agreed);            \
  return m.behind_loop_set(ip);
#define DO_kCsr(id)                         \
  const View v = m.view(ip);                \
  EXECUTE_AGREED(id)                        \
  m.state_.csrs[ip->operands.imm] = agreed; \
  return m.next(ip);
#define INSN(id, mnemonic, picture, operands, timing, ...) \
  static const Step* id([[maybe_unused]] Lockstep& m, [[maybe_unused]] const Step* ip) { DO_##timing(id) }
#define EXPAND(...)
#define RESERVED(picture)
#include "mpic/isa/isa.inc"

  static const Step* constant(Lockstep& m, const Step* ip) {
    std::fill_n(m.x_[ip->operands.rd].of, kLanes, uint32_t(ip->operands.imm));
    return m.next(ip);
  }
  static const Step* breakpoint(Lockstep& m, const Step* ip) {
    m.pc_ = m.address_of(ip);
    m.at_breakpoint_ = true;
    return nullptr;
  }
  static const Step* leave(Lockstep&, const Step*) { return nullptr; }
};

Lockstep::Lockstep(const Image& image, uint32_t memory_base, uint64_t memory_size)
    : base_(memory_base), size_(uint32_t(memory_size)), words_(memory_size / 4) {
  Memory memory(memory_base, memory_size);
  image.load(memory);
  for (size_t i = 0; i < words_.size(); ++i) std::fill_n(words_[i].of, kLanes, memory.load<uint32_t>(base_ + uint32_t(i) * 4));
  BITLOOM_CHECK(!image.code.empty(), "lockstep: a program without code");
  code_ = uint32_t(image.code.front().begin);
  for (uint64_t pc = code_; pc < image.code.back().end; pc += 2) steps_.push_back(step_at(uint32_t(pc), memory));
  steps_.resize(steps_.size() + 2, {Handlers::leave, {}, 0, false});  // an instruction is at most that long
  reset(image.entry);
}

Lockstep::Step Lockstep::step_at(uint32_t pc, const Memory& memory) const {
  static constexpr Handler kHandlers[] = {
#define INSN(id, ...) Handlers::id,
#define EXPAND(...) nullptr,
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
  };
  uint32_t word = 0;
  const Insn insn = memory.fetch(pc, &word) ? decode(word) : Insn{};
  const uint8_t halfwords = uint8_t(insn.length / 2);
  if (insn.executes == Op::ebreak) return {Handlers::breakpoint, {}, halfwords, false};
  if (needs_step(insn)) return {Handlers::leave, {}, halfwords, false};
  const bool constant = insn.executes == Op::lui || insn.executes == Op::auipc;
  return {constant ? Handlers::constant : kHandlers[int(insn.executes)], operands_of(insn, pc), halfwords, false};
}

void Lockstep::reset(uint32_t pc) {
  std::fill(std::begin(x_), std::end(x_), Lanes{});
  state_ = State{};
  for (int i = 0; i < kCsrCount; ++i) state_.csrs[i] = kCsrs[i].reset;
  pc_ = pc;
  path_ = instructions_ = 0;
}

void Lockstep::write(int lane, uint32_t address, const void* from, uint64_t bytes) {
  const uint32_t offset = address - base_;
  BITLOOM_CHECK(offset <= size_ && bytes <= size_ - offset, "lockstep: ", bytes, " bytes at ", address, " are outside memory");
  for (uint32_t i = 0; i < bytes; ++i)
    reinterpret_cast<uint8_t*>(&words_[(offset + i) / 4].of[lane])[(offset + i) % 4] = static_cast<const uint8_t*>(from)[i];
}

void Lockstep::read(int lane, uint32_t address, void* to, uint64_t bytes) const {
  const uint32_t offset = address - base_;
  BITLOOM_CHECK(offset <= size_ && bytes <= size_ - offset, "lockstep: ", bytes, " bytes at ", address, " are outside memory");
  for (uint32_t i = 0; i < bytes; ++i)
    static_cast<uint8_t*>(to)[i] = reinterpret_cast<const uint8_t*>(&words_[(offset + i) / 4].of[lane])[(offset + i) % 4];
}

bool Lockstep::run(uint64_t most) {
  at_breakpoint_ = false;
  uint64_t executed = 0;
  for (const Step* ip = at(pc_); ip != nullptr && executed < most; ++executed) ip = ip->handler(*this, ip);
  if (at_breakpoint_) instructions_ += executed - 1;
  return at_breakpoint_;
}

inline Lockstep::View Lockstep::view(const Step* ip) {
  const Operands o = ip->operands;
  return {x_[o.rd].of, x_[o.rs1].of, x_[o.rs2 & 31].of, x_[o.rs3 & 31].of, o, address_of(ip) + 2 * ip->halfwords};
}

inline const Lockstep::Step* Lockstep::at(uint32_t address) const {
  const uint32_t offset = address - code_;
  return offset % 2 == 0 && offset / 2 < steps_.size() ? &steps_[offset / 2] : nullptr;
}

inline const Lockstep::Step* Lockstep::next(const Step* ip) {
  return __builtin_expect(ip->ends_loop, 0) ? behind_loop_end(ip) : ip + ip->halfwords;
}

const Lockstep::Step* Lockstep::behind_loop_end(const Step* ip) {
  for (HardwareLoop& loop : state_.loop) {
    if (loop.end != address_of(ip) || loop.count < 2) continue;
    --loop.count;
    return at(loop.start);
  }
  return ip + ip->halfwords;
}

// The manual forbids bodies of one instruction, and lp.* at the end of a loop; what becomes of them is left to a Core.
const Lockstep::Step* Lockstep::behind_loop_set(const Step* ip) {
  for (const HardwareLoop& loop : state_.loop) {
    if (loop.count < 2) continue;
    if (loop.start == loop.end) return nullptr;
    if (const Step* end = at(loop.end)) steps_[size_t(end - steps_.data())].ends_loop = true;
  }
  return ip->ends_loop ? nullptr : ip + ip->halfwords;
}

// The words at an offset, of which the second one counts where an access crosses into it; nullptr when it is not all in memory.
inline Lockstep::Lanes* Lockstep::words_at(uint32_t offset, const Step* ip) {
  if (offset >= size_ || uint32_t(bytes_) > size_ - offset) return nullptr;
  if (crosses_word(offset, bytes_)) note(address_of(ip));
  return &words_[offset / 4];
}

inline bool Lockstep::load(uint32_t address, const Step* ip, View* v) {
  const uint32_t offset = address - base_, shift = offset % 4 * 8;
  const Lanes* words = words_at(offset, ip);
  if (words == nullptr) return false;
  v->loaded = words->of;
  v->shift = shift;
  if (!crosses_word(offset, bytes_)) return true;
  EACH_LANE crossing_.of[lane] = words[0].of[lane] >> shift | words[1].of[lane] << (32 - shift);
  v->loaded = crossing_.of;
  v->shift = 0;
  return true;
}

inline bool Lockstep::store(uint32_t address, const Step* ip) {
  const uint32_t offset = address - base_, shift = offset % 4 * 8, mask = ~0u >> (32 - 8 * bytes_);
  Lanes* words = words_at(offset, ip);
  if (words == nullptr || (address + 3 - code_) / 2 < steps_.size()) return false;
  EACH_LANE words[0].of[lane] = (words[0].of[lane] & ~(mask << shift)) | (stored_.of[lane] & mask) << shift;
  if (!crosses_word(offset, bytes_)) return true;
  EACH_LANE words[1].of[lane] = (words[1].of[lane] & ~(mask >> (32 - shift))) | (stored_.of[lane] & mask) >> (32 - shift);
  return true;
}

}  // namespace bitloom::mpic
