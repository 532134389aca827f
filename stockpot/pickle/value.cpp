#include "stockpot/pickle/value.h"

#include <algorithm>

#include "stockpot/base/text.h"

namespace stockpot {

std::string_view kind_name(PickleKind kind) {
  switch (kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return "a bool";
    case PickleKind::integer:
    case PickleKind::big_integer:
      return "an int";
    case PickleKind::number:
      return "a float";
    case PickleKind::text:
      return "a str";
    case PickleKind::bytes:
      return "bytes";
    case PickleKind::tuple:
      return "a tuple";
    case PickleKind::list:
      return "a list";
    case PickleKind::set:
      return "a set";
    case PickleKind::dict:
      return "a dict";
    case PickleKind::global:
      return "a class or function";
    case PickleKind::record:
      return "an object";
    case PickleKind::persistent:
      return "a persistent id";
  }
  return "";
}

PickleValue Pickle::root() const { return at(root_); }
PickleValue Pickle::at(std::uint32_t index) const { return PickleValue(this, index); }

namespace {

void sort_unique(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

std::vector<std::string> Pickle::globals() const {
  std::vector<std::string> names;
  for (const Global& global : globals_)
    names.push_back(std::string(global.module) + "." + std::string(global.name));
  sort_unique(names);
  return names;
}

std::vector<std::string> Pickle::globals_outside_allow_list() const {
  std::vector<std::string> names;
  for (const Global& global : globals_)
    if (known_global(global.module, global.name) == Known::none)
      names.push_back(std::string(global.module) + "." + std::string(global.name));
  sort_unique(names);
  return names;
}

std::vector<PickleValue> Pickle::persistents() const {
  std::vector<PickleValue> values;
  values.reserve(persistents_.size());
  for (const std::uint32_t index : persistents_) values.push_back(at(index));
  return values;
}

std::int64_t PickleValue::integer() const {
  assert(is(PickleKind::integer) || is(PickleKind::boolean));
  return node().integer;
}

double PickleValue::number() const {
  assert(is(PickleKind::number));
  return node().number;
}

std::string_view PickleValue::text() const {
  assert(is(PickleKind::text) || is(PickleKind::bytes) || is(PickleKind::big_integer));
  return {node().text, node().size};
}

const std::vector<std::uint32_t>& PickleValue::sequence() const {
  return pickle_->sequences_[is(PickleKind::record) ? record().pairs : node().index];
}

std::size_t PickleValue::size() const {
  switch (kind()) {
    case PickleKind::tuple:
      return node().size;
    case PickleKind::list:
    case PickleKind::set:
      return sequence().size();
    case PickleKind::dict:
    case PickleKind::record:
      return sequence().size() / 2;
    default:
      return 0;
  }
}

PickleValue PickleValue::item(std::size_t i) const {
  assert(i < size() && !is(PickleKind::dict) && !is(PickleKind::record));
  if (is(PickleKind::tuple)) return at(pickle_->tuples_[node().index + i]);
  return at(sequence()[i]);
}

PickleValue PickleValue::key(std::size_t i) const {
  assert(i < size() && (is(PickleKind::dict) || is(PickleKind::record)));
  return at(sequence()[2 * i]);
}

PickleValue PickleValue::value(std::size_t i) const {
  assert(i < size() && (is(PickleKind::dict) || is(PickleKind::record)));
  return at(sequence()[2 * i + 1]);
}

std::optional<PickleValue> PickleValue::find(std::string_view wanted) const {
  if (!is(PickleKind::dict) && !is(PickleKind::record)) return std::nullopt;
  for (std::size_t i = size(); i-- > 0;)
    if (key(i).is(PickleKind::text) && key(i).text() == wanted) return value(i);
  return std::nullopt;
}

std::string_view PickleValue::module() const {
  if (is(PickleKind::record)) return at(record().callable).module();
  assert(is(PickleKind::global));
  return pickle_->globals_[node().index].module;
}

std::string_view PickleValue::name() const {
  if (is(PickleKind::record)) return at(record().callable).name();
  assert(is(PickleKind::global));
  return pickle_->globals_[node().index].name;
}

PickleValue PickleValue::args() const {
  if (is(PickleKind::persistent)) return at(static_cast<std::uint32_t>(node().index));
  assert(is(PickleKind::record));
  return at(record().args);
}

std::optional<PickleValue> PickleValue::state() const {
  if (!is(PickleKind::record) || record().state == Pickle::kNothing) return std::nullopt;
  return at(record().state);
}

std::string PickleValue::describe() const {
  switch (kind()) {
    case PickleKind::boolean:
      return boolean() ? "True" : "False";
    case PickleKind::integer:
      return std::to_string(integer());
    case PickleKind::number:
      return shortest(number());
    case PickleKind::text:
      return printable(text());
    case PickleKind::tuple:
    case PickleKind::list:
    case PickleKind::set:
    case PickleKind::dict:
      return std::string(kind_name(kind())) + " of " + std::to_string(size());
    case PickleKind::global:
    case PickleKind::record: {
      std::string words = is(PickleKind::record) ? "a " : "";
      return words + printable(module()) + "." + printable(name());
    }
    default:
      return std::string(kind_name(kind()));
  }
}

}  // namespace stockpot
