// Zip archives in memory: stored and deflated entries, zip64, through zlib (PKWARE APPNOTE 6.3.10).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bitloom {

using ZipContents = std::map<std::string, std::vector<uint8_t>>;  // entry name -> contents

// The central directory is the authority on sizes and offsets, as the format prescribes. Errors name the path, the entry and
// the byte offset. Memory stays within 1032 times the file's size (the most that deflate expands), whatever the file claims.
ZipContents read_zip(const std::string& path);

// Writes atomically (core/io.h). Equal contents give equal files: the entries carry no time. Entries of 4 GiB or more are
// refused.
void write_zip(const std::string& path, const ZipContents& contents, bool compress);

}  // namespace bitloom
