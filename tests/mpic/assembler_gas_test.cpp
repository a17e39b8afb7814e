// What GNU as makes of the idioms of hand-written code: the bytes are those of GNU as 2.40 (-march=rv32im_zicsr_zifencei -mno-relax) and ld
// from 0x80000000, without what gas puts behind the end of .text.
#include "tests/support/assembler_cases.h"

namespace bitloom::mpic {
namespace {

using testing::expect_bytes;

TEST(AssemblerAsGas, Macros) {
  expect_bytes({
      {R"(.macro t a b c:vararg
.byte \a
.ascii "\b"
.ascii "\c"
.endm
t 1, x y
t (1 + 2) , k, d, e
t b=q a=3
t 1+ 2 z
t -1, "a b"
)",
       "017879036b642c650371037aff612062"},
      {R"(.macro m a=5 b:req c= 7      # defaults, required, and the number of the call
.byte \a,\b,\c,\@
.endm
m , 3
m b=2
M 1 2 3
)",
       "050307000502070101020302"},
      {R"(.macro t n                   # recursion
.if \n
.byte \n
t \n-1
.endif
.endm
t 5
)",
       "0504030201"},
      {R"(.macro a                     # a macro that defines another
.macro b x
.byte \x
.endm
.endm
a
b 5
)",
       "05"},
      {R"(.macro f x
.ifnb \x
.byte 1
.exitm
.endif
.byte 2
.endm
f
f 3
.purgem f
.macro f
.byte 9
.endm
f
)",
       "020109"},
      {R"(.macro count first, rest:vararg
.set n, n+1
.ifnb \rest
count \rest
.endif
.endm
.set n,0
count a,b,c,d
.word n
)",
       "04000000"},
      {R"(.macro lbl n
\n\()_x\@: .byte \@
.word \n\()_x\@
.endm
lbl a; lbl b
)",
       "00000000800105000080"},
      {R"(.macro loop                 # local labels in a macro
1: addi a0,a0,-1
bnez a0,1b
.endm
loop
loop
j 1f
1: nop
)",
       "1305f5ffe31e05fe1305f5ffe31e05fe6f00400013000000"},
  });
}

TEST(AssemblerAsGas, Repetitions) {
  expect_bytes({
      {R"(.irp q, 1, 2 3,(4+5)
.byte \q
.endr
.irpc q, 1 23
.byte \q
.endr
.irp q
.byte 1\q
.endr
)",
       "0102030901020301"},
      {R"(.rept 2
.irp x,1,2
.byte \x
.endr
.endr
.rept 0
.byte 9
.endr
)",
       "01020102"},
      {R"(.macro vec n=8
.set i,0
.rept \n
.byte i*2
.set i,i+1
.endr
.endm
vec
vec 3
)",
       "00020406080a0c0e000204"},
  });
}

TEST(AssemblerAsGas, Conditions) {
  expect_bytes({
      {R"(.if 0
.elseif 1
.byte 1
.elseif 1
.byte 3
.else
.byte 2
.endif
.ifdef foo
.byte 1
.endif
foo=3
.ifdef foo
.byte 2
.endif
.ifndef foo
.byte 3
.endif
.ifeq foo-3
.byte 4
.endif
.ifgt foo
.byte 5
.endif
.ifle foo
.byte 6
.endif
.ifc a b, a b
.byte 7
.endif
.ifnc a,b
.byte 8
.endif
.ifeqs "a","a"
.byte 9
.endif
.if 0
.if 1
.byte 10
.else
.byte 11
.endif
.else
.byte 12
.endif
)",
       "010204050708090c"},
  });
}

TEST(AssemblerAsGas, Operators) {
  expect_bytes({
      {R"(.word 5 ! 3, 1<>2, 3&&1, 0||2, 2||0, !5, !0, 3>=2+1, 2==2|1, 1==1==-1, 7&3^1|8, 2*3%4, -5%3, -5/3
.word 'a, 'a', '\n', ';', '#'
.equ A, (1<<4)|3
.equ B, A-2*3
li a0, B%5
.byte b                      # above its assignments: the first one
.set b,1
.byte b
.set b,2
.byte b
.eqv d,e+1
e=5
.byte d
)",
       "fdffffffffffffff0100000001000000010000000000000001000000ffffffff00000000ffffffff0a00000002000000feffffffffffffff6100000"
       "0610000000a0000003b000000230000001305300001010206"},
  });
}

