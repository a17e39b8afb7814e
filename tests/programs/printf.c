// A printf of its own: variable arguments of 32 and 64 bits, widths, zero padding, left adjustment, signs.
#include <stdarg.h>

#include "tests/programs/print.h"

static int written;

static void put(char c) {
  bitloom_putchar(c);
  ++written;
}

static void pad(char c, int count) {
  while (count-- > 0) put(c);
}

typedef struct {
  int left, zero, plus, width, wide;
} Format;

static void put_field(const Format* format, const char* sign, const char* text, int size) {
  const int room = format->width - size - (*sign != '\0');
  if (!format->left && !format->zero) pad(' ', room);
  if (*sign) put(*sign);
  if (!format->left && format->zero) pad('0', room);
  for (int i = 0; i < size; ++i) put(text[i]);
  if (format->left) pad(' ', room);
}

static void put_number(const Format* format, const char* sign, uint64_t value, unsigned base, const char* digits) {
  char text[64];
  int first = 64;
  do {
    text[--first] = digits[value % base];
    value /= base;
  } while (value);
  put_field(format, sign, text + first, 64 - first);
}

static const char* read_format(const char* text, Format* format) {
  *format = (Format){0, 0, 0, 0, 0};
  for (;; ++text) {
    if (*text == '-')
      format->left = 1;
    else if (*text == '+')
      format->plus = 1;
    else if (*text == '0')
      format->zero = 1;
    else
      break;
  }
  for (; *text >= '0' && *text <= '9'; ++text) format->width = format->width * 10 + *text - '0';
  for (; *text == 'l'; ++text) ++format->wide;
  return text;
}

static int format_text(const char* text, va_list arguments) {
  written = 0;
  for (; *text; ++text) {
    if (*text != '%') {
      put(*text);
      continue;
    }
    Format format;
    text = read_format(text + 1, &format);
    if (*text == 'd') {
      const int64_t value = format.wide == 2 ? va_arg(arguments, long long) : va_arg(arguments, int);
      put_number(&format,
                 value < 0     ? "-"
                 : format.plus ? "+"
                               : "",
                 value < 0 ? -(uint64_t)value : (uint64_t)value, 10, "0123456789");
    } else if (*text == 'u' || *text == 'x' || *text == 'X' || *text == 'o' || *text == 'b') {
      const uint64_t value = format.wide == 2 ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
      const unsigned base = *text == 'u' ? 10 : *text == 'o' ? 8 : *text == 'b' ? 2 : 16;
      put_number(&format, "", value, base, *text == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
    } else if (*text == 's') {
      const char* string = va_arg(arguments, const char*);
      int size = 0;
      while (string[size]) ++size;
      put_field(&format, "", string, size);
    } else if (*text == 'c') {
      const char c = (char)va_arg(arguments, int);
      put_field(&format, "", &c, 1);
    } else {
      put(*text);
    }
  }
  return written;
}

static int printf_(const char* text, ...) {
  va_list arguments;
  va_start(arguments, text);
  const int count = format_text(text, arguments);
  va_end(arguments);
  return count;
}

// The same list read twice.
static int twice(const char* text, ...) {
  va_list first, second;
  va_start(first, text);
  va_copy(second, first);
  const int count = format_text(text, first) + format_text(text, second);
  va_end(second);
  va_end(first);
  return count;
}

int main(void) {
  int total = 0;
  total += printf_("%d %d %d %u\n", 0, -1, INT32_MIN, ~0u);
  total += printf_("[%5d] [%-5d] [%05d] [%+d] [%+5d]\n", 42, 42, -42, 42, -7);
  total += printf_("%x %X %08x %o %b\n", 0xdeadbeef, 0xdeadbeef, 0xbeef, 0777, 10);
  total += printf_("%lld %llu %llx\n", INT64_MIN, ~0ull, 0x123456789abcdefull);
  // 64-bit arguments behind an odd number of 32-bit ones: aligned register pairs, then memory.
  total += printf_("%d %lld %d %lld %d %lld %d\n", 1, 2ll, 3, -4ll, 5, 6000000000ll, 7);
  total += printf_("[%s] [%10s] [%-10s] [%c] [%3c] 100%%\n", "text", "right", "left", 'x', 'y');
  total += twice("%d-%s-%lld\n", 12, "ab", -34ll);
  line_decimal("characters", total);
  return total & 0xff;
}
