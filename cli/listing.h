// The code of a program as text: address, word, instruction, with the labels in between.
#pragma once
#include <string>

#include "mpic/program/disassembler.h"
#include "mpic/program/image.h"

namespace bitloom {

std::string listing(const mpic::Image& image, mpic::Spelling spelling = mpic::Spelling::kPlain);

}  // namespace bitloom
