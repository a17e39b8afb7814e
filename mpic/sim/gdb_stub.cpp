// GDB's remote serial protocol over a core.
#include "mpic/sim/gdb_stub.h"

#include <algorithm>
#include <cstdlib>

#include "core/error.h"
#include "mpic/isa/names.h"

namespace bitloom::mpic {
namespace {

constexpr const char *kOk = "OK", *kBad = "E16" /* EINVAL */, *kNoMemory = "E0e" /* EFAULT */;
// Signals as the protocol numbers them (gdb/signals.def).
constexpr const char *kInterrupted = "S02", *kIllegal = "S04", *kTrap = "S05", *kSegmentation = "S0b";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = char(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string to_digits(const uint8_t* bytes, size_t count) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < count; ++i) text += {kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]};
  return text;
}
std::string to_digits(std::string_view text) { return to_digits(reinterpret_cast<const uint8_t*>(text.data()), text.size()); }
// Registers are in the target's order of bytes.
std::string to_digits(uint32_t value) {
  const uint8_t bytes[] = {uint8_t(value), uint8_t(value >> 8), uint8_t(value >> 16), uint8_t(value >> 24)};
  return to_digits(bytes, 4);
}

bool to_bytes(std::string_view digits, std::vector<uint8_t>* bytes) {
  if (digits.size() % 2 != 0) return false;
  for (size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes->push_back(uint8_t(high << 4 | low));
  }
  return true;
}
bool to_word(std::string_view digits, uint32_t* value) {
  std::vector<uint8_t> b;
  if (digits.size() != 8 || !to_bytes(digits, &b)) return false;
  *value = b[0] | uint32_t(b[1]) << 8 | uint32_t(b[2]) << 16 | uint32_t(b[3]) << 24;
  return true;
}

// Takes a hexadecimal number of 1 to 8 digits and, unless `after` is 0, that character behind it from the front of `text`.
bool take_number(std::string_view* text, uint32_t* value, char after = 0) {
  uint64_t number = 0;
  size_t length = 0;
  while (length < text->size() && digit((*text)[length]) >= 0) number = number << 4 | uint64_t(digit((*text)[length++]));
  if (length == 0 || length > 8) return false;
  *value = uint32_t(number);
  text->remove_prefix(length);
  if (after == 0) return true;
  if (text->empty() || text->front() != after) return false;
  text->remove_prefix(1);
  return true;
}

bool take(std::string_view* text, std::string_view prefix) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// The registers for GDB (appendix G.5.10, "RISC-V Features"), the CSRs by the names of csr.inc.
std::string target_description() {
  std::string xml =
      "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
      "<architecture>riscv:rv32</architecture><feature name=\"org.gnu.gdb.riscv.cpu\">";
  const auto reg = [&](const std::string& name, int number, const char* type) {
    xml += str("<reg name=\"", name, "\" bitsize=\"32\" type=\"", type, "\" regnum=\"", number, "\"/>");
  };
  for (int i = 0; i < 32; ++i) reg(register_name(i), i, i == 1 ? "code_ptr" : i == 2 ? "data_ptr" : "int");
  reg("pc", GdbStub::kPc, "code_ptr");
  xml += "</feature><feature name=\"org.gnu.gdb.riscv.csr\">";
  for (int i = 0; i < kCsrCount; ++i) reg(kCsrs[i].name, GdbStub::kFirstCsr + i, "int");
  return xml + "</feature></target>";
}

}  // namespace

bool GdbStub::get(int number, uint32_t* value) const {
  if (number < 0) return false;
  if (number < 32) return *value = core_.state().x[number], true;
  if (number == kPc) return *value = core_.state().pc, true;
  if (number < kFirstCsr || number >= kFirstCsr + kCsrCount) return false;
  return *value = core_.read_csr(kCsrs[number - kFirstCsr].address), true;
}

bool GdbStub::set(int number, uint32_t value) {
  if (number < 0) return false;
  if (number < 32) return core_.set_reg(number, value), true;
  if (number == kPc) return core_.set_pc(value), true;
  if (number < kFirstCsr || number >= kFirstCsr + kCsrCount) return false;
  return core_.write_csr(kCsrs[number - kFirstCsr].address, value), true;
}

std::string GdbStub::registers() const {
  std::string all;
  for (int i = 0; i <= kPc; ++i) {
    uint32_t value = 0;
    get(i, &value);
    all += to_digits(value);
  }
  return all;
}

