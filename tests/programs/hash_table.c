// A hash table with open addressing and one with chains over its own heap, fed the same operations; they must always agree.
#include "tests/programs/print.h"

enum { kSlots = 256, kKeys = 180, kChains = 32 };

typedef struct {
  enum { kEmpty, kUsed, kDeleted } state;
  uint32_t key;
  int32_t value;
} Slot;
typedef struct Node {
  struct Node* next;
  uint32_t key;
  int32_t value;
} Node;

static Slot slots[kSlots];
static Node nodes[kKeys], *chains[kChains], *unused;

static uint32_t hash(uint32_t key) {
  key = (key ^ key >> 16) * 0x45d9f3bu;
  return key ^ key >> 15;
}

// The slot of the key, or the first one where it could be put.
static Slot* probe(uint32_t key) {
  Slot* hole = NULL;
  for (uint32_t i = hash(key) % kSlots;; i = (i + 1) % kSlots) {
    Slot* slot = &slots[i];
    if (slot->state == kUsed && slot->key == key) return slot;
    if (slot->state != kUsed && !hole) hole = slot;
    if (slot->state == kEmpty) return hole;
  }
}

static Node** chain_link(uint32_t key) {
  Node** link = &chains[hash(key) % kChains];
  while (*link && (*link)->key != key) link = &(*link)->next;
  return link;
}

static void insert(uint32_t key, int32_t value) {
  *probe(key) = (Slot){kUsed, key, value};
  Node** link = chain_link(key);
  if (!*link) {
    Node* node = unused;
    unused = node->next;
    *node = (Node){NULL, key, value};
    *link = node;
  }
  (*link)->value = value;
}

static void erase(uint32_t key) {
  Slot* slot = probe(key);
  if (slot->state == kUsed) slot->state = kDeleted;
  Node** link = chain_link(key);
  if (*link) {
    Node* node = *link;
    *link = node->next;
    node->next = unused;
    unused = node;
  }
}

static int agree(uint32_t key) {
  const Slot* slot = probe(key);
  const Node* node = *chain_link(key);
  return slot->state == kUsed ? node && node->value == slot->value : !node;
}

static void rebuild(void) {
  static Slot old[kSlots];
  for (int i = 0; i < kSlots; ++i) {
    old[i] = slots[i];
    slots[i].state = kEmpty;
  }
  for (int i = 0; i < kSlots; ++i) {
    if (old[i].state == kUsed) *probe(old[i].key) = old[i];
  }
}

int main(void) {
  uint32_t state = 131;
  int wrong = 0, count = 0, longest = 0;
  int64_t sum = 0;
  for (int i = 0; i < kKeys; ++i) nodes[i].next = i + 1 < kKeys ? &nodes[i + 1] : NULL;
  unused = nodes;
  for (int i = 0; i < 6000; ++i) {
    const uint32_t random = next_random(&state), key = random % kKeys * 2654435761u;
    if (random >> 28 < 9)
      insert(key, (int32_t)(random >> 4));
    else
      erase(key);
    wrong += !agree(key) || !agree(next_random(&state) % kKeys * 2654435761u);
    if (i % 100 == 99) rebuild();
  }
  for (int i = 0; i < kSlots; ++i) {
    if (slots[i].state != kUsed) continue;
    ++count;
    sum += slots[i].value;
  }
  for (int i = 0; i < kChains; ++i) {
    int length = 0;
    for (const Node* node = chains[i]; node; node = node->next) ++length;
    if (length > longest) longest = length;
  }
  line_decimal("entries", count);
  line_decimal("sum", sum);
  line_decimal("longest chain", longest);
  line_decimal("wrong", wrong);
  return wrong ? 255 : count;
}
