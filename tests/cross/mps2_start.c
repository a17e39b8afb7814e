// Start-up and semihosting calls (Arm's "Semihosting for AArch32 and AArch64") of the emulated Cortex-M boards.
#include <stddef.h>
#include <stdint.h>

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

extern uint32_t stack_top;
int main(void);

static uint32_t call(uint32_t operation, const uint32_t* arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const uint32_t* r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

// The console opened for reading (mode 0) or writing (mode 4).
static uint32_t console(uint32_t mode) {
  static const char name[] = ":tt";
  const uint32_t arguments[3] = {(uint32_t)name, mode, 3};
  return call(SYS_OPEN, arguments);
}

// The calls answer how many bytes are left over.
long read(int file, void* data, size_t size) {
  static uint32_t handle;
  if (handle == 0) handle = console((uint32_t)file);
  const uint32_t arguments[3] = {handle, (uint32_t)data, size};
  return (long)(size - call(SYS_READ, arguments));
}

long write(int file, const void* data, size_t size) {
  static uint32_t handle;
  if (handle == 0) handle = console(4 * (uint32_t)file);
  const uint32_t arguments[3] = {handle, (uint32_t)data, size};
  return (long)(size - call(SYS_WRITE, arguments));
}

static void leave(int code) {
  const uint32_t arguments[2] = {APPLICATION_EXIT, (uint32_t)code};
  for (;;) call(SYS_EXIT_EXTENDED, arguments);
}

void reset(void) { leave(main()); }

static void fault(void) { leave(3); }

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))&stack_top, reset, fault, fault, fault, fault, fault,
};
