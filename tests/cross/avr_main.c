// Prints what a self-test (SELFTEST) says on the first serial port of an ATmega, and stops: simavr ends where a processor sleeps without interrupts.
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

int SELFTEST(void);

static void put(const char* text) {
  for (; *text; ++text) {
    while (!(UCSR0A & (1 << UDRE0))) {
    }
    UDR0 = (uint8_t)*text;
  }
}

int main(void) {
  char count[] = "0 samples differ\n";
  UCSR0B = 1 << TXEN0;
  count[0] = (char)('0' + SELFTEST());
  put(count);
  cli();
  sleep_enable();
  sleep_cpu();
  return 0;
}
