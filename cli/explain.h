// What to say of a program that went wrong, beyond where it was.
#pragma once
#include <string>

#include "mpic/program/image.h"
#include "mpic/sim/core.h"

namespace bitloom {

// What is behind a fault: a stack that has grown out of its place, a return from a function that nobody called. "" when nothing is known.
std::string explanation(const mpic::Core& core, const mpic::Image& image, const mpic::Fault& fault);

// The pc and all registers, four to a line.
std::string register_dump(const mpic::Core& core);

}  // namespace bitloom
