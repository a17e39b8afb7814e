// String handling: length, comparison, search, reversal, numbers to text and back, words, case, palindromes.
#include "tests/programs/print.h"

static size_t length(const char* s) {
  const char* end = s;
  while (*end) ++end;
  return (size_t)(end - s);
}

static int compare(const char* a, const char* b) {
  for (; *a && *a == *b; ++a, ++b) continue;
  return (unsigned char)*a - (unsigned char)*b;
}

static const char* find(const char* text, const char* word) {
  for (;; ++text) {
    size_t i = 0;
    while (word[i] && text[i] == word[i]) ++i;
    if (!word[i]) return text;
    if (!*text) return NULL;
  }
}

static void reverse(char* s) {
  for (char* end = s + length(s); s + 1 < end; ++s) {
    const char letter = *s;
    *s = *--end;
    *end = letter;
  }
}

static char* to_text(int32_t value, int base, char* text) {
  uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
  char* end = text;
  do {
    *end++ = "0123456789abcdefghijklmnopqrstuvwxyz"[rest % (uint32_t)base];
    rest /= (uint32_t)base;
  } while (rest);
  if (value < 0) *end++ = '-';
  *end = '\0';
  reverse(text);
  return text;
}

static int32_t to_number(const char* text, int base) {
  const int negative = *text == '-';
  uint32_t value = 0;
  for (text += negative; *text; ++text) {
    value = value * (uint32_t)base + (uint32_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
  }
  return (int32_t)(negative ? 0u - value : value);
}

static int is_palindrome(const char* s) {
  const char* end = s + length(s);
  while (s < end) {
    if (*s++ != *--end) return 0;
  }
  return 1;
}

// Splits at spaces and commas, in place. Returns the number of words.
static int split(char* s, char** words) {
  int count = 0;
  while (*s) {
    while (*s == ' ' || *s == ',') *s++ = '\0';
    if (!*s) break;
    words[count++] = s;
    while (*s && *s != ' ' && *s != ',') ++s;
  }
  return count;
}

int main(void) {
  static const int32_t numbers[] = {0, 7, -1, 12345, -987654, INT32_MAX, INT32_MIN};
  char sentence[] = "channels, of  mixed precision,, find their   widths by descent";
  char text[40];
  char* words[16];
  int wrong = 0;
  line_decimal("length", (int64_t)length(sentence));
  line_decimal("found at", find(sentence, "precision") - sentence);
  line_decimal("not found", find(sentence, "precise") == NULL);
  line_decimal("order", (compare("abc", "abd") < 0) + 2 * (compare("abc", "ab") > 0) + 4 * (compare("", "") == 0));
  line_decimal("high bytes", compare("\xff", "a") > 0);
  const int count = split(sentence, words);
  for (int i = count - 1; i >= 0; --i) {
    reverse(words[i]);
    print(words[i]);
    print(i ? " " : "\n");
  }
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; ++i) {
    for (int base = 2; base <= 36; base += i < 2 ? 34 : 7) {
      print(to_text(numbers[i], base, text));
      print(" ");
      wrong += to_number(text, base) != numbers[i];
    }
    print("\n");
  }
  line_decimal("palindromes", is_palindrome("") + is_palindrome("abba") + is_palindrome("rotor") + is_palindrome("ab"));
  line_decimal("wrong", wrong);
  return wrong ? 1 : count;
}
