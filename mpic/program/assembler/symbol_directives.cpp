// Directives that say something of symbols or choose the section; they act in dropped sections too.
#include "core/error.h"
#include "mpic/program/assembler/text_assembler.h"

namespace bitloom::mpic {

const TextAssembler::Directives& TextAssembler::symbol_directives() {
  using T = TextAssembler;
  static const Directives all = {
      {".equ", &T::equate},
      {".set", &T::equate},
      {".equiv", &T::equate},
      {".eqv", &T::equate},
      {".text", &T::select_section},
      {".data", &T::select_section},
      {".bss", &T::select_section},
      {".section", &T::select_section},
      {".sdata", &T::select_section},
      {".sbss", &T::select_section},
      {".rodata", &T::select_section},
      {".pushsection", &T::push_section},
      {".popsection", &T::pop_section},
      {".previous", &T::previous_section},
      {".subsection", &T::subsection},
      {".globl", &T::binding},
      {".global", &T::binding},
      {".weak", &T::binding},
      {".local", &T::binding},
      {".type", &T::symbol_type},
      {".size", &T::symbol_size},
      {".comm", &T::common},
      {".common", &T::common},
      {".lcomm", &T::common},
      {".error", &T::refuse},
      {".err", &T::refuse},
      {".abort", &T::refuse},
      {".include", &T::refuse},
      {".incbin", &T::refuse},
      {".altmacro", &T::refuse},
      {".mri", &T::refuse},
      {".dtprelword", &T::refuse},
      {".dtpreldword", &T::refuse},
  };
  return all;
}

void TextAssembler::equate(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2, name, " wants a name and a value");
  const std::string& symbol = single_name(parts[0], "the symbol");
  if (name == ".equiv" || name == ".eqv")
    BITLOOM_CHECK(are_places_known() || !unit().symbols[symbol].is_defined(), "symbol '", symbol, "' is defined twice");
  define_variable(symbol, parts[1]);
}

void TextAssembler::binding(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> names = split_operands(operands);
  BITLOOM_CHECK(!names.empty(), name, " wants a name");
  for (const TokenRange& n : names) {
    SymbolState& state = unit().symbols[single_name(n, "a symbol")];
    state.is_global = state.is_global || name != ".local";
    state.is_weak = state.is_weak || name == ".weak";
    state.is_local = state.is_local || name == ".local";
  }
}

void TextAssembler::symbol_type(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2, name, " wants a name and a type");
  SymbolState& state = unit().symbols[single_name(parts[0], "the symbol")];
  std::string type = parts[1].begin->text;
  if (type[0] == '@' || type[0] == '%') type.erase(0, 1);
  if (type == "function" || type == "STT_FUNC") state.kind = SymbolKind::kFunction;
  if (type == "object" || type == "STT_OBJECT") state.kind = SymbolKind::kObject;
}

void TextAssembler::symbol_size(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2, name, " wants a name and a size");
  if (is_last_pass()) unit().symbols[single_name(parts[0], "the symbol")].size = uint32_t(value_of(parts[1]).number);
}

// ".comm name, size, alignment" and, for this text only, ".lcomm".
void TextAssembler::common(const std::string& name, TokenRange operands) {
  const std::vector<TokenRange> parts = split_operands(operands);
  BITLOOM_CHECK(parts.size() == 2 || parts.size() == 3, name, " wants a name, a size and perhaps an alignment");
  const int64_t size = number_now(parts[1]), alignment = parts.size() == 3 ? number_now(parts[2]) : 4;
  BITLOOM_CHECK(size >= 0 && alignment > 0 && alignment <= 65536 && (alignment & (alignment - 1)) == 0, name, " of ", size,
                " bytes aligned to ", alignment);
  SymbolState& state = unit().symbols[single_name(parts[0], "the symbol")];
  const std::pair<size_t, size_t> before = {current_, previous_};
  enter_section(".bss", 0, "", false);
  align_to(uint64_t(alignment), -1, 1);
  define_label(*parts[0].begin);
  pad(uint64_t(size), 0);
  std::tie(current_, previous_) = before;
  state.size = uint32_t(size);
  state.is_common = true;
  state.is_global = state.is_global || name != ".lcomm";
}

void TextAssembler::refuse(const std::string& name, TokenRange operands) {
  const bool has_text = !operands.empty() && operands.begin->kind == Token::kString;
  if (name == ".error" || name == ".err" || name == ".abort") throw Error(has_text ? operands.begin->text : name);
  BITLOOM_CHECK(name != ".include", ".include opens no file here: name all texts in one command");
  BITLOOM_CHECK(name != ".incbin", ".incbin opens no file here: write the bytes as .byte or .word");
  BITLOOM_CHECK(name != ".altmacro", ".altmacro is not understood: write macros in the ordinary syntax, with \\name");
  BITLOOM_CHECK(name.compare(0, 5, ".dtpr") != 0, name, ": there is no thread-local storage");
  throw Error(name + " is not understood");
}

}  // namespace bitloom::mpic
