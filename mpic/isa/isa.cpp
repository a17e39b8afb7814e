// The table of isa.inc at compile time: pictures become masks, operand letters become fields; overlapping rows are refused here.
#include "mpic/isa/isa.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "core/error.h"

namespace bitloom::mpic {
namespace {

// Letters of the operand strings. Immediates of compressed instructions scatter their bits: see the unprivileged manual, chapter 16.
constexpr Operand kOperands[] = {
    {'d', Role::kRd, false, -1, {{0, 7, 5}}},
    {'a', Role::kAccumulator, false, -1, {{0, 7, 5}}},
    {'s', Role::kRs1, false, -1, {{0, 15, 5}}},
    {'t', Role::kRs2, false, -1, {{0, 20, 5}}},
    {'r', Role::kRs3, false, -1, {{0, 7, 5}}},
    {'o', Role::kImm, true, -1, {{0, 20, 12}}},
    {'q', Role::kImm, true, -1, {{0, 7, 5}, {5, 25, 7}}},
    {'p', Role::kTarget, true, -1, {{1, 8, 4}, {5, 25, 6}, {11, 7, 1}, {12, 31, 1}}},
    {'J', Role::kTarget, true, -1, {{1, 21, 10}, {11, 20, 1}, {12, 12, 8}, {20, 31, 1}}},
    {'u', Role::kImm, false, -1, {{0, 12, 20}}},
    {'j', Role::kImm, false, -1, {{0, 20, 5}}},
    {'I', Role::kImm2, true, -1, {{0, 20, 5}}},
    {'l', Role::kImm, false, -1, {{0, 20, 5}}},
    {'w', Role::kImm2, false, -1, {{0, 25, 5}}},
    {'n', Role::kImm, false, -1, {{0, 25, 5}}},
    {'X', Role::kImm2, false, -1, {{0, 25, 2}}},
    {'v', Role::kImm, true, -1, {{0, 25, 1}, {1, 20, 5}}},
    {'V', Role::kImm, false, -1, {{0, 25, 1}, {1, 20, 5}}},
    {'E', Role::kCsr, false, -1, {{0, 20, 12}}},
    {'Z', Role::kImm2, false, -1, {{0, 15, 5}}},
    {'L', Role::kLoop, false, -1, {{0, 7, 1}}},
    {'c', Role::kImm2, false, -1, {{0, 20, 12}}},
    {'e', Role::kTarget, false, -1, {{1, 20, 12}}},
    {'f', Role::kTarget, false, -1, {{1, 15, 5}}},
    {'P', Role::kPredecessors, false, -1, {{0, 24, 4}}},
    {'Q', Role::kSuccessors, false, -1, {{0, 20, 4}}},
    {'b', Role::kRdRs1, false, -1, {{0, 7, 5}}},
    {'B', Role::kRdRs1, false, -1, {{0, 7, 3}}},
    {'x', Role::kRs1, false, -1, {{0, 7, 3}}},
    {'g', Role::kRs1, false, -1, {{0, 7, 5}}},
    {'y', Role::kRd, false, -1, {{0, 2, 3}}},
    {'T', Role::kRs2, false, -1, {{0, 2, 3}}},
    {'z', Role::kRs2, false, -1, {{0, 2, 5}}},
    {'k', Role::kRs1, false, 2, {}},
    {'K', Role::kRdRs1, false, 2, {}},
    {'R', Role::kRd, false, 1, {}},
    {'0', Role::kImm, false, -1, {{2, 6, 1}, {3, 5, 1}, {4, 11, 2}, {6, 7, 4}}},
    {'1', Role::kImm, false, -1, {{2, 6, 1}, {3, 10, 3}, {6, 5, 1}}},
    {'2', Role::kImm, true, -1, {{0, 2, 5}, {5, 12, 1}}},
    {'3', Role::kImm, true, -1, {{4, 6, 1}, {5, 2, 1}, {6, 5, 1}, {7, 3, 2}, {9, 12, 1}}},
    {'4', Role::kImm, true, -1, {{0, 2, 5}, {5, 12, 1}}},
    {'5', Role::kImm, false, -1, {{2, 4, 3}, {5, 12, 1}, {6, 2, 2}}},
    {'6', Role::kImm, false, -1, {{2, 9, 4}, {6, 7, 2}}},
    {'7',
     Role::kTarget,
     true,
     -1,
     {{1, 3, 3}, {4, 11, 1}, {5, 2, 1}, {6, 7, 1}, {7, 6, 1}, {8, 9, 2}, {10, 8, 1}, {11, 12, 1}}},
    {'8', Role::kTarget, true, -1, {{1, 3, 2}, {3, 10, 2}, {5, 2, 1}, {6, 5, 2}, {8, 12, 1}}},
    {'9', Role::kImm, false, -1, {{0, 2, 5}}},
};

constexpr const Operand* find_operand(char letter) {
  for (const Operand& o : kOperands)
    if (o.letter == letter) return &o;
  return nullptr;
}

constexpr uint8_t access_of(const char* operands) {
  uint8_t access = 0;
  for (const char* p = operands; *p != 0; ++p) {
    const Operand* o = find_operand(*p);
    if (*p == '!') access |= kWritesRs1;
    if (o == nullptr) continue;
    switch (o->role) {
      case Role::kRd: access |= kWritesRd; break;
      case Role::kAccumulator: access |= kWritesRd | kReadsRs3; break;
      case Role::kRdRs1: access |= kWritesRd | kReadsRs1; break;
      case Role::kRs1: access |= kReadsRs1; break;
      case Role::kRs2: access |= kReadsRs2; break;
      case Role::kRs3: access |= kReadsRs3; break;
      default: break;
    }
  }
  return access;
}

constexpr Row make_row(const char* mnemonic, const char* picture, const char* operands, Timing timing, Op executes) {
  uint32_t match = 0, mask = 0;
  int bits = 0;
  for (const char* p = picture; *p != 0; ++p) {
    if (*p == ' ') continue;
    match = match << 1 | (*p == '1');
    mask = mask << 1 | (*p != '-');
    ++bits;
  }
  return {mnemonic, match, mask, uint8_t(bits / 8), operands, executes, timing, access_of(operands)};
}

// The rows of instructions, then the RESERVED ones, which take part in decoding.
constexpr Row kWritten[] = {
#define INSN(id, mnemonic, picture, operands, timing, ...) make_row(mnemonic, picture, operands, Timing::timing, Op::id),
#define EXPAND(id, mnemonic, picture, operands, target) make_row(mnemonic, picture, operands, Timing::kAlu, Op::target),
#define RESERVED(picture)
#include "mpic/isa/isa.inc"
#define INSN(...)
#define EXPAND(...)
#define RESERVED(picture) make_row("", picture, "", Timing::kSystem, Op::illegal),
#include "mpic/isa/isa.inc"
};
constexpr int kPatterns = int(std::size(kWritten));

constexpr std::array<Row, kPatterns> resolved() {
  std::array<Row, kPatterns> rows{};
  for (int i = 0; i < kPatterns; ++i) {
    rows[i] = kWritten[i];
    if (i >= kOps) continue;
    rows[i].timing = kWritten[int(rows[i].executes)].timing;
    rows[i].access = kWritten[int(rows[i].executes)].access;
  }
  return rows;
}
constexpr std::array<Row, kPatterns> kRows = resolved();

// Two rows may share words only if one is the special case of the other, which then wins ...
constexpr bool compatible(const Row& a, const Row& b) {
  const uint32_t both = a.mask & b.mask;
  return a.length != b.length || ((a.match ^ b.match) & both) != 0 || (a.mask != b.mask && (both == a.mask || both == b.mask));
}
// ... or if a third row decides about exactly the words they share.
constexpr bool is_arbitrated(const Row& a, const Row& b) {
  for (const Row& r : kWritten)
    if (r.length == a.length && r.mask == (a.mask | b.mask) && r.match == (a.match | b.match)) return true;
  return false;
}
template <int kFirst>
constexpr bool slice_is_compatible() {
  for (int i = kFirst; i < kFirst + 16 && i < kPatterns; ++i)
    for (int j = 0; j < i; ++j)
      if (!compatible(kWritten[i], kWritten[j]) && !is_arbitrated(kWritten[i], kWritten[j])) return false;
  return true;
}
// In slices, because compilers bound the work of one constant expression.
template <size_t... kSlice>
constexpr bool all_compatible(std::index_sequence<kSlice...>) {
  return (std::bool_constant<slice_is_compatible<int(kSlice) * 16>()>::value && ...);
}
static_assert(all_compatible(std::make_index_sequence<(kPatterns + 15) / 16>()), "two rows of isa.inc overlap");

constexpr bool letters_are_known() {
  for (const Row& r : kWritten)
    for (const char* p = r.operands; *p != 0; ++p)
      if (*p != ',' && *p != '(' && *p != ')' && *p != '!' && *p != '|' && find_operand(*p) == nullptr) return false;
  return true;
}
static_assert(letters_are_known(), "an operand string of isa.inc has an unknown letter");

// Candidate rows by length, major opcode and funct3, the most specific first.
class Index {
 public:
  Index() {
    for (int i = 0; i < kPatterns; ++i) {
      const Row& r = kRows[i];
      for (uint32_t key = 0; key < 256; ++key)
        if (((key_word(r.length, key) ^ r.match) & r.mask & key_word(r.length, 255)) == 0) insert(bucket(r.length, key), i);
    }
  }
  int find(uint32_t word) const {
    const int length = is_compressed(word) ? 2 : 4;
    if (length == 2) word &= 0xffff;
    const uint32_t key = length == 2 ? (word >> 8 & 0xfc) | (word & 3) : (word >> 7 & 0xe0) | (word >> 2 & 0x1f);
    for (const int16_t i : buckets_[bucket(length, key)])
      if ((word & kRows[i].mask) == kRows[i].match) return i;
    return kOps;
  }