std::string GdbStub::set_registers(std::string_view digits) {
  if (digits.size() != 8 * (kPc + 1)) return kBad;
  uint32_t values[kPc + 1] = {};
  for (int i = 0; i <= kPc; ++i)
    if (!to_word(digits.substr(size_t(8 * i), 8), &values[i])) return kBad;
  for (int i = 0; i <= kPc; ++i) set(i, values[i]);
  return kOk;
}

std::string GdbStub::read_register(std::string_view number) const {
  uint32_t n = 0, value = 0;
  if (!take_number(&number, &n) || !number.empty() || !get(int(std::min(n, 0xffffu)), &value)) return kBad;
  return to_digits(value);
}

std::string GdbStub::set_register(std::string_view assignment) {
  uint32_t n = 0, value = 0;
  if (!take_number(&assignment, &n, '=') || !to_word(assignment, &value) || !set(int(std::min(n, 0xffffu)), value)) return kBad;
  return kOk;
}

std::string GdbStub::read_memory(std::string_view range) const {
  uint32_t address = 0, count = 0;
  if (!take_number(&range, &address, ',') || !take_number(&range, &count) || !range.empty() || count > kMaxPacket / 2)
    return kBad;
  if (!core_.memory().contains(address, count)) return kNoMemory;
  std::vector<uint8_t> bytes(count);
  core_.memory().read(address, bytes.data(), count);
  return to_digits(bytes.data(), bytes.size());
}

std::string GdbStub::write_memory(std::string_view range_and_digits) {
  uint32_t address = 0, count = 0;
  std::vector<uint8_t> bytes;
  if (!take_number(&range_and_digits, &address, ',') || !take_number(&range_and_digits, &count, ':') ||
      !to_bytes(range_and_digits, &bytes) || bytes.size() != count)
    return kBad;
  if (!core_.memory().contains(address, count)) return kNoMemory;
  core_.write(address, bytes.data(), count);
  return kOk;
}

// "Z0,address,kind" and its kin: 0 and 1 are breakpoints, 2 watches writes, 3 reads, 4 both.
std::string GdbStub::point(char what, std::string_view place) {
  uint32_t address = 0, size = 0;
  if (place.empty()) return kBad;
  const char type = place.front();
  place.remove_prefix(1);
  if (type < '0' || type > '4') return "";
  if (!take(&place, ",") || !take_number(&place, &address, ',') || !take_number(&place, &size)) return kBad;
  if (type < '2') {
    if (what == 'Z' && !core_.memory().contains(address, 2)) return kNoMemory;
    what == 'Z' ? void(breakpoints_.insert(address)) : void(breakpoints_.erase(address));
    return kOk;
  }
  watchpoints_.erase(
      std::remove_if(watchpoints_.begin(), watchpoints_.end(),
                     [&](const Watchpoint& w) { return w.type == type && w.address == address && w.value.size() == size; }),
      watchpoints_.end());
  if (what == 'z') return kOk;
  if (size == 0 || size > kMaxPacket || !core_.memory().contains(address, size)) return kNoMemory;
  watchpoints_.push_back({type, address, std::vector<uint8_t>(size)});
  core_.memory().read(address, watchpoints_.back().value.data(), size);
  return kOk;
}

// Whether it was written with another value since it was last looked at.
bool GdbStub::changed(Watchpoint& watched) const {
  const uint8_t* now = core_.memory().at(watched.address);
  if (std::equal(watched.value.begin(), watched.value.end(), now)) return false;
  std::copy_n(now, watched.value.size(), watched.value.begin());
  return true;
}

std::string GdbStub::hit(const MemoryAccess& access) {
  for (Watchpoint& w : watchpoints_) {
    const bool is_written = changed(w) && w.type != '3';
    const bool is_read = w.type != '2' && !access.is_store && access.touches(w.address, w.value.size());
    if (is_written || is_read)
      return str("T05", w.type == '2' ? "" : w.type == '3' ? "r" : "a", "watch:", hex(w.address).substr(2), ";");
  }
  return "";
}

