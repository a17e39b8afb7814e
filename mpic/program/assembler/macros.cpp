// Macros and repetitions.
#include "mpic/program/assembler/macros.h"

#include <algorithm>

#include "core/error.h"

namespace bitloom::mpic {
namespace {

constexpr size_t kMaxDepth = 100;
constexpr int64_t kMaxLines = 1 << 18;
constexpr size_t kMaxBytes = 16 << 20;

size_t skip_blanks(const std::string& text, size_t at) { return std::min(text.find_first_not_of(" \t", at), text.size()); }
size_t skip_comma(const std::string& text, size_t at) {
  at = skip_blanks(text, at);
  return at < text.size() && text[at] == ',' ? skip_blanks(text, at + 1) : at;
}
size_t name_end(const std::string& text, size_t at) {
  if (at < text.size() && begins_name(text[at]))
    for (++at; at < text.size() && continues_name(text[at]);) ++at;
  return at;
}

// The characters of a label with its colon; 0 where there is none.
size_t label_length(const std::string& text) {
  size_t end = name_end(text, 0);
  if (end == 0) end = std::min(text.find_first_not_of("0123456789"), text.size());
  const size_t colon = skip_blanks(text, end);
  return end > 0 && colon < text.size() && text[colon] == ':' ? colon + 1 : 0;
}

bool is_repetition(const std::string& name) { return name == ".rept" || name == ".irp" || name == ".irpc"; }

size_t string_end(const std::string& text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
  return std::min(at + 1, text.size());
}

// One argument: a quoted text without its quotes, or what reaches to the next comma or blank, blanks in parentheses apart.
size_t argument(const std::string& text, size_t at, std::string* value) {
  value->clear();
  at = skip_blanks(text, at);
  if (at < text.size() && text[at] == '"') {
    const size_t end = string_end(text, at);
    *value = text.substr(at + 1, std::max(end, at + 2) - at - 2);
    return end;
  }
  const size_t begin = at;
  for (int depth = 0; at < text.size() && text[at] != ',' && (text[at] != ' ' || depth > 0);) {
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    at = text[at] == '"' ? string_end(text, at) : at + 1;
  }
  *value = text.substr(begin, at - begin);
  return at;
}

}  // namespace

std::string first_word(const std::string& statement, std::string* rest) {
  const size_t end = std::min(statement.find_first_of(" \t,(=\""), statement.size());
  *rest = statement.substr(skip_blanks(statement, end));
  return lower_case(statement.substr(0, end));
}

Macros::Macros(std::vector<Line> lines, Conditions conditions) : ask_(std::move(conditions)) {
  inputs_.push_back({std::make_shared<const std::vector<Line>>(std::move(lines))});
}

bool Macros::next(std::string* statement) {
  for (;;) {
    if (pending_.empty()) {
      const Line* line = has_ended_ ? nullptr : read();
      if (line == nullptr) break;
      pending_ = line->text;
    }
    // An argument without contents may leave blanks in front, or nothing.
    const std::string text = pending_.substr(skip_blanks(pending_, 0));
    pending_.clear();
    if (text.empty()) continue;
    if (const size_t label = label_length(text); label > 0) {
      pending_ = text.substr(skip_blanks(text, label));
      if (is_skipping()) continue;
      *statement = text.substr(0, label);
      return true;
    }
    std::string rest;
    const std::string name = first_word(text, &rest);
    if (condition(name, rest, text) || is_skipping() || directive(name, rest, text)) continue;
    const auto macro = macros_.find(name);
    if (macro != macros_.end() && (rest.empty() || rest[0] != '=')) {
      expand(name, macro->second, rest);
      continue;
    }
    *statement = text;
    return true;
  }
  if (!conditions_.empty()) {
    place_ = {conditions_.back().line, -1};
    throw Error("this condition has no .endif");
  }
  return false;
}

// The next line of the innermost input that has one; nullptr at the end of the text.
const Line* Macros::read() {
  while (inputs_.back().at == inputs_.back().lines->size()) {
    Input& in = inputs_.back();
    if (inputs_.size() == 1) return nullptr;
    BITLOOM_CHECK(conditions_.size() == in.open_conditions,
                  "a condition begins in a macro or repetition and has no .endif there");
    in.at = 0;
    if (--in.repeats <= 0 || in.lines->empty()) inputs_.pop_back();
  }
  Input& in = inputs_.back();
  const Line& line = (*in.lines)[in.at++];
  place_ = {line.number, in.expansion};
  if (inputs_.size() > 1)
    BITLOOM_CHECK(++expanded_lines_ <= kMaxLines, "macros and repetitions give more than ", kMaxLines, " statements");
  return &line;
}

// The lines up to the .endm or .endr that belongs to the directive `name`, which has just been read.
std::vector<Line> Macros::block(const std::string& name) {
  const bool is_macro = name == ".macro";
  const Place begin = place_;
  std::vector<Line> lines;
  for (int nested = 0; inputs_.back().at < inputs_.back().lines->size();) {
    const Line& line = *read();
    const std::string text = line.text.substr(skip_blanks(line.text, label_length(line.text)));
    std::string rest;
    const std::string word = first_word(text, &rest);
    if (word == (is_macro ? ".endm" : ".endr") || (is_macro && word == ".endmacro")) {
      if (nested-- == 0) {
        place_ = begin;
        return lines;
      }
    } else if (is_macro ? word == ".macro" : is_repetition(word)) {
      ++nested;
    }
    lines.push_back(line);
  }
  place_ = begin;
  throw Error(name + " has no " + (is_macro ? ".endm" : ".endr"));
}

void Macros::push(Lines lines, int64_t repeats, const std::string& what) {
  BITLOOM_CHECK(inputs_.size() <= kMaxDepth, what, ": macros and repetitions are nested more than ", kMaxDepth, " deep");
  if (lines->empty() || repeats <= 0) return;
  if (expansions_.empty() || expansions_.back().what != what || expansions_.back().used.line != place_.line ||
      expansions_.back().used.expansion != place_.expansion)
    expansions_.push_back({what, place_});
  inputs_.push_back({std::move(lines), repeats, int(expansions_.size()) - 1, conditions_.size()});
}

// The body with \name, \@ and \() replaced. A quoted argument may bring several statements.
Macros::Lines Macros::substituted(const std::vector<Line>& body, const std::vector<Parameter>& parameters) {
  auto lines = std::make_shared<std::vector<Line>>();
  for (const Line& line : body) {
    const std::string& in = line.text;
    std::string out;
    for (size_t at = 0; at < in.size();) {
      if (in[at] != '\\') {
        out += in[at++];
        continue;
      }
      const size_t end = name_end(in, ++at);
      const std::string name = in.substr(at, end - at);
      const auto parameter =
          std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
      if (in.compare(at, 1, "(") == 0) {
        const size_t close = std::min(in.find(')', at), in.size());
        out += in.substr(at + 1, close - at - 1);
        at = std::min(close + 1, in.size());
      } else if (in.compare(at, 1, "@") == 0) {
        out += std::to_string(calls_);
        ++at;
      } else if (!name.empty() && parameter != parameters.end()) {
        out += parameter->value;
        at = end;
      } else {
        out += '\\' + name;
        at = end;
      }
      BITLOOM_CHECK(expanded_bytes_ + out.size() <= kMaxBytes, "macros and repetitions give more than ", kMaxBytes >> 20,
                    " MiB of text");
    }
    expanded_bytes_ += out.size();
    BITLOOM_CHECK(expanded_bytes_ <= kMaxBytes, "macros and repetitions give more than ", kMaxBytes >> 20, " MiB of text");
    BITLOOM_CHECK(int64_t(lines->size()) <= kMaxLines, "macros and repetitions give more than ", kMaxLines, " statements");
    if (out.find(';') == std::string::npos) {
      lines->push_back({line.number, std::move(out)});
    } else {
      for (Line& part : split_lines(out)) lines->push_back({line.number, std::move(part.text)});
    }
  }
  return lines;
}

bool Macros::directive(const std::string& name, const std::string& rest, const std::string& statement) {
  if (name == ".macro")
    define(rest);
  else if (name == ".rept")
    repeat(statement);
  else if (name == ".irp" || name == ".irpc")
    repeat_for(name, rest);
  else if (name == ".exitm")
    leave_expansion();
  else if (name == ".purgem")
    BITLOOM_CHECK(macros_.erase(lower_case(rest)) == 1, "there is no macro '", rest, "' to purge");
  else if (name == ".end")
    has_ended_ = true;
  else if (name == ".endm" || name == ".endmacro" || name == ".endr")
    throw Error(name + " without " + (name == ".endr" ? ".rept, .irp or .irpc" : ".macro"));
  else
    return false;
  return true;
}

// ".macro name a, b=5, c:req, d:vararg"
void Macros::define(const std::string& rest) {
  size_t at = name_end(rest, 0);
  const std::string name = lower_case(rest.substr(0, at));
  BITLOOM_CHECK(at > 0, ".macro wants a name");
  Macro macro;
  const bool is_enclosed = at < rest.size() && rest[at] == '(';
  for (at = skip_comma(rest, at + is_enclosed); at < rest.size() && rest[at] != ')'; at = skip_comma(rest, at)) {
    const size_t end = name_end(rest, at);
    BITLOOM_CHECK(end > at, ".macro ", name, ": '", rest.substr(at), "' is no parameter");
    BITLOOM_CHECK(macro.parameters.empty() || !macro.parameters.back().takes_rest, ".macro ", name,
                  ": a :vararg parameter is the last one");
    Parameter p;
    p.name = rest.substr(at, end - at);
    for (const Parameter& other : macro.parameters)
      BITLOOM_CHECK(other.name != p.name, ".macro ", name, ": two parameters are called '", p.name, "'");
    at = end;
    if (at < rest.size() && rest[at] == ':') {
      const size_t qualifier_end = name_end(rest, at + 1);
      const std::string qualifier = rest.substr(at + 1, qualifier_end - at - 1);
      p.is_required = qualifier == "req";
      p.takes_rest = qualifier == "vararg";
      BITLOOM_CHECK(p.is_required || p.takes_rest, ".macro ", name, ": a parameter is :req or :vararg, not :", qualifier);
      at = qualifier_end;
    }
    at = skip_blanks(rest, at);
    if (at < rest.size() && rest[at] == '=') at = argument(rest, at + 1, &p.value);
    macro.parameters.push_back(std::move(p));
  }
  macro.body = std::make_shared<const std::vector<Line>>(block(".macro"));
  BITLOOM_CHECK(macros_.emplace(name, std::move(macro)).second, "macro '", name, "' is defined twice; .purgem forgets one");
}

// ".rept 3"
void Macros::repeat(const std::string& statement) {
  const int64_t count = ask_.evaluate(statement);
  BITLOOM_CHECK(count >= 0, ".rept ", count, " times");
  auto lines = std::make_shared<const std::vector<Line>>(block(".rept"));
  push(std::move(lines), count, ".rept");
}

// ".irp x, 1, 2" and ".irpc x, 12": the body once for every argument or character, and once with nothing where there is none.
void Macros::repeat_for(const std::string& name, const std::string& rest) {
  size_t at = name_end(rest, 0);
  BITLOOM_CHECK(at > 0, name, " wants a parameter");
  std::vector<Parameter> parameter(1);
  parameter[0].name = rest.substr(0, at);
  const std::vector<Line> body = block(name);
  auto all = std::make_shared<std::vector<Line>>();
  at = skip_comma(rest, at);
  do {
    if (name == ".irp") {
      at = skip_comma(rest, argument(rest, at, &parameter[0].value));
    } else {
      at = rest.find_first_not_of(" \t\"", at);
      parameter[0].value = at < rest.size() ? rest.substr(at++, 1) : "";
      at = std::min(rest.find_first_not_of(" \t\"", at), rest.size());
    }
    const Lines lines = substituted(body, parameter);
    BITLOOM_CHECK(int64_t(all->size() + lines->size()) <= kMaxLines, "macros and repetitions give more than ", kMaxLines,
                  " statements");
    all->insert(all->end(), lines->begin(), lines->end());
  } while (at < rest.size());
  push(std::move(all), 1, name);
}

void Macros::leave_expansion() {
  BITLOOM_CHECK(inputs_.size() > 1, ".exitm outside a macro");
  Input& in = inputs_.back();
  in.at = in.lines->size();
  in.repeats = 1;
  conditions_.resize(in.open_conditions);
}

void Macros::expand(const std::string& name, const Macro& macro, const std::string& arguments) {
  std::vector<Parameter> parameters = macro.parameters;
  size_t position = 0;
  bool has_keywords = false;
  for (size_t at = 0; at < arguments.size(); at = skip_comma(arguments, at)) {
    const size_t end = name_end(arguments, at);
    std::string value;
    if (end > at && arguments.compare(end, 1, "=") == 0 && arguments.compare(end, 2, "==") != 0) {
      has_keywords = true;
      const std::string keyword = arguments.substr(at, end - at);
      const auto p = std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& q) { return q.name == keyword; });
      BITLOOM_CHECK(p != parameters.end(), "macro '", name, "' has no parameter '", keyword, "'");
      at = argument(arguments, end + 1, &value);
      if (!value.empty()) p->value = value;
      p->is_required = p->is_required && value.empty();
      continue;
    }
    BITLOOM_CHECK(!has_keywords, "macro '", name, "': a positional argument behind one with a name");
    BITLOOM_CHECK(position < parameters.size(), "macro '", name, "' takes ", parameters.size(), " arguments");
    Parameter& p = parameters[position++];
    if (p.takes_rest) {
      value = arguments.substr(at);
      at = arguments.size();
    } else {
      at = argument(arguments, at, &value);
    }
    if (!value.empty()) p.value = value;
    p.is_required = p.is_required && value.empty();
  }
  for (const Parameter& p : parameters) BITLOOM_CHECK(!p.is_required, "macro '", name, "' wants a value for '", p.name, "'");
  push(substituted(*macro.body, parameters), 1, "macro " + name);
  ++calls_;
}

}  // namespace bitloom::mpic
