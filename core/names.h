// Enums whose values have names: one table an enum, from which parsing, printing, help and files follow.
#pragma once
#include <string>
#include <vector>

#include "core/error.h"
#include "core/quote.h"

namespace bitloom {

template <class E>
struct Named {
  E value;
  const char* name;
};

// Specialized beside the enum, with what it is called in messages and all its values:
//   template <>
//   struct NamesOf<CostKind> {
//     static constexpr const char* kWhat = "cost";
//     static constexpr Named<CostKind> kAll[] = {{CostKind::kSize, "size"}, {CostKind::kCycles, "cycles"}};
//   };
template <class E>
struct NamesOf;

template <class E>
std::vector<std::string> all_names() {
  std::vector<std::string> names;
  for (const Named<E>& each : NamesOf<E>::kAll) names.push_back(each.name);
  return names;
}

template <class E>
const char* name_of(E value) {
  for (const Named<E>& each : NamesOf<E>::kAll)
    if (each.value == value) return each.name;
  throw Error(str(NamesOf<E>::kWhat, " ", int(value), " has no name"));
}

// Error lists the known names.
template <class E>
E named(const std::string& name) {
  std::string known;
  for (const Named<E>& each : NamesOf<E>::kAll) {
    if (name == each.name) return each.value;
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  }
  throw Error(str("unknown ", NamesOf<E>::kWhat, " ", quote(name), "; known: ", known));
}

}  // namespace bitloom
