// A program of a user's: prints "hello", ends with 55, has a hardware loop, a function and data.
#pragma once

namespace bitloom::testing {

inline const char* const kHello = R"(
        .globl  _start
_start: li      a0, 0
        li      a1, 0
        lp.setupi x0, 10, last
        addi    a1, a1, 1
last:   add     a0, a0, a1
        mv      s0, a0
        li      a0, 1
        la      a1, text
        li      a2, 6
        li      a7, 64
        ecall
        la      t0, table
        p.lw    t1, 4(t0!)
        sw      t1, 0(t0)
        mv      a0, s0
        call    finish
finish: li      a7, 93
        ecall
        .data
text:   .ascii  "hello\n"
        .balign 4
table:  .word   0x12345678, 0
)";

}  // namespace bitloom::testing