std::string GdbStub::resume(std::string_view address, bool one_step) {
  if (ended_) return stop_;
  uint32_t pc = 0;
  if (!address.empty()) {
    if (!take_number(&address, &pc) || !address.empty()) return kBad;
    core_.set_pc(pc);
  }
  for (Watchpoint& w : watchpoints_) changed(w);
  constexpr uint64_t kLookEvery = 1 << 16;
  stop_ = kTrap;
  for (uint64_t steps = 1;; ++steps) {
    // At speed as long as there is nothing to look for.
    const bool watches = one_step || !breakpoints_.empty() || !watchpoints_.empty();
    MemoryAccess access;
    if (uint32_t word = 0; !watchpoints_.empty() && core_.memory().fetch(core_.state().pc, &word))
      access = access_of(decode(word), core_.state());
    result_ = core_.run(watches ? 1 : kLookEvery);
    if (result_.reason != StopReason::kLimit) {
      ended_ = result_.reason == StopReason::kExit;
      return stop_ = stop_reply();
    }
    if (std::string reply = hit(access); !reply.empty()) return stop_ = reply;
    if (one_step) return stop_;
    if (breakpoints_.count(core_.state().pc) > 0) return stop_;
    if ((!watches || steps % kLookEvery == 0) && stop_asked_()) return stop_ = kInterrupted;
  }
}

std::string GdbStub::stop_reply() const {
  switch (result_.reason) {
    case StopReason::kExit: break;
    case StopReason::kFault: return result_.fault.cause.find("illegal") != std::string::npos ? kIllegal : kSegmentation;
    case StopReason::kInterrupt: return kInterrupted;
    default: return kTrap;
  }
  const uint8_t code = uint8_t(result_.exit_code);
  return "W" + to_digits(&code, 1);
}

std::string GdbStub::monitor(std::string_view command) const {
  std::vector<uint8_t> bytes;
  if (!to_bytes(command, &bytes)) return kBad;
  const std::string text(bytes.begin(), bytes.end());
  const Counters c = core_.counters();
  if (text == "counters") return to_digits(str(c.instructions, " instructions, ", c.cycles, " cycles\n"));
  return to_digits("monitor counters: instructions and cycles so far\n");
}

std::string GdbStub::query(std::string_view packet) {
  if (take(&packet, "qSupported"))
    return str("PacketSize=", hex(kMaxPacket).substr(2), ";qXfer:features:read+;QStartNoAckMode+;vContSupported+");
  if (packet == "qAttached") return "1";
  if (packet == "qC") return "QC1";
  if (packet == "qfThreadInfo") return "m1";
  if (packet == "qsThreadInfo") return "l";
  if (take(&packet, "qRcmd,")) return monitor(packet);
  if (take(&packet, "qXfer:features:read:target.xml:")) {
    uint32_t offset = 0, length = 0;
    if (!take_number(&packet, &offset, ',') || !take_number(&packet, &length)) return kBad;
    const std::string xml = target_description();
    if (offset >= xml.size()) return "l";
    const std::string part = xml.substr(offset, std::min<size_t>(length, kMaxPacket - 8));
    return (offset + part.size() < xml.size() ? "m" : "l") + part;
  }
  return "";
}

std::string GdbStub::answer(std::string_view packet) {
  if (packet.empty()) return "";
  const char kind = packet.front();
  const std::string_view rest = packet.substr(1);
  switch (kind) {
    case '?': return stop_;
    case 'g': return registers();
    case 'G': return set_registers(rest);
    case 'p': return read_register(rest);
    case 'P': return set_register(rest);
    case 'm': return read_memory(rest);
    case 'M': return write_memory(rest);
    case 'c': return resume(rest, false);
    case 's': return resume(rest, true);
    case 'Z':
    case 'z': return point(kind, rest);
    case 'H':
    case 'T': return kOk;  // there is one thread
    case 'q': return query(packet);
    case 'D': return session_ = Session::kDetached, kOk;
    case 'k': return session_ = Session::kKilled, "";
    case 'Q': return packet == "QStartNoAckMode" ? kOk : "";
    case 'v': break;
    default: return "";
  }
  if (packet == "vCont?") return "vCont;c;C;s;S";
  if (take(&packet, "vCont;") && !packet.empty()) {
    const char action = packet.front();
    if (action == 'c' || action == 'C') return resume("", false);
    if (action == 's' || action == 'S') return resume("", true);
  }
  if (take(&packet, "vKill")) return session_ = Session::kKilled, kOk;
  return "";
}

}  // namespace bitloom::mpic
