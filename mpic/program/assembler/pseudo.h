// What mnemonics mean: rows of the instruction table, or other instructions.
#pragma once
#include <string>
#include <vector>

#include "mpic/isa/isa.h"

namespace bitloom::mpic {

// `name` with `count` operands is written `as`, where @0, @1, @2 are they.
struct Pseudo {
  const char* name;
  size_t count;
  const char* as;
};
// Of several that are written alike, the usual spelling is before the others.
const std::vector<Pseudo>& pseudos();

// The rows that a mnemonic in lower case may mean, to be tried in this order.
const std::vector<Op>& rows_of(const std::string& mnemonic);

}  // namespace bitloom::mpic
