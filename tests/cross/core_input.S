# What core_io.c reads.
  .section .rodata
  .globl input_begin, input_end
input_begin:
  .incbin INPUT
input_end:
