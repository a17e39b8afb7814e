// Calls through pointers: a table of operations, a generic sort with comparators, method tables, callbacks with a context.
#include "tests/programs/print.h"

typedef int32_t (*Operation)(int32_t, int32_t);

static int32_t add(int32_t a, int32_t b) { return a + b; }
static int32_t subtract(int32_t a, int32_t b) { return a - b; }
static int32_t multiply(int32_t a, int32_t b) { return a * b; }
static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
static const Operation kOperations[] = {add, subtract, multiply, larger};

static void swap_bytes(unsigned char* a, unsigned char* b, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const unsigned char byte = a[i];
    a[i] = b[i];
    b[i] = byte;
  }
}

static int comparisons;

static void sort(void* base, size_t count, size_t size, int (*compare)(const void*, const void*)) {
  unsigned char* items = base;
  for (size_t i = 1; i < count; ++i) {
    for (size_t j = i; j > 0; --j) {
      ++comparisons;
      if (compare(items + (j - 1) * size, items + j * size) <= 0) break;
      swap_bytes(items + (j - 1) * size, items + j * size, size);
    }
  }
}

typedef struct {
  char name[7];
  int16_t weight;
} Item;

static int by_name(const void* a, const void* b) {
  const char *x = ((const Item*)a)->name, *y = ((const Item*)b)->name;
  for (; *x && *x == *y; ++x, ++y) continue;
  return *x - *y;
}
static int by_weight(const void* a, const void* b) { return ((const Item*)a)->weight - ((const Item*)b)->weight; }
static int descending(const void* a, const void* b) { return *(const int16_t*)b - *(const int16_t*)a; }

static void print_items(const char* title, const Item* items, int count) {
  print(title);
  for (int i = 0; i < count; ++i) {
    print(" ");
    print(items[i].name);
  }
  print("\n");
}

typedef struct Shape Shape;
typedef struct {
  int32_t (*area)(const Shape*);
  const char* name;
} Methods;
struct Shape {
  const Methods* methods;
  int32_t width, height;
};
static int32_t rectangle_area(const Shape* s) { return s->width * s->height; }
static int32_t triangle_area(const Shape* s) { return s->width * s->height / 2; }
static const Methods kRectangle = {rectangle_area, "rectangle"}, kTriangle = {triangle_area, "triangle"};

static void for_each(const Shape* shapes, int count, void (*visit)(const Shape*, void*), void* context) {
  for (int i = 0; i < count; ++i) visit(&shapes[i], context);
}
static void accumulate(const Shape* shape, void* context) {
  *(int32_t*)context += shape->methods->area(shape);
  line_decimal(shape->methods->name, shape->methods->area(shape));
}

int main(void) {
  int32_t value = 3, total = 0;
  for (int i = 0; i < 40; ++i) value = kOperations[(value ^ i) & 3](value % 1000, i - 7);
  line_decimal("operations", value);

  Item items[] = {{"conv", 9}, {"pool", 2}, {"add", 5}, {"linear", 7}, {"dw", -4}, {"relu", 0}};
  sort(items, 6, sizeof items[0], by_name);
  print_items("by name:", items, 6);
  sort(items, 6, sizeof items[0], by_weight);
  print_items("by weight:", items, 6);
  int16_t numbers[50];
  uint32_t state = 91;
  for (int i = 0; i < 50; ++i) numbers[i] = (int16_t)(next_random(&state) % 2001 - 1000);
  sort(numbers, 50, sizeof numbers[0], descending);
  line_hex("numbers", hash_bytes(numbers, sizeof numbers));
  line_decimal("comparisons", comparisons);

  const Shape shapes[] = {{&kRectangle, 6, 7}, {&kTriangle, 6, 7}, {&kTriangle, 11, 4}};
  for_each(shapes, 3, accumulate, &total);
  line_decimal("total", total);
  return total;
}
