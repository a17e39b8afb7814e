// A fast hash of bytes, to notice that data are not the ones they were. No protection against malice.
#pragma once
#include <cstdint>
#include <string>

namespace bitloom {

// XXH64 (Y. Collet, "xxHash fast digest algorithm", specification v0.1.1, github.com/Cyan4973/xxHash, doc/xxhash_spec.md): the same on
// every machine, several GB/s. Hashes of several pieces are chained by the seed: hash64(b, n, hash64(a, m)).
uint64_t hash64(const void* bytes, int64_t size, uint64_t seed = 0);

// 16 lower-case hexadecimal digits.
std::string hex64(uint64_t value);

}  // namespace bitloom
