// SHA-1, for names that others have hashed with it. No protection against malice.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace bitloom {

// FIPS 180-4, section 6.1: 20 bytes.
std::array<uint8_t, 20> sha1(std::string_view bytes);

}  // namespace bitloom
