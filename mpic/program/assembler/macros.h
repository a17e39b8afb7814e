// Macros, repetitions and conditions of assembly text: what is left are statements without them.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mpic/program/assembler/lexer.h"

namespace bitloom::mpic {

// Where a statement stands: its line, and what it was expanded from, an index into Macros::expansions(), or -1.
struct Place {
  int line = 0;
  int expansion = -1;
};
struct Expansion {
  std::string what;  // "macro quit", ".rept"
  Place used;
};

// What conditions and counts ask of the text above them.
struct Conditions {
  std::function<bool(const std::string&)> is_defined;
  std::function<int64_t(const std::string&)> evaluate;  // the expression behind the first word of a statement
};

// Reads the statements of a text and carries out .macro .endm .exitm .purgem, .rept .irp .irpc .endr, .if and its kin, and .end; the GNU
// assembler's manual describes them, chapter 7. What an input may make of itself is bounded: macros nest 100 deep, and expansions have 2^18
// statements and 16 MiB together.
class Macros {
 public:
  Macros(std::vector<Line> lines, Conditions conditions);

  // The next statement: a label with its colon, or anything else without labels. False behind the last one. Errors have no line; place() has it.
  bool next(std::string* statement);
  const Place& place() const { return place_; }
  std::vector<Expansion>& expansions() { return expansions_; }

 private:
  using Lines = std::shared_ptr<const std::vector<Line>>;
  struct Input {
    Lines lines;
    int64_t repeats = 1;  // with the one that is being read
    int expansion = -1;
    size_t open_conditions = 0;  // at its beginning
    size_t at = 0;
  };
  struct Parameter {
    std::string name, value;  // the value is the default where there is no other
    bool is_required = false, takes_rest = false;
  };
  struct Macro {
    std::vector<Parameter> parameters;
    Lines body;
  };
  struct Condition {
    bool is_active, was_taken, is_enclosed_active;
    bool has_else = false;
    int line = 0;
  };

  const Line* read();
  bool is_skipping() const { return !conditions_.empty() && !conditions_.back().is_active; }
  std::vector<Line> block(const std::string& name);
  void push(Lines lines, int64_t repeats, const std::string& what);
  Lines substituted(const std::vector<Line>& body, const std::vector<Parameter>& parameters);

  bool directive(const std::string& name, const std::string& rest, const std::string& statement);
  bool condition(const std::string& name, const std::string& rest, const std::string& statement);
  bool holds(const std::string& name, const std::string& rest, const std::string& statement);
  void define(const std::string& rest);
  void repeat(const std::string& statement);
  void repeat_for(const std::string& name, const std::string& rest);
  void leave_expansion();
  void expand(const std::string& name, const Macro& macro, const std::string& arguments);

  Conditions ask_;
  std::vector<Input> inputs_;
  std::string pending_;  // behind a label
  std::vector<Condition> conditions_;
  std::map<std::string, Macro> macros_;
  std::vector<Expansion> expansions_;
  Place place_;
  int64_t expanded_lines_ = 0;
  size_t expanded_bytes_ = 0;
  int calls_ = 0;  // what \@ is
  bool has_ended_ = false;
};

// The first word of a statement in lower case, and the rest behind it.
std::string first_word(const std::string& statement, std::string* rest);

}  // namespace bitloom::mpic
