// Huffman codes of a text: tree by two queues, canonical codes, packed bits, decoding; the code must satisfy Kraft's equality.
#include "tests/programs/print.h"

enum { kSymbols = 256, kNodes = 2 * kSymbols };

static const char kText[] =
    "every channel of every layer chooses how many bits its weights deserve: none, two, four or eight; and every tensor of "
    "activations "
    "chooses as well. The price of the choice is memory, cycles or energy, and the gradient pays it.";

static int frequency[kNodes], parent[kNodes], length[kSymbols], order[kSymbols];
static uint32_t code[kSymbols];
static uint8_t packed[sizeof kText];

// The symbols that occur, by frequency and then by value.
static int sort_symbols(void) {
  int count = 0;
  for (int s = 0; s < kSymbols; ++s) {
    if (!frequency[s]) continue;
    int i = count++;
    for (; i > 0 && frequency[order[i - 1]] > frequency[s]; --i) order[i] = order[i - 1];
    order[i] = s;
  }
  return count;
}

static int build_lengths(int count) {
  int leaf = 0, inner = kSymbols, made = kSymbols, longest = 0;
  while (count - leaf + made - inner > 1) {
    int children[2];
    for (int i = 0; i < 2; ++i) {
      const int take_leaf = leaf < count && (inner == made || frequency[order[leaf]] <= frequency[inner]);
      children[i] = take_leaf ? order[leaf++] : inner++;
    }
    frequency[made] = frequency[children[0]] + frequency[children[1]];
    parent[children[0]] = parent[children[1]] = made++;
  }
  for (int i = 0; i < count; ++i) {
    for (int node = order[i]; node != made - 1; node = parent[node]) ++length[order[i]];
    if (length[order[i]] > longest) longest = length[order[i]];
  }
  return longest;
}

static void assign_codes(int longest) {
  uint32_t next = 0;
  for (int bits = 1; bits <= longest; ++bits, next <<= 1) {
    for (int s = 0; s < kSymbols; ++s) {
      if (length[s] == bits) code[s] = next++;
    }
  }
}

static int decode_symbol(int* at) {
  uint32_t bits = 0;
  for (int count = 1;; ++count) {
    bits = bits << 1 | (packed[*at / 8] >> (7 - *at % 8) & 1);
    ++*at;
    for (int s = 0; s < kSymbols; ++s) {
      if (length[s] == count && code[s] == bits) return s;
    }
  }
}

int main(void) {
  const int size = sizeof kText - 1;
  int at = 0, wrong = 0;
  uint32_t kraft = 0;
  for (int i = 0; i < size; ++i) ++frequency[(uint8_t)kText[i]];
  const int count = sort_symbols();
  const int longest = build_lengths(count);
  assign_codes(longest);
  for (int i = 0; i < size; ++i) {
    const int s = (uint8_t)kText[i];
    for (int bit = length[s] - 1; bit >= 0; --bit, ++at) packed[at / 8] |= (uint8_t)((code[s] >> bit & 1) << (7 - at % 8));
  }
  line_decimal("symbols", count);
  line_decimal("longest", longest);
  line_decimal("bits", at);
  for (int i = 0; i < count; ++i) kraft += 1u << (20 - length[order[i]]);
  line_hex("kraft", kraft);
  print("e = ");
  print_unsigned(code['e'], 2, length['e']);
  print(", p = ");
  print_unsigned(code['p'], 2, length['p']);
  line_hex("\npacked", hash_bytes(packed, (size_t)(at + 7) / 8));
  int read = 0;
  for (int i = 0; i < size; ++i) wrong += decode_symbol(&read) != (uint8_t)kText[i];
  line_decimal("wrong", wrong);
  return wrong || read != at ? 1 : count;
}