TEST(AssemblerAsGas, Contents) {
  expect_bytes({
      {R"(.fill 3,3,0x12345678
.fill 1,8,0x1122334455667788
.fill 2,8,-1
.fill 2
)",
       "7856347856347856348877665500000000ffffffff00000000ffffffff000000000000"},
      {R"(.uleb128 300
.uleb128 0
.sleb128 -1
.sleb128 64
.sleb128 -65
)",
       "ac02007fc000bf7f"},
      {R"(.string8 "ab"
.string16 "ab"
.string32 "a"
.float 1.5, 1e10
.double 1.5, -2e3
.float 0f1.25
.dc.w 1
.dc.l 2
.hword 3
.ascii "a" "b"
.asciz "c","d"
.ascii "\0\x414\1234"
)",
       "61620061006200000061000000000000000000c03ff9021550000000000000f83f0000000000409fc00000a03f01000200000003006162630064000"
       "0145334"},
      {R"(.balignw 4,0x1234
.byte 1,1
.balignw 4,0x1234
.p2align 4,,3
.byte 1
.p2align 3,7,8
.byte 2
.balign 8,3
.byte 1
.balign 4,,2
.byte 5
)",
       "010134120107070702030303030303030105"},
      {R"(.org 10,1
.byte 3
.org 16
.byte 1
. = 20
.byte 2
.half y-x
x: .space 5
y: .byte 1
.end
.byte 2
bogus
)",
       "0101010101010101010103000000000001000000020500000000000001"},
      {R"(.subsection 1
.byte 1
.subsection 0
.byte 2
.text 1
.byte 3
.text
.byte 4
)",
       "02040103"},
      {R"(.section .rodata
.word 5
.previous
nop
.pushsection .rodata
.word 6
.popsection
nop
.section .debug_info,"",@progbits
.4byte 1
.uleb128 0x1
.text
ret
)",
       "1300000013000000678000000500000006000000"},
  });
}

TEST(AssemblerAsGas, Instructions) {
  expect_bytes({
      {R"(csrw mscratch, 8
csrrw a0,mscratch,3
csrs mie,3
csrc mie,31
rdtime a0
rdtimeh a0
fence rw,w
fence.tso
scall
sbreak
sltu a0,a1,5
slt a0,a1,-5
xor a0,a1,1
or a0,a1,1
and a0,a0,7
sll a0,a0,1
srl a0,a0,3
sra a0,a0,4
add a0,a0,5
addi a0,a0,0xfffff803
andi a0,a0,0xffffffff
sext.b a0,a1
zext.h a0,a1
sext.h a0,a1
move a0,a1
jr 4(t0)
jalr 4(t0)
jalr a0,t1,8
jr t0,4
ADD a0,a1,a2
)",
       "7350043473d5013473e0413073f04f30732510c0732510c80f0010030f003083730000007300100013b5550013a5b5ff13c5150013e515001375750"
       "013151500135535001355454013055500130535801375f5ff1395850113558541139505011355050113950501135505411385050067804200e78042"
       "0067058300678042003385c500"},
      {R"(lw a0, x
lb a1,x+4
sw a0,x+4,t0
la a0,x
lla a1,y+4
1: auipc a1, %pcrel_hi(x)
lw a0, %pcrel_lo(1b)(a1)
sw a0, %pcrel_lo(1b)(a1)
.data
x: .word 7,8
y: .word 9
)",
       "170500000325450397050000838505039702000023a4a202170500001305c50197050000938505029705000003a5c50023a6a500070000000800000"
       "009000000"},
      {R"(.insn i LOAD, 0, a0, 4(a1)
.insn i OP_IMM, 0,a0,a1,5
.insn s STORE,2,a0,4(a1)
x: .insn sb BRANCH,0,a0,a1,x
.insn b BRANCH,1,a0,a1,x
.insn u LUI,a0,0x12345
.insn uj JAL,ra,x
.insn r4 MADD,0,0,a0,a1,a2,a3
.insn r OP,0,0,a0,a1,a2,a3
.insn r CUSTOM_0,1,2,a0,a1,a2
.insn i CUSTOM_1,1,a0,a1,-5
.insn r 0x33, 0, 0, a0, a0, a0
.insn 0x00150513
.insn 4, 0x00150513
)",
       "038545001385550023a2a5006300b500e31eb5fe37553412eff05fff4385c5683385c5680b95c5042b95b5ff3305a5001305150013051500"},
  });
}

}  // namespace
}  // namespace bitloom::mpic
