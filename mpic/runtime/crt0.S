# Start-up of a C program on the MPIC core: gp and sp, cleared .bss, main, exit with what main returned.
# The symbols are link.ld's. Nothing here needs a CSR, so that the same program also runs under qemu-riscv32.
  .section .text.start, "ax", @progbits
  .globl _start
_start:
  .option push
  .option norelax                # else the linker makes "mv gp, gp" of it
  la    gp, __global_pointer$
  .option pop
  la    sp, __stack_top
  la    t0, __bss_start
  la    t1, __bss_end            # both on a word boundary
  bgeu  t0, t1, 2f
1:
  sw    zero, 0(t0)
  addi  t0, t0, 4
  bltu  t0, t1, 1b
2:
  li    a0, 0                    # there is no command line
  li    a1, 0
  call  main
  call  bitloom_exit
