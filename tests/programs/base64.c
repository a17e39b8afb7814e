// Base64 (RFC 4648, with its test vectors), base32 and hexadecimal, encoded and decoded again; malformed text is refused.
#include "tests/programs/print.h"

static const char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char kBase32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char kBase16[] = "0123456789ABCDEF";

// `bits` a letter, padded with '=' to a multiple of `group` letters. Returns the letters written, without the final zero.
static int encode(const uint8_t* bytes, int count, const char* alphabet, int bits, int group, char* text) {
  uint32_t buffer = 0;
  int held = 0, written = 0;
  for (int i = 0; i < count || held > 0;) {
    if (held < bits) {
      buffer = buffer << 8 | (i < count ? bytes[i] : 0);
      held = i < count ? held + 8 : bits;
      if (i++ >= count) buffer >>= 8 - (bits - (count * 8) % bits) % bits;
      continue;
    }
    held -= bits;
    text[written++] = alphabet[buffer >> held & ((1u << bits) - 1)];
  }
  while (written % group) text[written++] = '=';
  text[written] = '\0';
  return written;
}

// Returns the bytes, or -1 if the text is not an encoding.
static int decode(const char* text, const char* alphabet, int bits, int group, uint8_t* bytes) {
  uint32_t buffer = 0;
  int held = 0, written = 0, letters = 0;
  for (; *text && *text != '='; ++text, ++letters) {
    uint32_t value = 0;
    while (alphabet[value] && alphabet[value] != *text) ++value;
    if (!alphabet[value]) return -1;
    buffer = buffer << bits | value;
    held += bits;
    if (held >= 8) {
      held -= 8;
      bytes[written++] = (uint8_t)(buffer >> held);
    }
  }
  for (; *text == '='; ++text) ++letters;
  if (*text || letters % group || held >= bits || (buffer & ((1u << held) - 1))) return -1;
  return written;
}

static int round_trip(const uint8_t* bytes, int count, const char* alphabet, int bits, int group, char* text) {
  static uint8_t back[256];
  encode(bytes, count, alphabet, bits, group, text);
  return decode(text, alphabet, bits, group, back) == count &&
         hash_bytes(back, (size_t)count) == hash_bytes(bytes, (size_t)count);
}

int main(void) {
  static const char* const malformed[] = {"Zg=", "Zm9v!", "Zh==", "Zg==Zg", "Z==="};
  static char text[600];
  static uint8_t noise[200];
  uint32_t state = 151, hash = 1;
  int wrong = 0, refused = 0;
  for (int count = 0; count <= 6; ++count) {
    wrong += !round_trip((const uint8_t*)"foobar", count, kBase64, 6, 4, text);
    print(text);
    wrong += !round_trip((const uint8_t*)"foobar", count, kBase32, 5, 8, text);
    print(" ");
    print(text);
    wrong += !round_trip((const uint8_t*)"foobar", count, kBase16, 4, 2, text);
    print(" ");
    print(text);
    print("\n");
  }
  for (int i = 0; i < 200; ++i) noise[i] = (uint8_t)(next_random(&state) >> 9);
  for (int count = 0; count <= 200; count += 7) {
    wrong += !round_trip(noise, count, kBase64, 6, 4, text);
    hash = hash * 31 + hash_bytes(text, (size_t)(count + 2) / 3 * 4);
  }
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; ++i) refused += decode(malformed[i], kBase64, 6, 4, noise) < 0;
  line_hex("hash", hash);
  line_decimal("refused", refused);
  line_decimal("wrong", wrong);
  return wrong;
}
