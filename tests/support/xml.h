// Whether SVG and HTML are well-formed.
#pragma once
#include <regex>
#include <string>
#include <vector>

namespace bitloom::testing {

// Empty if every element is closed in order and no text holds a bare '<' or '&'; otherwise what is wrong.
inline std::string xml_fault(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&' && !std::regex_search(xml.substr(i, 7), std::regex("^&(amp|lt|gt|quot);")))
      return "bare & in " + xml.substr(i, 20);
    if (xml[i] != '<') continue;
    const size_t end = xml.find('>', i);
    if (end == std::string::npos) return "unclosed tag";
    const std::string tag = xml.substr(i + 1, end - i - 1);
    if (tag.find('<') != std::string::npos) return "bare < in " + tag;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected </" + tag;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    i = end;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

}  // namespace bitloom::testing
