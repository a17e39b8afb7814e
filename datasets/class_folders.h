// Files sorted into folders, one a class: in a folder, or in an untouched .tar.gz of it.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitloom {

// Hears how much of the samples is loaded; called from one thread.
using LoadObserver = std::function<void(int64_t done, int64_t total)>;

// The files with given extensions (".wav", also ".WAV") that lie two levels below a folder; what is hidden (a name that begins with a dot), or
// lies elsewhere, is left alone. In an archive the folder may lie below others. Names are sorted by their bytes, so that folder and archive
// give the same. Nothing is ever written. Errors name the path, and what in it: no such files, folders without any, names that an archive
// has twice, or that lead out of it.
class ClassFolders {
 public:
  ClassFolders(std::string path, std::vector<std::string> extensions);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& files() const { return files_; }  // "yes/0a7c2a8d_nohash_0.wav"
  // A text file beside the class folders.
  std::optional<std::string> text(const std::string& name) const;
  // Puts files (by number) into an order that looks random and never changes: by the hashes of their names.
  void sort_by_hash(std::vector<size_t>::iterator begin, std::vector<size_t>::iterator end) const;
  // For messages about a file.
  std::string where(size_t file) const;

  // Calls use(i, bytes of files()[wanted[i]]) for every i, in parallel. Error for files of more than `most` bytes.
  void read(const std::vector<size_t>& wanted, size_t most,
            const std::function<void(size_t i, const std::vector<uint8_t>& bytes)>& use,
            const LoadObserver& observer = {}) const;

 private:
  void list_folder();
  void list_archive();
  bool is_wanted(const std::string& name) const;

  std::string path_;
  const std::vector<std::string> extensions_;
  const std::string kind_;  // ".jpg or .jpeg"
  bool archive_;
  std::string root_;  // of the class folders within an archive: "", or "a/b/"
  std::vector<std::string> files_;
  std::map<std::string, std::string> texts_;  // of an archive
};

// `path`, or what is published as `name` if that is in it: a folder, or its archive.
std::string published_in(const std::string& path, const std::string& name);

// The folder of a file: "yes".
std::string class_folder(const std::string& file);
// Its name without the folder.
std::string base_name(const std::string& file);

}  // namespace bitloom
