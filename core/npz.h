// numpy .npz archives (zip of .npy arrays): what checkpoints, imported models and user datasets are stored in.
// Format: numpy.lib.format versions 1.0 to 3.0 (read) and 1.0 (written), PKWARE APPNOTE 6.3 (stored and deflated entries, zip64).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "core/zip.h"

namespace bitloom {

// One array as stored: little-endian bytes in C order. dtype is numpy's descr: "<f4", "<f8", "|u1", "|i1", "<i4", "<i8",
// "|S12" ...
struct NpyArray {
  std::string dtype;
  std::vector<int64_t> shape;  // any rank
  std::vector<uint8_t> bytes;
  int64_t size() const;

  // Converted copies; Error names `what` and the stored dtype when the conversion would not be exact in kind (floats to
  // integers).
  Tensor to_float(const std::string& what) const;                // from <f4, <f8, |u1, |i1, <i4, <i8; rank <= 4
  std::vector<int64_t> to_int64(const std::string& what) const;  // from integer types
  std::string to_text() const;                                   // |S: trailing NULs dropped

  static NpyArray from(const Tensor& values);
  static NpyArray from(const std::vector<int64_t>& values);
  static NpyArray from_text(const std::string& text);  // |S
};

using Npz = std::map<std::string, NpyArray>;  // key without ".npy"

// An archive of which an array is read when it is asked for, so that what else is in it does not matter: objects, records, files
// that are no arrays, what a Mac adds (__MACOSX/). Errors name the path, the entry and the byte offset: missing, truncated, not a
// zip, bad CRC, bad header, unsupported method. Hostile sizes are refused before memory is allocated.
class NpzFile {
 public:
  explicit NpzFile(const std::string& path);
  // Names of the arrays, without ".npy" and sorted.
  std::vector<std::string> keys() const;
  // Arrays within a folder of the archive are found by their last name, too: x_train is task/x_train.npy if there is no other.
  bool has(const std::string& key) const;
  // In C order: arrays in Fortran order are transposed. Error when there is none, with the keys that there are.
  NpyArray read(const std::string& key) const;

 private:
  // The keys that `key` stands for.
  std::vector<std::string> find(const std::string& key) const;

  std::string path_;
  ZipFile zip_;
  std::map<std::string, std::string> entries_;  // key -> name in the archive
};

// Every array of an archive.
Npz read_npz(const std::string& path);
// Writes to a temporary file beside `path`, flushes it to the disk and renames it: `path` is never half written.
void write_npz(const std::string& path, const Npz& arrays, Compression compression = Compression::kDeflated);

}  // namespace bitloom
