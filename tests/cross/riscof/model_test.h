// What riscv-arch-test asks of a target (riscv-non-isa/riscv-arch-test, spec/TestFormatSpec.adoc, "RVMODEL macros"), for `bitloom run --signature`: the tests run
// as they are, without interrupts, and end by a store to the exit address, which works whatever mtvec is.
#pragma once

// clang-format off
#define RVMODEL_BOOT

#define RVMODEL_HALT      \
  li t0, 0x20000004;      \
  sw zero, 0(t0);         \
  1:                      \
  j 1b;

#define RVMODEL_DATA_BEGIN  \
  .balign 16;               \
  .globl begin_signature;   \
  begin_signature:

#define RVMODEL_DATA_END \
  .balign 16;            \
  .globl end_signature;  \
  end_signature:

// Nothing is printed: what counts is the signature.
#define RVMODEL_IO_INIT
#define RVMODEL_IO_WRITE_STR(scratch, text)
#define RVMODEL_IO_CHECK()
#define RVMODEL_IO_ASSERT_GPR_EQ(scratch, reg, value)
#define RVMODEL_IO_ASSERT_SFPR_EQ(reg, value, scratch)
#define RVMODEL_IO_ASSERT_DFPR_EQ(reg, value, scratch)

#define RVMODEL_SET_MSW_INT
#define RVMODEL_CLEAR_MSW_INT
#define RVMODEL_CLEAR_MTIMER_INT
#define RVMODEL_CLEAR_MEXT_INT
