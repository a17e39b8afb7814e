// A recursive-descent calculator with variables and precedence, over 64-bit integers; errors are values, not crashes.
#include "tests/programs/print.h"

static const char* at;
static const char* error;
static int64_t variables[26];

static int64_t expression(void);

static int accept(char c) {
  while (*at == ' ') ++at;
  if (*at != c) return 0;
  ++at;
  return 1;
}

static int64_t fail(const char* why) {
  if (!error) error = why;
  return 0;
}

static int64_t primary(void) {
  if (accept('-')) return (int64_t)(0 - (uint64_t)primary());
  if (accept('(')) {
    const int64_t value = expression();
    return accept(')') ? value : fail("unbalanced");
  }
  if (*at >= 'a' && *at <= 'z') return variables[*at++ - 'a'];
  if (*at < '0' || *at > '9') return fail("a number was expected");
  uint64_t value = 0;
  while (*at >= '0' && *at <= '9') value = value * 10 + (uint64_t)(*at++ - '0');
  return (int64_t)value;
}

static int64_t power(void) {
  const int64_t base = primary();
  if (!accept('^')) return base;
  int64_t exponent = power();
  uint64_t result = 1;
  if (exponent < 0 || exponent > 1000) return fail("exponent out of range");
  while (exponent-- > 0) result *= (uint64_t)base;
  return (int64_t)result;
}

static int64_t term(void) {
  int64_t value = power();
  for (;;) {
    if (accept('*')) {
      value = (int64_t)((uint64_t)value * (uint64_t)power());
    } else if (accept('/') || accept('%')) {
      const char sign = at[-1];
      const int64_t divisor = power();
      if (divisor == 0) return fail("division by zero");
      if (divisor == -1)
        value = sign == '/' ? (int64_t)(0 - (uint64_t)value) : 0;
      else
        value = sign == '/' ? value / divisor : value % divisor;
    } else {
      return value;
    }
  }
}

static int64_t expression(void) {
  int64_t value = term();
  for (;;) {
    if (accept('+'))
      value = (int64_t)((uint64_t)value + (uint64_t)term());
    else if (accept('-'))
      value = (int64_t)((uint64_t)value - (uint64_t)term());
    else
      return value;
  }
}

// "x = expression" or an expression alone, which then goes to z.
static int evaluate(const char* text) {
  int target = 25;
  at = text;
  error = NULL;
  if (text[0] >= 'a' && text[0] <= 'z' && text[1] == ' ' && text[2] == '=') {
    target = text[0] - 'a';
    at += 3;
  }
  const int64_t value = expression();
  while (*at == ' ') ++at;
  if (*at) fail("something is left over");
  print(text);
  print(" -> ");
  if (error)
    print(error);
  else
    print_decimal(variables[target] = value);
  print("\n");
  return error != NULL;
}

int main(void) {
  static const char* const lines[] = {"1 + 2 * 3",
                                      "(1 + 2) * 3",
                                      "2 ^ 3 ^ 2",
                                      "x = 12345678901",
                                      "y = x * x % 1000000007",
                                      "x / -7",
                                      "-x % 1000",
                                      "100 - 10 - 1",
                                      "--5",
                                      "7 / 0",
                                      "(1 + 2",
                                      "1 + ",
                                      "3 4",
                                      "2 ^ 63",
                                      "2 ^ 63 / -1",
                                      "((((((9))))))*z",
                                      "10 ^ 18 + x - y * 2",
                                      "x - x / 10 * 10",
                                      "2 ^ (0 - 1)",
                                      "7 * (6 - 5 * (4 - 3))"};
  int errors = 0;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; ++i) {
    errors += evaluate(lines[i]);
  }
  line_decimal("errors", errors);
  return errors;
}
