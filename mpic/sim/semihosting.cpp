// Semihosting: what a program asks its debugger for, as Arm specified it ("Semihosting for AArch32 and AArch64", release 2.0) and RISC-V calls it
// (riscv-non-isa/riscv-semihosting, version 0.4): a0 is the operation, a1 its block of words, the answer is in a0. newlib and picolibc speak it.
//
// Served are the console, the input, the command line, clocks and the end. No file of the host is opened: but ":tt", the console, opening fails. Time is the core's:
// its cycles at 250 MHz, from 1970 on, so that a program's run is always the same.
#include <algorithm>

#include "mpic/sim/core.h"
#include "mpic/sim/interpreter.h"

namespace bitloom::mpic {
namespace {

enum Operation : uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWriteC = 0x03,
  kWrite0 = 0x04,
  kWrite = 0x05,
  kRead = 0x06,
  kReadC = 0x07,
  kIsError = 0x08,
  kIsTty = 0x09,
  kSeek = 0x0a,
  kFileLength = 0x0c,
  kClock = 0x10,
  kTime = 0x11,
  kErrno = 0x13,
  kCommandLine = 0x15,
  kHeapInfo = 0x16,
  kExit = 0x18,
  kExitExtended = 0x20,
  kElapsed = 0x30,
  kTickFrequency = 0x31
};

constexpr uint32_t kFailed = ~0u, kApplicationExit = 0x20026;            // ADP_Stopped_ApplicationExit
constexpr uint32_t kInput = 1, kOutput = 2, kErrors = 3, kFeatures = 4;  // handles
// The file of that name (RISC-V semihosting, "Feature bits"): a magic word, and in bits 0 and 1 that kExitExtended is understood, and ":tt" told apart by mode.
constexpr char kFeatureFile[] = ":semihosting-features";
constexpr uint8_t kFeatureBytes[] = {'S', 'H', 'F', 'B', 3};

// How many words the block of an operation has.
uint32_t words_of(uint32_t operation) {
  switch (operation) {
    case kOpen:
    case kWrite:
    case kRead: return 3;
    case kSeek:
    case kElapsed:
    case kCommandLine:
    case kExitExtended: return 2;
    case kClose:
    case kIsError:
    case kIsTty:
    case kFileLength:
    case kHeapInfo: return 1;
    default: return 0;
  }
}

}  // namespace

bool Core::asks_debugger(uint32_t pc) const {
  constexpr uint32_t kSlli = 0x01f01013, kEbreak = 0x00100073, kSrai = 0x40705013;  // slli x0, x0, 31; ebreak; srai x0, x0, 7
  return memory_.contains(pc - 4, 12) && memory_.load<uint32_t>(pc - 4) == kSlli && memory_.load<uint32_t>(pc) == kEbreak &&
         memory_.load<uint32_t>(pc + 4) == kSrai;
}

