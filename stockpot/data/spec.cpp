#include "stockpot/data/spec.h"

#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

// The next ",key=" at or after `from`: a comma that is not followed by a key belongs to the
// path or value before it.
std::optional<std::size_t> find_option(std::string_view text, std::size_t from) {
  for (std::size_t comma = text.find(',', from); comma != text.npos;
       comma = text.find(',', comma + 1)) {
    std::size_t end = comma + 1;
    while (end < text.size() && std::islower(static_cast<unsigned char>(text[end]))) ++end;
    if (end > comma + 1 && end < text.size() && text[end] == '=') return comma;
  }
  return std::nullopt;
}

void set_option(SourceSpec& source, const std::string& key, const std::string& value) {
  if (key == "split") {
    source.split = value;
  } else if (key == "splits") {
    source.splits = value;
  } else if (key == "group") {
    source.group = value;
  } else if (key == "root") {
    source.root = value;
  } else if (key == "corrupt") {
    source.corruptions = parse_corruption(value);
  } else {
    static const std::array<std::string, 5> kKeys{"splits", "split", "group", "root", "corrupt"};
    const std::string near = nearest(key, kKeys);
    throw UsageError("unknown key '" + printable(key) + "' of a data source" +
                     (near.empty() ? "" : "; did you mean '" + near + "'?") +
                     " Known: " + join(kKeys, ", "));
  }
}

}  // namespace

SourceSpec parse_source(const std::string& text) {
  SourceSpec source;
  std::optional<std::size_t> comma = find_option(text, 0);
  source.path = text.substr(0, comma.value_or(text.size()));
  if (source.path.empty()) {
    throw UsageError("a data source begins with its path, as in PATH,split=train; found '" +
                     printable(text) + "'");
  }
  std::set<std::string> seen;
  while (comma) {
    const std::size_t equals = text.find('=', *comma);
    const std::string key = text.substr(*comma + 1, equals - *comma - 1);
    comma = find_option(text, equals);
    const std::string value = text.substr(equals + 1, comma.value_or(text.size()) - equals - 1);
    set_option(source, key, value);
    if (value.empty())
      throw UsageError("data source '" + printable(text) + "': " + key + " is empty");
    if (!seen.insert(key).second) {
      throw UsageError("data source '" + printable(text) + "': " + key + " is given twice");
    }
  }
  return source;
}

}  // namespace stockpot
