// Instructions between two calls on an emulated Cortex-M board: qemu's -icount shift=0 takes a nanosecond for each, and SysTick counts the processor's
// 25 MHz down from 2^24, one for 40 of them (Armv7-M Architecture Reference Manual, B3.3).
#pragma once
#include <stddef.h>
#include <stdint.h>

long write(int file, const void* data, size_t size);

#define SYSTICK ((volatile uint32_t*)0xe000e010)

static void count_begin(void) {
  SYSTICK[1] = 0xffffff;  // reload
  SYSTICK[2] = 0;         // any value clears the counter
  SYSTICK[0] = 5;         // on, from the processor's clock
}
static uint32_t count_end(void) { return (0xffffffu - SYSTICK[2]) * 40; }

static void print_count(uint32_t value) {
  char text[12];
  size_t at = sizeof text;
  text[--at] = '\n';
  do text[--at] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  write(1, text + at, sizeof text - at);
}