Core::Next Core::semihost(uint32_t pc, RunResult* result) {
  uint32_t& answer = state_.x[10];
  const uint32_t operation = answer, block = state_.x[11];
  const auto bad = [&](uint32_t address) { return fault("semihosting request outside memory", address, pc, result); };
  const auto word = [&](uint32_t index) { return memory_.load<uint32_t>(block + 4 * index); };
  const auto put = [&](uint32_t address, const void* from, uint32_t bytes) {
    if (can_write(address, bytes))
      write(address, from, bytes);
    else
      answer = kFailed;
    return Next::kGoOn;
  };
  const auto end = [&](uint32_t reason, uint32_t code) {
    result->reason = StopReason::kExit;
    result->exit_code = reason == kApplicationExit ? int(code) : 1;
    return Next::kStop;
  };
  if (const uint32_t bytes = 4 * words_of(operation); bytes > 0 && !memory_.contains(block, bytes)) return bad(block);
  answer = 0;
  switch (operation) {
    case kOpen: {
      const uint32_t name = word(0), mode = word(1), length = word(2);
      const auto is = [&](const std::string& file) {
        return length == file.size() && memory_.contains(name, length) &&
               std::equal(file.begin(), file.end(), memory_.at(name));
      };
      answer = kFailed;
      if (is(":tt") && mode <= 11) answer = mode < 4 ? kInput : mode < 8 ? kOutput : kErrors;
      if (is(kFeatureFile) && mode <= 1) answer = kFeatures, features_read_ = 0;
      return Next::kGoOn;
    }
    case kWriteC:
      if (!memory_.contains(block, 1)) return bad(block);
      write_console(1, block, 1);
      return Next::kGoOn;
    case kWrite0: {
      uint32_t last = block;
      while (memory_.contains(last, 1) && memory_.load<uint8_t>(last) != 0) ++last;
      if (!memory_.contains(last, 1)) return bad(last);
      write_console(1, block, last - block);
      return Next::kGoOn;
    }
    case kWrite:  // the answer is how much is not written
      answer = write_console(word(0) == kErrors ? 2 : word(0) == kOutput ? 1 : 0, word(1), word(2)) == word(2) ? 0 : word(2);
      return Next::kGoOn;
    case kRead:
      answer = word(2) - (word(0) == kFeatures ? read_features(word(1), word(2)) : read_console(word(0), word(1), word(2)));
      return Next::kGoOn;
    case kReadC: {
      char letter = 0;
      answer = input_ && input_(&letter, 1) == 1 ? uint8_t(letter) : kFailed;
      return Next::kGoOn;
    }
    case kSeek:
      if (word(0) != kFeatures || word(1) > sizeof kFeatureBytes) return answer = kFailed, Next::kGoOn;
      features_read_ = word(1);
      return Next::kGoOn;
    case kFileLength: answer = word(0) == kFeatures ? uint32_t(sizeof kFeatureBytes) : 0; return Next::kGoOn;
    case kClose:
    case kIsError:
    case kIsTty: {
      const uint32_t value = word(0);
      const bool is_console = value >= kInput && value <= kErrors;
      answer = operation == kIsError              ? uint32_t(int32_t(value) < 0)
               : operation == kIsTty              ? uint32_t(is_console)
               : is_console || value == kFeatures ? 0
                                                  : kFailed;
      return Next::kGoOn;
    }
    case kClock: answer = uint32_t(time_ / (kHertz / 100)); return Next::kGoOn;
    case kTime: answer = uint32_t(time_ / kHertz); return Next::kGoOn;
    case kTickFrequency: answer = kHertz; return Next::kGoOn;
    case kElapsed: {
      const uint32_t ticks[2] = {uint32_t(time_), uint32_t(time_ >> 32)};
      return put(block, ticks, sizeof ticks);
    }
    case kCommandLine: {
      const uint32_t buffer = word(0), room = word(1);
      std::string line;
      for (const std::string& argument : arguments_) line += (line.empty() ? "" : " ") + argument;
      const auto length = uint32_t(line.size());
      if (length >= room || !can_write(buffer, length + 1)) return answer = kFailed, Next::kGoOn;
      write(buffer, line.c_str(), length + 1);
      return put(block + 4, &length, 4);
    }
    case kHeapInfo: {  // zeros: the program's own symbols say
      const uint32_t unknown[4] = {};
      if (!memory_.contains(word(0), sizeof unknown)) return bad(word(0));
      return put(word(0), unknown, sizeof unknown);
    }
    case kExit: return end(block, 0);
    case kExitExtended: return end(word(0), word(1));
    case kErrno: return Next::kGoOn;
    default: answer = kFailed; return Next::kGoOn;
  }
}

// How many bytes of the input were read into memory, by handle.
uint32_t Core::read_console(uint32_t handle, uint32_t address, uint32_t size) {
  const uint32_t count = read_input(handle == kInput ? 0 : handle, address, size);
  return int32_t(count) < 0 ? 0 : count;
}

// How many bytes of the file of features were read into memory.
uint32_t Core::read_features(uint32_t address, uint32_t size) {
  const uint32_t count = std::min(size, uint32_t(sizeof kFeatureBytes) - features_read_);
  if (count == 0 || !can_write(address, count)) return 0;
  write(address, kFeatureBytes + features_read_, count);
  features_read_ += count;
  return count;
}

}  // namespace bitloom::mpic
