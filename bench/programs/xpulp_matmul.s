# int8 matrix product with hardware loops, post-increment loads and packed dot products: 64 x 64 x 64, REPEAT times. bitloom only: no other
# simulator of bench/peers knows XpulpV2. Exit code 0 when the sum of all results is right.
.equ REPEAT, 4000
.equ N, 64
.globl _start
_start:
    la    a0, left            # a[i] = i * 7 + 3, b[i] = i * 5 - 60, as bytes
    la    a1, right
    li    t0, 3
    li    t1, -60
    li    t2, N * N
    lp.setup x0, t2, fill
    p.sb  t0, 1(a0!)
    p.sb  t1, 1(a1!)
    addi  t0, t0, 7
fill:
    addi  t1, t1, 5

    li    s11, REPEAT
again:
    li    s10, 0              # the sum of this product
    la    s0, left
    li    s1, N / 2           # rows by twos
row:
    la    s2, right
    li    s3, N / 2           # columns by twos
column:
    mv    a0, s0
    addi  a1, s0, N
    mv    a2, s2
    addi  a3, s2, N
    li    t3, 0
    li    t4, 0
    li    t5, 0
    li    t6, 0
    lp.setupi x0, N / 4, inner
    p.lw  a4, 4(a0!)
    p.lw  a6, 4(a2!)
    p.lw  a5, 4(a1!)
    p.lw  a7, 4(a3!)
    pv.sdotsp.b t3, a4, a6
    pv.sdotsp.b t4, a5, a6
    pv.sdotsp.b t5, a4, a7
inner:
    pv.sdotsp.b t6, a5, a7
    add   s10, s10, t3
    add   s10, s10, t4
    add   s10, s10, t5
    add   s10, s10, t6
    addi  s2, s2, 2 * N
    addi  s3, s3, -1
    bnez  s3, column
    addi  s0, s0, 2 * N
    addi  s1, s1, -1
    bnez  s1, row
    addi  s11, s11, -1
    bnez  s11, again

    li    t0, EXPECTED
    sub   a0, s10, t0
    snez  a0, a0
    li    a7, 93
    ecall
.equ EXPECTED, 8126464
.align 2
left:  .space N * N
right: .space N * N
