// Text tables.
#include "cli/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "cli/svg_text.h"
#include "core/error.h"

namespace bitloom {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// Terminal columns of a UTF-8 text of single-width characters: its bytes that do not continue one.
size_t display_width(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_blank(const std::string& cell) { return cell.empty() || cell == "-"; }

bool is_number(std::string cell) {
  cell.erase(std::remove(cell.begin(), cell.end(), ','), cell.end());
  if (!cell.empty() && cell.back() == '%') cell.pop_back();
  if (cell.find_first_not_of("0123456789.eE+-") != std::string::npos) return false;
  char* end = nullptr;
  std::strtod(cell.c_str(), &end);
  return end != cell.c_str() && *end == '\0';
}

void append_padded(std::string& out, const std::string& cell, size_t width, bool right) {
  const std::string space(width - display_width(cell), ' ');
  out += right ? space + cell : cell + space;
}

}  // namespace

Table::Table(std::vector<std::string> header) : rows_{std::move(header)} {}

void Table::add(std::vector<std::string> cells) {
  BITLOOM_CHECK(cells.size() == rows_[0].size(), "table: row of ", cells.size(), " cells, expected ", rows_[0].size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::vector<Table::Column> Table::layout(const Rows& rows) const {
  std::vector<Column> columns(rows[0].size());
  for (size_t c = 0; c < columns.size(); ++c) {
    bool numbers = false, words = false;
    for (size_t r = 0; r < rows.size(); ++r) {
      columns[c].width = std::max(columns[c].width, display_width(rows[r][c]));
      if (r > 0 && !is_blank(rows[r][c])) (is_number(rows[r][c]) ? numbers : words) = true;
    }
    columns[c].right = numbers && !words;
  }
  return columns;
}

std::string Table::text() const {
  const std::vector<Column> columns = layout(rows_);
  std::string out;
  const auto append_line = [&out](std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line, rule;
    for (size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) line += "  ", rule += "  ";
      append_padded(line, rows_[r][c], columns[c].width, columns[c].right);
      rule += std::string(columns[c].width, '-');
    }
    append_line(line);
    if (r == 0) append_line(rule);
  }
  return out;
}

std::string Table::markdown() const {
  Rows rows = rows_;
  for (auto& row : rows) {
    for (std::string& cell : row) {
      for (size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, 1, '\\');
    }
  }
  const std::vector<Column> columns = layout(rows);
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    std::string rule;
    for (size_t c = 0; c < columns.size(); ++c) {
      const size_t width = std::max<size_t>(columns[c].width, 3);
      append_padded(out += "| ", rows[r][c], width, columns[c].right);
      out += ' ';
      rule += "| " + std::string(width - 1, '-') + (columns[c].right ? ": " : "- ");
    }
    out += "|\n";
    if (r == 0) out += rule + "|\n";
  }
  return out;
}

std::string Table::csv() const {
  std::string out;
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) {
      std::string cell = row[c] == "-" ? "" : row[c];
      if (cell.find_first_of(",\"") != std::string::npos) {
        for (size_t at = 0; (at = cell.find('"', at)) != std::string::npos; at += 2) cell.insert(at, 1, '"');
        cell = '"' + cell + '"';
      }
      out += (c > 0 ? "," : "") + cell;
    }
    out += '\n';
  }
  return out;
}

std::string Table::html() const {
  const std::vector<Column> columns = layout(rows_);
  std::string out = "<table>\n";
  for (size_t r = 0; r < rows_.size(); ++r) {
    const std::string cell = r == 0 ? "th" : "td";
    out += "<tr>";
    for (size_t c = 0; c < columns.size(); ++c)
      out += "<" + cell + (columns[c].right ? " class=\"n\">" : ">") + escaped(rows_[r][c]) + "</" + cell + ">";
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  char text[400];  // the longest double has 309 digits before the point
  std::snprintf(text, sizeof text, "%.*f", std::clamp(decimals, 0, 20), value);
  return text;
}

std::string grouped(int64_t value) {
  std::string text = std::to_string(value);
  const int64_t first = value < 0 ? 1 : 0;
  for (int64_t at = int64_t(text.size()) - 3; at > first; at -= 3) text.insert(size_t(at), ",");
  return text;
}

}  // namespace bitloom
