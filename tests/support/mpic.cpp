// What tests of the simulator share.
#include "tests/support/mpic.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <regex>

namespace bitloom::mpic {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) parts.emplace_back();
    if (c != separator) parts.back() += c;
  }
  return parts;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words = split(text, ' ');
  words.erase(std::remove(words.begin(), words.end(), ""), words.end());
  return words;
}

uint32_t from_hex(const std::string& text) { return text.empty() ? 0 : uint32_t(std::stoul(text, nullptr, 16)); }

std::string translate(const std::vector<Phrase>& phrases, const std::string& prose) {
  for (const Phrase& phrase : phrases)
    if (std::smatch match; std::regex_match(prose, match, std::regex(phrase.pattern))) return match.format(phrase.text);
  return "";
}

Table::Table(const std::string& text) {
  const std::vector<std::string> lines = split(text, '\n');
  header_ = split(lines[0], '\t');
  for (size_t i = 1; i < lines.size(); ++i)
    if (!lines[i].empty()) rows_.push_back(split(lines[i], '\t'));
}

size_t Table::index(const std::string& column) const {
  auto at = std::find(header_.begin(), header_.end(), column);
  if (at == header_.end())
    at = std::find_if(header_.begin(), header_.end(), [&](const std::string& name) { return name.rfind(column, 0) == 0; });
  BITLOOM_CHECK(at != header_.end(), "the table has no column ", column);
  return size_t(at - header_.begin());
}

const std::string& Table::operator()(size_t row, const std::string& column) const {
  static const std::string kNothing;
  const size_t i = index(column);
  return i < rows_[row].size() ? rows_[row][i] : kNothing;
}

std::string Table::line(size_t row) const {
  std::string all;
  for (const std::string& cell : rows_[row]) all += (all.empty() ? "" : " | ") + cell;
  return all;
}

Table measured(const std::string& name) {
  const std::string path = testing::source_path("tests/data/rtl/" + name + ".tsv.gz");
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  BITLOOM_CHECK(file != nullptr, path, ": cannot be read");
  std::string text;
  char part[1 << 14];
  for (int size; (size = gzread(file.get(), part, sizeof part)) != 0;) {
    BITLOOM_CHECK(size > 0, path, ": is damaged");
    text.append(part, size_t(size));
  }
  return Table(text);
}

Tally::~Tally() {
  std::printf("%s: %d passed, %d failed\n", name_.c_str(), passed_, failed_);
  for (const auto& [note, count] : notes_) std::printf("  %d of them: %s\n", count, note.c_str());
  for (const auto& [reason, count] : skipped_) std::printf("  %d skipped: %s\n", count, reason.c_str());
}

void Tally::check(bool good, const std::string& message, const std::string& note) {
  ++(good ? passed_ : failed_);
  if (!note.empty()) ++notes_[note];
  if (!good && failed_ <= 8) ADD_FAILURE() << name_ << ": " << message;
}

Op find_op(const std::string& mnemonic) {
  for (int i = 0; i < kOps; ++i)
    if (mnemonic == row(Op(i)).mnemonic) return Op(i);
  return Op::illegal;
}

std::string difference(const Core& a, const Core& b) {
  const State &s = a.state(), &t = b.state();
  for (int i = 0; i < 32; ++i)
    if (s.x[i] != t.x[i]) return str(register_name(i), " is ", hex(s.x[i]), " or ", hex(t.x[i]));
  if (s.pc != t.pc) return str("pc is ", hex(s.pc), " or ", hex(t.pc));
  for (int i = 0; i < kCsrCount; ++i)
    if (s.csrs[i] != t.csrs[i]) return str("the cell of ", kCsrs[i].name, " is ", hex(s.csrs[i]), " or ", hex(t.csrs[i]));
  if (std::memcmp(s.loop, t.loop, sizeof s.loop) != 0) return "the hardware loops differ";
  if (s.skipped != t.skipped) return str("skipped is ", s.skipped, " or ", t.skipped);
  const Counters c = a.counters(), d = b.counters();
  if (c.cycles != d.cycles) return str("cycles are ", c.cycles, " or ", d.cycles);
  if (c.instructions != d.instructions) return str("instructions are ", c.instructions, " or ", d.instructions);
  for (int i = 0; i < kStalls; ++i)
    if (c.stalls[i] != d.stalls[i]) return str("stalls by ", to_string(Stall(i)), " are ", c.stalls[i], " or ", d.stalls[i]);
  if (!(c == d)) return "other counters differ";
  const Memory &m = a.memory(), &n = b.memory();
  if (std::memcmp(m.data(), n.data(), m.size()) == 0) return "";
  for (uint32_t at = m.base(); at - m.base() < m.size(); at += 4)
    if (m.load<uint32_t>(at) != n.load<uint32_t>(at))
      return str("memory at ", hex(at), " is ", hex(m.load<uint32_t>(at)), " or ", hex(n.load<uint32_t>(at)));
  return "";
}

std::string difference(const RunResult& a, const RunResult& b) {
  if (a.reason != b.reason) return str("stopped by ", to_string(a.reason), " or ", to_string(b.reason));
  if (a.exit_code != b.exit_code) return str("exit code is ", a.exit_code, " or ", b.exit_code);
  const Fault &f = a.fault, &g = b.fault;
  if (f.cause != g.cause || f.pc != g.pc || f.word != g.word || f.address != g.address)
    return str("fault is '", f.cause, "' at ", hex(f.pc), " or '", g.cause, "' at ", hex(g.pc));
  return "";
}

}  // namespace bitloom::mpic
