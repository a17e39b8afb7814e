# Start-up of a C or C++ program on the MPIC core: gp, sp, tp, cleared .bss, constructors, main(argc, argv), exit() with what main returned.
# The symbols are link.ld's. Nothing here needs a CSR, so that the same program also runs under qemu-riscv32.
  # Calls the functions whose addresses lie from \first to \last: upwards with a step of 4, downwards with -4.
  .macro call_all first, last, step
  la    s0, \first
  la    s1, \last
  j     2f
1:
  .if \step < 0
  addi  s0, s0, \step
  .endif
  lw    t0, 0(s0)
  .if \step > 0
  addi  s0, s0, \step
  .endif
  jalr  t0
2:
  bne   s0, s1, 1b
  .endm

  .section .text.start, "ax", @progbits
  .globl _start
  .type _start, @function
_start:
  .option push
  .option norelax                # else the linker makes "mv gp, gp" of it
  la    gp, __global_pointer$
  .option pop
  mv    s2, sp                   # argc, argv[0], ... as Linux has them there; 0 where nobody set it
  la    sp, __stack_top
  la    t0, __heap_end
  bltu  s2, t0, 1f
  bgeu  s2, sp, 1f
  mv    sp, s2                   # they are in this stack: it begins below
1:
  la    tp, __tls_start          # there is one thread, whose variables are where they were loaded
  la    t0, __bss_start
  la    t1, __bss_end            # both on a word boundary
  bgeu  t0, t1, 2f
1:
  sw    zero, 0(t0)
  addi  t0, t0, 4
  bltu  t0, t1, 1b
2:
  call_all __preinit_array_start, __preinit_array_end, 4
  call_all __init_array_start, __init_array_end, 4
  li    a0, 0
  li    a1, 0
  beqz  s2, 3f
  lw    a0, 0(s2)
  addi  a1, s2, 4
3:
  call  main
  call  exit
  .size _start, . - _start

# What atexit() was given (atexit.c, where it is linked), destructors from the last to the first, the end. A program may have an exit() of its own.
  .section .text.exit, "ax", @progbits
  .weak exit
  .type exit, @function
exit:
  mv    s2, a0
  .weak bitloom_run_atexit
  .option push
  .option norelax
  lui   t0, %hi(bitloom_run_atexit)
  addi  t0, t0, %lo(bitloom_run_atexit)
  .option pop
  beqz  t0, 1f
  jalr  t0
1:
  call_all __fini_array_end, __fini_array_start, -4
  mv    a0, s2
  call  bitloom_exit
  .size exit, . - exit
