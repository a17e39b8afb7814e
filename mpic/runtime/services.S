# What bitloom.h declares: ecalls, whose arguments are already where the calling convention puts them, and the 64-bit counters.
  .macro function name
  .section .text.\name, "ax", @progbits
  .globl \name
  .type \name, @function
\name:
  .endm

  # csrr, spelled so that -march needs no _zicsr
  .macro read register, csr
  .insn i 0x73, 2, \register, zero, \csr - 0x1000
  .endm

  # Again if the low half wrapped between the readings of the high one.
  .macro counter low, high
1:
  read  a1, \high
  read  a0, \low
  read  t0, \high
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
  counter 0xc00, 0xc80

function bitloom_rdinstret
  counter 0xc02, 0xc82
