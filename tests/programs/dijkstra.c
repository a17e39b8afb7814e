// Shortest paths in a weighted graph: Dijkstra with a binary heap against Bellman-Ford and Floyd-Warshall.
#include "tests/programs/print.h"

enum { kNodes = 40, kDegree = 5, kFar = 1000000 };

typedef struct {
  int to, weight;
} Edge;
typedef struct {
  int distance, node;
} Entry;

static Edge edges[kNodes][kDegree];
static int distances[kNodes], previous[kNodes], relaxed[kNodes];
static int all_pairs[kNodes][kNodes];
static Entry heap[kNodes * kDegree + 1];
static int heap_size;

static void push(Entry entry) {
  int i = heap_size++;
  for (; i > 0 && heap[(i - 1) / 2].distance > entry.distance; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  heap[i] = entry;
}

static Entry pop(void) {
  const Entry top = heap[0], entry = heap[--heap_size];
  int i = 0;
  for (int child; (child = 2 * i + 1) < heap_size; i = child) {
    if (child + 1 < heap_size && heap[child + 1].distance < heap[child].distance) ++child;
    if (heap[child].distance >= entry.distance) break;
    heap[i] = heap[child];
  }
  heap[i] = entry;
  return top;
}

static int dijkstra(int start) {
  int settled = 0;
  for (int i = 0; i < kNodes; ++i) distances[i] = kFar;
  distances[start] = 0;
  previous[start] = -1;
  push((Entry){0, start});
  while (heap_size) {
    const Entry entry = pop();
    if (entry.distance > distances[entry.node]) continue;
    ++settled;
    for (int i = 0; i < kDegree; ++i) {
      const Edge edge = edges[entry.node][i];
      const int distance = entry.distance + edge.weight;
      if (distance >= distances[edge.to]) continue;
      distances[edge.to] = distance;
      previous[edge.to] = entry.node;
      push((Entry){distance, edge.to});
    }
  }
  return settled;
}

static int bellman_ford(int start) {
  int rounds = 0, changed = 1;
  for (int i = 0; i < kNodes; ++i) relaxed[i] = i == start ? 0 : kFar;
  for (; changed; ++rounds) {
    changed = 0;
    for (int i = 0; i < kNodes * kDegree; ++i) {
      const Edge edge = edges[i / kDegree][i % kDegree];
      if (relaxed[i / kDegree] + edge.weight >= relaxed[edge.to]) continue;
      relaxed[edge.to] = relaxed[i / kDegree] + edge.weight;
      changed = 1;
    }
  }
  return rounds;
}

static void floyd_warshall(void) {
  for (int i = 0; i < kNodes; ++i) {
    for (int j = 0; j < kNodes; ++j) all_pairs[i][j] = i == j ? 0 : kFar;
    for (int j = 0; j < kDegree; ++j) {
      const Edge edge = edges[i][j];
      if (edge.weight < all_pairs[i][edge.to]) all_pairs[i][edge.to] = edge.weight;
    }
  }
  for (int k = 0; k < kNodes; ++k) {
    for (int i = 0; i < kNodes; ++i) {
      for (int j = 0; j < kNodes; ++j) {
        const int through = all_pairs[i][k] + all_pairs[k][j];
        if (through < all_pairs[i][j]) all_pairs[i][j] = through;
      }
    }
  }
}

int main(void) {
  uint32_t state = 121;
  int wrong = 0, farthest = 0;
  for (int i = 0; i < kNodes; ++i) {
    for (int j = 0; j < kDegree; ++j) {
      edges[i][j].to = j == 0 ? (i + 1) % kNodes : (int)(next_random(&state) % kNodes);
      edges[i][j].weight = 1 + (int)(next_random(&state) % 97);
    }
  }
  line_decimal("settled", dijkstra(0));
  line_decimal("rounds", bellman_ford(0));
  floyd_warshall();
  for (int i = 0; i < kNodes; ++i) {
    wrong += distances[i] != relaxed[i] || distances[i] != all_pairs[0][i];
    if (distances[i] > distances[farthest]) farthest = i;
  }
  line_decimal("farthest", farthest);
  line_decimal("distance", distances[farthest]);
  for (int node = farthest; node >= 0; node = previous[node]) {
    print_decimal(node);
    print(node ? " <- " : "\n");
  }
  line_hex("all pairs", hash_bytes(all_pairs, sizeof all_pairs));
  line_decimal("wrong", wrong);
  return wrong;
}
