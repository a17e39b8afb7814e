# What bitloom.h declares: ecalls, whose arguments are already where the calling convention puts them, and the 64-bit counters.
  .macro function name
  .section .text.\name, "ax", @progbits
  .globl \name
  .type \name, @function
\name:
  .endm

  # Again if the low half wrapped between the readings of the high one.
  .macro read counter
1:
  rd\counter\()h a1
  rd\counter    a0
  rd\counter\()h t0
  bne   t0, a1, 1b
  ret
  .endm

function bitloom_exit
  li    a7, 93
  ecall

function bitloom_write
  li    a7, 64
  ecall
  ret

function bitloom_rdcycle
  read  cycle

function bitloom_rdinstret
  read  instret
