// Switches that become jump tables, and ones that do not: a bytecode machine, sparse cases, ranges, fall-through, a lexer.
#include "tests/programs/print.h"

enum { kPush, kAdd, kSubtract, kMultiply, kDuplicate, kSwap, kLoad, kStore, kJump, kJumpIfZero, kPrint, kHalt };

// Runs until kHalt. Returns the instructions executed, or -1 for one that does not exist.
static int run(const int16_t* code) {
  int32_t stack[16], memory[4] = {0};
  int top = 0, steps = 0;
  for (int pc = 0;; ++steps) {
    switch (code[pc++]) {
      case kPush: stack[top++] = code[pc++]; break;
      case kAdd:
        --top;
        stack[top - 1] += stack[top];
        break;
      case kSubtract:
        --top;
        stack[top - 1] -= stack[top];
        break;
      case kMultiply:
        --top;
        stack[top - 1] *= stack[top];
        break;
      case kDuplicate:
        stack[top] = stack[top - 1];
        ++top;
        break;
      case kSwap: {
        const int32_t value = stack[top - 1];
        stack[top - 1] = stack[top - 2];
        stack[top - 2] = value;
        break;
      }
      case kLoad: stack[top++] = memory[code[pc++]]; break;
      case kStore: memory[code[pc++]] = stack[--top]; break;
      case kJump: pc = code[pc]; break;
      case kJumpIfZero: pc = stack[--top] == 0 ? code[pc] : pc + 1; break;
      case kPrint: line_decimal("machine", stack[--top]); break;
      case kHalt: return steps;
      default: return -1;
    }
  }
}

static __attribute__((noinline)) int sparse(int32_t x) {
  switch (x) {
    case INT32_MIN: return 1;
    case -70000: return 2;
    case -1: return 3;
    case 0: return 4;
    case 17: return 5;
    case 4096: return 6;
    case 1000000: return 7;
    case INT32_MAX: return 8;
    default: return 9;
  }
}

static __attribute__((noinline)) int days(int month, int leap) {
  switch (month) {
    case 2: return 28 + leap;
    case 4:
    case 6:
    case 9:
    case 11: return 30;
    default: return month >= 1 && month <= 12 ? 31 : 0;
  }
}

// Falls from each case into the next.
static __attribute__((noinline)) uint32_t tail(const uint8_t* bytes, int count) {
  uint32_t hash = 0;
  switch (count) {
    case 7: hash = hash * 31 + bytes[6]; /* fall through */
    case 6: hash = hash * 31 + bytes[5]; /* fall through */
    case 5: hash = hash * 31 + bytes[4]; /* fall through */
    case 4: hash = hash * 31 + bytes[3]; /* fall through */
    case 3: hash = hash * 31 + bytes[2]; /* fall through */
    case 2: hash = hash * 31 + bytes[1]; /* fall through */
    case 1: hash = hash * 31 + bytes[0]; /* fall through */
    default: return hash;
  }
}

static char kind(char c) {
  switch (c) {
    case ' ':
    case '\t': return '_';
    case '+':
    case '-':
    case '*':
    case '/': return 'o';
    case '(': return '[';
    case ')': return ']';
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return 'd';
    default: return (c | 32) >= 'a' && (c | 32) <= 'z' ? 'a' : '?';
  }
}

int main(void) {
  static const int16_t squares[] = {
      kPush,     9,                         // 0
      kStore,    0,                         // 2: the counter
      kLoad,     0,     kJumpIfZero, 24,    // 4
      kLoad,     0,     kDuplicate,         // 8
      kMultiply, kLoad, 1,           kAdd,  // 11
      kStore,    1,     kLoad,       0,     // 15: the sum
      kPush,     1,     kSubtract,          // 19
      kJump,     2,                         // 22
      kLoad,     1,     kPrint,      kHalt  // 24
  };
  static const int16_t factorial[] = {
      kPush,      1,           kPush,     10,  // 0: product and counter
      kDuplicate, kJumpIfZero, 19,             // 4
      kStore,     0,           kLoad,     0,   // 7
      kMultiply,  kLoad,       0,              // 11
      kPush,      1,           kSubtract,      // 14
      kJump,      4,                           // 17
      kSwap,      kPrint,      kHalt           // 19
  };
  static const int16_t broken[] = {kPush, 1, 99};
  static const int32_t keys[] = {INT32_MIN, -70000, -1, 0, 1, 16, 17, 4096, 4097, 1000000, INT32_MAX};
  line_decimal("steps", run(squares));
  line_decimal("steps", run(factorial));
  line_decimal("broken", run(broken));
  print("sparse");
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; ++i) {
    print(" ");
    print_decimal(sparse(keys[i]));
  }
  int total = 0;
  for (int month = -1; month <= 14; ++month) total += days(month, 1);
  line_decimal("\ndays", total);
  uint32_t hash = 1;
  for (int count = 0; count <= 9; ++count) hash = hash * 33 + tail((const uint8_t*)"mpic core", count);
  line_hex("tails", hash);
  for (const char* c = "3*(alpha + 42)/Z9 - \t%"; *c; ++c) bitloom_putchar(kind(*c));
  print("\n");
  return total & 0xff;
}
