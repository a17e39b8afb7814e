// What to say of a program that went wrong.
#include "cli/explain.h"

#include <algorithm>
#include <cstdio>

#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom {
namespace {

constexpr int kRa = 1, kSp = 2;

bool is_in_object(const mpic::Image& image, uint32_t address) {
  return std::any_of(image.symbols.begin(), image.symbols.end(), [&](const mpic::Symbol& s) {
    return s.kind == mpic::SymbolKind::kObject && address - s.address < s.size;
  });
}

bool is_code(const mpic::Image& image, uint32_t address) {
  return std::any_of(image.code.begin(), image.code.end(),
                     [&](const mpic::AddressRange& r) { return address >= r.begin && address < r.end; });
}

// Stacks of the runtime, of newlib and of picolibc lie above the heap and grow down towards it. A stack pointer that has left memory, or is in what
// is no data, has gone too far for sure; one below where the heap ends has too, unless it is in a variable, as stacks of coroutines are.
std::string stack_overflow(const mpic::Core& core, const mpic::Image& image) {
  const mpic::Memory& memory = core.memory();
  const uint32_t sp = core.state().x[kSp];
  const mpic::Symbol* const limit = image.find("__heap_end");
  const uint32_t floor = limit != nullptr ? limit->address : std::max(core.program_break(), memory.base());
  if (sp == 0 || sp >= floor) return "";
  const bool is_lost = !memory.contains(sp, 1) || memory.is_read_only(sp, 1) || is_code(image, sp);
  if (!is_lost && (limit == nullptr || is_in_object(image, sp))) return "";
  const std::string where = limit != nullptr         ? "below the stack, which begins at __heap_end = " + mpic::hex(floor, 8)
                            : memory.contains(sp, 1) ? "in the program's code"
                                                     : "outside memory";
  return str("stack overflow: sp ", mpic::hex(sp, 8), " is ", where);
}

}  // namespace

std::string explanation(const mpic::Core& core, const mpic::Image& image, const mpic::Fault& fault) {
  if (std::string overflow = stack_overflow(core, image); !overflow.empty()) {
    const std::string where = image.place(fault.pc);
    return overflow + (where.empty() ? "" : ", in " + where.substr(0, where.find('+')));
  }
  if (fault.pc == 0 && core.state().x[kRa] == 0 && !is_code(image, 0))
    return "a return, or a call through a null pointer, to address 0: a program whose entry is a function such as main needs a "
           "start-up "
           "file (mpic/runtime/crt0.S), or has to end with an exit (ecall with a7 = 93)";
  const bool is_filler = (fault.word & 0xffff) == 0 || (fault.word & 0xffff) == 0xffff;
  if (fault.cause == "illegal instruction" && is_filler && !is_code(image, fault.pc))
    return "there is no code here: the program ran past the end of its code, or jumped to a wrong address";
  return "";
}

std::string register_dump(const mpic::Core& core) {
  std::string text = "pc   " + mpic::hex(core.state().pc, 8) + "\n";
  for (int i = 0; i < 32; ++i) {
    char cell[32];
    std::snprintf(cell, sizeof cell, "%-4s 0x%08x%s", mpic::register_name(i), core.state().x[i], i % 4 == 3 ? "\n" : "   ");
    text += cell;
  }
  return text;
}

}  // namespace bitloom
