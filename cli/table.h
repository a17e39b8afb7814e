// Text tables: what every command prints its figures with.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

// Columns whose cells are all numbers ("-1.5", "12,288", "87.2%") are aligned right, others left; "" and "-" suit both.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  // Error unless there is one cell per column. Cells are UTF-8 without line breaks.
  void add(std::vector<std::string> cells);

  std::string text() const;      // padded with spaces, header underlined, every line ends with \n
  std::string markdown() const;  // the same as a GitHub table
  std::string csv() const;       // RFC 4180 but for the line ends, which are \n; "-" is an empty field
  std::string html() const;      // a <table>, its texts escaped

 private:
  struct Column {
    size_t width = 0;
    bool right = false;
  };
  std::vector<Column> layout(const std::vector<std::vector<std::string>>& rows) const;
  std::vector<std::vector<std::string>> rows_;  // the header first
};

std::string fixed(double value, int decimals);  // "87.19"; "-" when not finite
std::string grouped(int64_t value);             // "1,234,567"

}  // namespace bitloom
