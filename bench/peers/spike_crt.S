# Takes the place of mpic/runtime/crt0.S for Spike, which serves no ecalls: hands them to the host through HTIF's words tohost
# and fromhost (riscv-isa-sim, fesvr/htif.cc and syscall.cc), and prints, as the last line, how many instructions had retired when
# main returned, in hexadecimal. Assemble with -march=rv32imc_zicsr, link with mpic/runtime/link.ld.
  .section .text.start, "ax", @progbits
  .globl _start
_start:
  .option push
  .option norelax
  la    gp, __global_pointer$
  .option pop
  la    sp, __stack_top
  la    t0, trap
  csrw  mtvec, t0
  la    t0, __bss_start
  la    t1, __bss_end
  bgeu  t0, t1, 2f
1:
  sw    zero, 0(t0)
  addi  t0, t0, 4
  bltu  t0, t1, 1b
2:
  call  main
  csrr  t0, instret              # the low half is enough below 4e9
  mv    s0, a0
  la    a1, count
  addi  t1, a1, 8
3:                               # from the last digit
  andi  t2, t0, 15
  srli  t0, t0, 4
  sltiu t3, t2, 10
  addi  t2, t2, 'a' - 10
  beqz  t3, 4f
  addi  t2, t2, '0' - ('a' - 10)
4:
  addi  t1, t1, -1
  sb    t2, 0(t1)
  bne   t1, a1, 3b
  li    a0, 1
  li    a2, 9
  call  bitloom_write
  mv    a0, s0
  call  bitloom_exit

# The request is eight 64-bit words: number and arguments, then the result in the place of the number. Every register is kept but a0.
  .balign 4
trap:
  csrw  mscratch, t0
  la    t0, request
  sw    t1, 64(t0)
  sw    a7, 0(t0)
  sw    zero, 4(t0)
  sw    a0, 8(t0)
  sw    a1, 16(t0)
  sw    a2, 24(t0)
  la    t1, tohost
  sw    t0, 0(t1)                # the high half stays 0: device 0, system call
1:
  lw    a0, 8(t1)
  beqz  a0, 1b
  sw    zero, 8(t1)
  lw    a0, 0(t0)
  csrr  t1, mepc
  addi  t1, t1, 4
  csrw  mepc, t1
  lw    t1, 64(t0)
  csrr  t0, mscratch
  mret

  .data
  .balign 64
  .globl tohost, fromhost
tohost:
  .dword 0
fromhost:
  .dword 0
  .balign 8
request:
  .fill 9, 8, 0
count:
  .ascii "00000000\n"
