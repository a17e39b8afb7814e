// Dynamic programming: edit distance, common subsequence, knapsack, matrix chain, partitions, longest rise.
#include "tests/programs/print.h"

static int smaller(int a, int b) { return a < b ? a : b; }
static int larger(int a, int b) { return a > b ? a : b; }

static int edit_distance(const char* a, const char* b) {
  int row[32];
  for (int j = 0; j < 32; ++j) row[j] = j;
  for (int i = 0; a[i]; ++i) {
    int diagonal = row[0];
    row[0] = i + 1;
    for (int j = 0; b[j]; ++j) {
      const int cost = smaller(smaller(row[j], row[j + 1]) + 1, diagonal + (a[i] != b[j]));
      diagonal = row[j + 1];
      row[j + 1] = cost;
    }
  }
  int end = 0;
  while (b[end]) ++end;
  return row[end];
}

static int common_subsequence(const char* a, const char* b, char* text) {
  static int8_t best[40][40];
  int m = 0, n = 0;
  for (; a[m]; ++m) continue;
  for (; b[n]; ++n) continue;
  for (int i = m - 1; i >= 0; --i) {
    for (int j = n - 1; j >= 0; --j) {
      best[i][j] = (int8_t)(a[i] == b[j] ? best[i + 1][j + 1] + 1 : larger(best[i + 1][j], best[i][j + 1]));
    }
  }
  for (int i = 0, j = 0; i < m && j < n;) {
    if (a[i] == b[j]) {
      *text++ = a[i++];
      ++j;
    } else if (best[i + 1][j] >= best[i][j + 1]) {
      ++i;
    } else {
      ++j;
    }
  }
  *text = '\0';
  return best[0][0];
}

static int knapsack(const int* weights, const int* values, int count, int capacity) {
  static int best[301];
  for (int i = 0; i < count; ++i) {
    for (int room = capacity; room >= weights[i]; --room) best[room] = larger(best[room], best[room - weights[i]] + values[i]);
  }
  return best[capacity];
}

static int matrix_chain(const int* sizes, int count) {
  static int cost[12][12];
  for (int span = 1; span < count; ++span) {
    for (int i = 0; i + span < count; ++i) {
      cost[i][i + span] = INT32_MAX;
      for (int k = i; k < i + span; ++k) {
        const int here = cost[i][k] + cost[k + 1][i + span] + sizes[i] * sizes[k + 1] * sizes[i + span + 1];
        cost[i][i + span] = smaller(cost[i][i + span], here);
      }
    }
  }
  return cost[0][count - 1];
}

static uint64_t partitions(int n) {
  static uint64_t ways[401];
  ways[0] = 1;
  for (int part = 1; part <= n; ++part) {
    for (int sum = part; sum <= n; ++sum) ways[sum] += ways[sum - part];
  }
  return ways[n];
}

// Ends of the best rises of each length, by binary search.
static int longest_rise(const uint32_t* values, int count) {
  uint32_t ends[200];
  int longest = 0;
  for (int i = 0; i < count; ++i) {
    int low = 0, high = longest;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (ends[middle] < values[i])
        low = middle + 1;
      else
        high = middle;
    }
    ends[low] = values[i];
    if (low == longest) ++longest;
  }
  return longest;
}

int main(void) {
  static const int sizes[] = {30, 35, 15, 5, 10, 20, 25};
  int weights[20], values[20];
  uint32_t numbers[200], state = 171;
  char text[40];
  for (int i = 0; i < 20; ++i) {
    weights[i] = 5 + (int)(next_random(&state) % 60);
    values[i] = 1 + (int)(next_random(&state) % 100);
  }
  for (int i = 0; i < 200; ++i) numbers[i] = next_random(&state);
  line_decimal("edits", edit_distance("kitten", "sitting"));
  line_decimal("edits", edit_distance("quantization", "organization"));
  line_decimal("common", common_subsequence("mixed precision networks", "fixed position weights", text));
  print(text);
  line_decimal("\nknapsack", knapsack(weights, values, 20, 300));
  line_decimal("chain", matrix_chain(sizes, 6));
  line_decimal("partitions", (int64_t)partitions(400));
  line_decimal("rise", longest_rise(numbers, 200));
  return matrix_chain(sizes, 6) == 15125 ? 0 : 1;
}
