// What the host does for a program that has no trap handler: ecalls with Linux's numbers, as qemu-riscv32 and newlib's libgloss/riscv know them
// (newlib 3.3, libgloss/riscv/machine/syscall.h), and the two older ways of printing and ending: RI5CY's test bench and riscv-tests' tohost.
//
// Files of the host stay closed: 0 is the input, 1 and 2 are the console. Time is the core's, from 1970 on, so that a run is always the same.
#include <algorithm>

#include "core/error.h"
#include "mpic/sim/core.h"
#include "mpic/sim/interpreter.h"

namespace bitloom::mpic {
namespace {

// Beside those of core.h.
enum Call : uint32_t {
  kOpenAt = 56,
  kClose = 57,
  kSeek = 62,
  kRead = 63,
  kFstat = 80,
  kExitGroup = 94,
  kKill = 129,
  kGetTimeOfDay = 169,
  kGetPid = 172,
  kBrk = 214,
  kClockGetTime64 = 403,
  kOpen = 1024
};

// As Linux numbers them (asm-generic/errno-base.h, errno.h); negative, they are the answer of a call that failed.
constexpr uint32_t error(int number) { return uint32_t(-number); }
constexpr uint32_t kBadDescriptor = error(9), kNoMemory = error(12), kNoAccess = error(13), kBadAddress = error(14),
                   kNotSeekable = error(29), kNoSuchCall = error(38);

}  // namespace

Core::Next Core::host_call(uint32_t pc, RunResult* result) {
  uint32_t& a0 = state_.x[10];
  const uint32_t a1 = state_.x[11], a2 = state_.x[12], number = state_.x[17];
  const auto end = [&](uint32_t code) {
    result->reason = StopReason::kExit;
    result->exit_code = int(code);
    return Next::kStop;
  };
  switch (number) {
    case kExitCall:
    case kExitGroup: return end(a0);
    case kKill: return end(128 + a1);  // abort() kills its own process; this is what shells say then
    case kPutcharCall: {
      const char c = char(a0);
      if (console_) console_(&c, 1);
      break;
    }
    case kWriteCall: a0 = write_console(a0, a1, a2); break;
    case kRead: a0 = read_input(a0, a1, a2); break;
    case kClose: a0 = a0 <= 2 ? 0 : kBadDescriptor; break;
    case kSeek: a0 = a0 <= 2 ? kNotSeekable : kBadDescriptor; break;
    case kFstat: a0 = describe_file(a0, a1); break;
    case kOpenAt:
    case kOpen: a0 = kNoAccess; break;
    case kGetPid: a0 = 1; break;
    case kBrk: a0 = move_break(a0); break;
    case kGetTimeOfDay: a0 = tell_time(a0, 1'000'000); break;
    case kClockGetTime64: a0 = tell_time(a1, 1'000'000'000); break;
    default: a0 = kNoSuchCall; note_unknown_call(number, pc);
  }
  return Next::kGoOn;
}

void Core::note_unknown_call(uint32_t number, uint32_t pc) {
  constexpr size_t kMost = 100;  // numbers may be garbage
  for (UnknownCall& call : unknown_calls_)
    if (call.number == number) return void(++call.count);
  if (unknown_calls_.size() < kMost) unknown_calls_.push_back({number, pc, 1});
}

uint32_t Core::write_console(uint32_t descriptor, uint32_t address, uint32_t size) {
  if (descriptor != 1 && descriptor != 2) return kBadDescriptor;
  if (size != 0 && !memory_.contains(address, size)) return kBadAddress;
  if (console_ && size != 0) console_(reinterpret_cast<const char*>(memory_.at(address)), size);
  return size;
}

uint32_t Core::read_input(uint32_t descriptor, uint32_t address, uint32_t size) {
  if (descriptor != 0) return kBadDescriptor;
  if (size == 0) return 0;
  if (!can_write(address, size)) return kBadAddress;
  char text[4096];
  const size_t count = input_ ? input_(text, std::min<size_t>(size, sizeof text)) : 0;
  write(address, text, count);
  return uint32_t(count);
}

// Linux's brk(2): answers where the break is; where it cannot be, it stays. Between the heap and the stack some room is left.
uint32_t Core::move_break(uint32_t address) {
  constexpr uint32_t kRoom = 256;
  if (break_ == 0) return kNoMemory;
  const uint32_t stack = state_.x[2] - memory_.base();
  const bool has_stack = state_.x[2] >= break_ && stack <= memory_.size();
  const uint32_t limit = has_stack ? stack - std::min(stack, kRoom) : memory_.size();
  if (address >= first_break_ && address - memory_.base() <= limit) break_ = address;
  return break_;
}

// struct stat64 of 32-bit machines (Linux, asm-generic/stat.h; libgloss/riscv/kernel_stat.h, whose times are longer): a terminal.
uint32_t Core::describe_file(uint32_t descriptor, uint32_t address) {
  constexpr uint32_t kBytes = 104, kMode = 16, kLinks = 20, kBlockSize = 56, kCharacterDevice = 020600;
  if (descriptor > 2) return kBadDescriptor;
  if (!can_write(address, kBytes)) return kBadAddress;
  uint32_t words[kBytes / 4] = {};
  words[kMode / 4] = kCharacterDevice;
  words[kLinks / 4] = 1;
  words[kBlockSize / 4] = 1024;
  write(address, words, kBytes);
  return 0;
}

// Seconds, then parts of one, each of 64 bits.
uint32_t Core::tell_time(uint32_t address, uint32_t units_per_second) {
  if (!can_write(address, 16)) return kBadAddress;
  const uint64_t seconds = time_ / kHertz, part = time_ % kHertz * units_per_second / kHertz;
  const uint32_t words[4] = {uint32_t(seconds), uint32_t(seconds >> 32), uint32_t(part), 0};
  write(address, words, sizeof words);
  return 0;
}

Core::Next Core::store_outside(uint32_t address, uint32_t value, uint32_t pc, RunResult* result) {
  if (address == kConsoleAddress) {
    const char c = char(value);
    if (console_) console_(&c, 1);
    return Next::kGoOn;
  }
  if (address != kExitAddress) return fault("store outside memory", address, pc, result);
  result->reason = StopReason::kExit;
  result->exit_code = int(value);
  return Next::kStop;
}

// riscv-tests' host interface: an odd value ends the program; another is the address of a request of four 64-bit words, whose first takes the
// answer. Of the requests there are, write (64: descriptor, address, size) is served.
Core::Next Core::serve_tohost(uint32_t pc, RunResult* result) {
  const uint32_t value = memory_.load<uint32_t>(tohost_);
  if (value == 0) return Next::kGoOn;
  if (value % 2 != 0) {
    result->reason = StopReason::kExit;
    result->exit_code = int(value >> 1);
    return Next::kStop;
  }
  if (fromhost_ == 0 || !can_write(fromhost_, 4) || !memory_.contains(value, 32) || !can_write(value, 8))
    return fault("store to tohost that is no exit code and no request", value, pc, result);
  const auto word = [&](uint32_t index) { return memory_.load<uint32_t>(value + 8 * index); };
  const bool is_write = word(0) == kWriteCall;
  const uint32_t answer = is_write ? write_console(word(1), word(2), word(3)) : kNoSuchCall;
  const uint32_t words[2] = {answer, int32_t(answer) < 0 ? ~0u : 0};
  write(value, words, sizeof words);
  memory_.store<uint32_t>(tohost_, 0);
  memory_.store<uint32_t>(fromhost_, 1);
  return Next::kGoOn;
}

void Core::set_tohost(uint32_t tohost, uint32_t fromhost) {
  for (const uint32_t address : {tohost, fromhost == 0 ? tohost : fromhost})
    BITLOOM_CHECK(memory_.contains(address, 4), "tohost or fromhost at ", address, " is outside memory");
  tohost_ = tohost;
  fromhost_ = fromhost;
  interpreter_->watch(tohost, 4);
}

}  // namespace bitloom::mpic
