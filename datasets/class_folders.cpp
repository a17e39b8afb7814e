// Files sorted into folders, one a class.
#include "datasets/class_folders.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/io.h"
#include "core/parallel.h"
#include "datasets/archive.h"

namespace bitloom {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxText = size_t(64) << 20;
constexpr size_t kBlock = 512, kBlockBytes = size_t(128) << 20;  // files in memory at a time: no more than either

bool hidden(const std::string& name) { return name.empty() || name[0] == '.' || name == "__MACOSX"; }

std::string joined(const std::vector<std::string>& extensions) {
  std::string text;
  for (const std::string& extension : extensions) text += (text.empty() ? "" : " or ") + extension;
  return text;
}

std::vector<std::string> components(const std::string& name) {
  std::vector<std::string> parts;
  for (size_t begin = 0, end; begin <= name.size(); begin = end + 1) {
    end = std::min(name.find('/', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
  }
  return parts;
}

}  // namespace

std::string class_folder(const std::string& file) { return file.substr(0, file.find('/')); }
std::string base_name(const std::string& file) { return file.substr(file.rfind('/') + 1); }

std::string published_in(const std::string& path, const std::string& name) {
  const std::string inner = path + "/" + name;
  for (const std::string& found : {inner, inner + ".tar.gz"})
    if (file_exists(found)) return found;
  return path;
}

ClassFolders::ClassFolders(std::string path, std::vector<std::string> extensions)
    : path_(std::move(path)),
      extensions_(std::move(extensions)),
      kind_(joined(extensions_)),
      archive_(!fs::is_directory(path_)) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  archive_ ? list_archive() : list_folder();
  BITLOOM_CHECK(!files_.empty(), path_, ": holds no ", kind_, " files in folders named after their class");
  std::sort(files_.begin(), files_.end());
}

bool ClassFolders::is_wanted(const std::string& name) const {
  const auto has = [&](const std::string& extension) {
    if (name.size() <= extension.size()) return false;
    std::string tail = name.substr(name.size() - extension.size());
    std::transform(tail.begin(), tail.end(), tail.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return tail == extension;
  };
  return !hidden(name) && std::any_of(extensions_.begin(), extensions_.end(), has);
}

void ClassFolders::list_folder() {
  try {
    for (const fs::directory_entry& folder : fs::directory_iterator(path_)) {
      const std::string name = folder.path().filename().string();
      if (hidden(name) || !folder.is_directory()) continue;
      const size_t before = files_.size();
      for (const fs::directory_entry& file : fs::directory_iterator(folder.path())) {
        const std::string base = file.path().filename().string();
        if (is_wanted(base) && file.is_regular_file()) files_.push_back(name + "/" + base);
      }
      BITLOOM_CHECK(files_.size() > before, path_, "/", printable(name), ": holds no ", kind_,
                    " files; remove the folder, or put the files of that class into it");
    }
  } catch (const fs::filesystem_error& e) {
    throw Error(str(path_, ": ", e.code().message()));
  }
}

void ClassFolders::list_archive() {
  TarGzReader archive(path_);
  std::optional<std::string> root;
  std::vector<std::pair<std::string, std::string>> texts;
  while (archive.next()) {
    const std::string& name = archive.name();
    const std::vector<std::string> parts = components(name);
    BITLOOM_CHECK(name[0] != '/' && std::find(parts.begin(), parts.end(), "..") == parts.end(), path_, ": ", quote(name),
                  " leads out of the archive; it was not made as data sets are");
    if (std::any_of(parts.begin(), parts.end(), hidden)) continue;
    if (is_wanted(parts.back()) && parts.size() >= 2) {
      const std::string inner = parts[parts.size() - 2] + "/" + parts.back(),
                        above = name.substr(0, name.size() - inner.size());
      BITLOOM_CHECK(!root || *root == above, path_, ": has ", kind_, " files below ", quote(*root), " and below ", quote(above),
                    "; expected one folder of class folders");
      root = above;
      files_.push_back(inner);
    } else if (parts.back().size() > 4 && parts.back().substr(parts.back().size() - 4) == ".txt") {
      const std::vector<uint8_t> bytes = archive.read(int64_t(kMaxText));
      texts.emplace_back(name, std::string(bytes.begin(), bytes.end()));
    }
  }
  root_ = root.value_or("");
  for (auto& [name, text] : texts)
    if (name.compare(0, root_.size(), root_) == 0) texts_[name.substr(root_.size())] = std::move(text);
  std::vector<std::string> sorted = files_;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  BITLOOM_CHECK(twice == sorted.end(), path_, ": ", quote(*twice), " is there twice");
}

std::optional<std::string> ClassFolders::text(const std::string& name) const {
  if (archive_) {
    const auto found = texts_.find(name);
    return found == texts_.end() ? std::nullopt : std::optional<std::string>(found->second);
  }
  const std::string file = path_ + "/" + name;
  return file_exists(file) ? std::optional<std::string>(read_text(file, kMaxText)) : std::nullopt;
}

void ClassFolders::sort_by_hash(std::vector<size_t>::iterator begin, std::vector<size_t>::iterator end) const {
  const auto key = [this](size_t file) {
    return std::make_pair(hash64(files_[file].data(), int64_t(files_[file].size())), file);
  };
  std::sort(begin, end, [&](size_t a, size_t b) { return key(a) < key(b); });
}

std::string ClassFolders::where(size_t file) const {
  return archive_ ? str(path_, ": ", quote(files_[file])) : path_ + "/" + printable(files_[file]);
}

void ClassFolders::read(const std::vector<size_t>& wanted, size_t most,
                        const std::function<void(size_t i, const std::vector<uint8_t>& bytes)>& use,
                        const LoadObserver& observer) const {
  const auto tell = [&](size_t done) {
    if (observer) observer(int64_t(done), int64_t(wanted.size()));
  };
  tell(0);
  if (!archive_) {
    for (size_t first = 0; first < wanted.size(); first += kBlock) {
      const size_t count = std::min(kBlock, wanted.size() - first);
      parallel_for(int64_t(count), [&](int64_t k) {
        const size_t i = first + size_t(k);
        use(i, read_file(path_ + "/" + files_[wanted[i]], most));
      });
      tell(first + count);
    }
    return;
  }
  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < wanted.size(); ++i) places[root_ + files_[wanted[i]]] = i;
  std::vector<std::pair<size_t, std::vector<uint8_t>>> block;
  size_t done = 0, bytes = 0;
  const auto use_block = [&] {
    parallel_for(int64_t(block.size()), [&](int64_t k) { use(block[size_t(k)].first, block[size_t(k)].second); });
    tell(done += block.size());
    block.clear();
    bytes = 0;
  };
  TarGzReader archive(path_);
  while (archive.next()) {
    const auto place = places.find(archive.name());
    if (place == places.end()) continue;
    block.emplace_back(place->second, archive.read(int64_t(most)));
    bytes += block.back().second.size();
    if (block.size() == kBlock || bytes > kBlockBytes) use_block();
  }
  if (!block.empty()) use_block();
}

}  // namespace bitloom