 private:
  static size_t bucket(int length, uint32_t key) { return (length == 2 ? 0 : 256) + key; }
  // The bits of a word that its key holds.
  static uint32_t key_word(int length, uint32_t key) {
    return length == 2 ? (key & 0xfc) << 8 | (key & 3) : (key & 0xe0) << 7 | (key & 0x1f) << 2;
  }
  void insert(size_t at, int i) {
    std::vector<int16_t>& list = buckets_[at];
    auto weaker = list.begin();
    while (weaker != list.end() && __builtin_popcount(kRows[*weaker].mask) >= __builtin_popcount(kRows[i].mask)) ++weaker;
    list.insert(weaker, int16_t(i));
  }
  std::array<std::vector<int16_t>, 512> buckets_;
};

int find_pattern(uint32_t word) {
  static const Index index;
  return index.find(word);
}

}  // namespace

const char* to_string(Timing timing) {
  constexpr const char* kNames[kTimings] = {"alu",           "mul",  "mulh",  "div",    "mac",  "simd",
                                            "dotp",          "load", "store", "branch", "jump", "jump_register",
                                            "hardware_loop", "csr",  "fence", "system"};
  return kNames[int(timing)];
}

const Row& row(Op op) { return kRows[int(op)]; }

int Operand::low_bit() const { return segments[0].lsb; }
int64_t Operand::hi() const {
  int bits = 0;
  for (const Segment& s : segments) bits = std::max(bits, s.lsb + s.width);
  return (int64_t(1) << (bits - (is_signed ? 1 : 0))) - (int64_t(1) << low_bit());
}
int64_t Operand::lo() const { return is_signed ? -(hi() + (int64_t(1) << low_bit())) : 0; }

const Operand* operand(char letter) { return find_operand(letter); }

int32_t value(const Insn& insn, const Operand& operand) {
  switch (operand.role) {
    case Role::kRd:
    case Role::kAccumulator:
    case Role::kRdRs1:
    case Role::kLoop: return insn.rd;
    case Role::kRs1: return insn.rs1;
    case Role::kRs2: return insn.rs2;
    case Role::kRs3: return insn.rs3;
    case Role::kImm2:
    case Role::kSuccessors: return insn.imm2;
    case Role::kImm:
    case Role::kTarget:
    case Role::kCsr:
    case Role::kPredecessors: return insn.imm;
  }
  return 0;
}

void set_value(Insn& insn, const Operand& operand, int32_t value) {
  switch (operand.role) {
    case Role::kRd:
    case Role::kLoop: insn.rd = uint8_t(value); break;
    case Role::kAccumulator: insn.rd = insn.rs3 = uint8_t(value); break;
    case Role::kRdRs1: insn.rd = insn.rs1 = uint8_t(value); break;
    case Role::kRs1: insn.rs1 = uint8_t(value); break;
    case Role::kRs2: insn.rs2 = uint8_t(value); break;
    case Role::kRs3: insn.rs3 = uint8_t(value); break;
    case Role::kImm2:
    case Role::kSuccessors: insn.imm2 = value; break;
    case Role::kImm:
    case Role::kTarget:
    case Role::kCsr:
    case Role::kPredecessors: insn.imm = value; break;
  }
}

Insn blank(Op op) {
  Insn insn;
  insn.op = op;
  insn.executes = row(op).executes;
  insn.length = row(op).length;
  for (const char* p = row(op).operands; *p != 0; ++p)
    if (const Operand* o = find_operand(*p); o != nullptr && o->fixed >= 0) set_value(insn, *o, o->fixed);
  return insn;
}

// Compressed registers of 3 bits are x8 to x15.
static int first_register(const Operand& o) { return o.is_register() && o.segments[0].width == 3 ? 8 : 0; }

Insn decode(uint32_t word) {
  const int found = find_pattern(word);
  if (found >= kOps) {
    Insn insn;
    insn.length = is_compressed(word) ? 2 : 4;
    return insn;
  }
  Insn insn = blank(Op(found));
  for (const char* p = kRows[found].operands; *p != 0; ++p) {
    const Operand* o = find_operand(*p);
    if (o == nullptr || o->fixed >= 0) continue;
    uint32_t bits = 0;
    int top = 0;
    for (const Segment& s : o->segments) {
      bits |= (word >> s.at & ((1u << s.width) - 1)) << s.lsb;
      top = std::max(top, s.lsb + s.width);
    }
    const int32_t v = o->is_signed ? int32_t(bits << (32 - top)) >> (32 - top) : int32_t(bits);
    set_value(insn, *o, v + first_register(*o));
  }
  return insn;
}

uint32_t encode(const Insn& insn) {
  BITLOOM_CHECK(insn.op != Op::illegal, "encode: an illegal instruction has no word");
  const Row& r = row(insn.op);
  uint32_t word = r.match;
  for (const char* p = r.operands; *p != 0; ++p) {
    const Operand* o = find_operand(*p);
    if (o == nullptr || o->fixed >= 0) continue;
    const int64_t v = int64_t(value(insn, *o)) - first_register(*o);
    BITLOOM_CHECK(v >= o->lo() && v <= o->hi(), r.mnemonic, ": ", o->is_register() ? "register x" : "operand ", value(insn, *o),
                  " does not fit, the field holds ", o->lo() + first_register(*o), " to ", o->hi() + first_register(*o));
    BITLOOM_CHECK((v & ((1 << o->low_bit()) - 1)) == 0, r.mnemonic, ": operand ", v, " must be a multiple of ",
                  1 << o->low_bit());
    for (const Segment& s : o->segments) word |= (uint32_t(v) >> s.lsb & ((1u << s.width) - 1)) << s.at;
  }
  // Another row may be a shorter spelling of the same (p.mulsn with shift 0 is p.muls), but nothing else.
  const int found = find_pattern(word);
  BITLOOM_CHECK(found < kOps && kRows[found].executes == r.executes, r.mnemonic,
                ": these operands are reserved or spell another instruction");
  return word;
}

}  // namespace bitloom::mpic
