#include "stockpot/parallel/host_list.h"

#include <charconv>
#include <cstdint>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::size_t kMostHosts = 65536;

struct Problem {
  std::string text;
};

std::uint32_t number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    throw Problem{"'" + std::string(text) + "' is no number"};
  return value;
}

// "01-03" -> 01 02 03; "7" -> 7. The width is that of the first number.
void append_range(std::string_view range, std::vector<std::string>& out) {
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) {
    number(range);
    out.emplace_back(range);
    return;
  }
  const std::uint32_t first = number(range.substr(0, dash)), last = number(range.substr(dash + 1));
  if (last < first) throw Problem{"the range '" + std::string(range) + "' runs backwards"};
  if (last - first >= kMostHosts) throw Problem{"too many hosts"};
  for (std::uint32_t i = first; i <= last; ++i) {
    std::string digits = std::to_string(i);
    if (digits.size() < dash) digits.insert(0, dash - digits.size(), '0');
    out.push_back(std::move(digits));
  }
}

// One name, with any number of brackets: "rack[1-2]n[3,5]".
std::vector<std::string> expand(std::string_view name) {
  std::vector<std::string> names{""};
  while (!name.empty()) {
    const std::size_t open = name.find('[');
    const std::string_view plain = name.substr(0, open);
    if (plain.find(']') != std::string_view::npos) throw Problem{"']' without '['"};
    for (std::string& made : names) made += plain;
    if (open == std::string_view::npos) break;
    const std::size_t close = name.find(']', open);
    if (close == std::string_view::npos) throw Problem{"'[' without ']'"};
    std::vector<std::string> numbers, longer;
    for (const std::string& range : split(name.substr(open + 1, close - open - 1), ','))
      append_range(range, numbers);
    if (names.size() * numbers.size() > kMostHosts) throw Problem{"too many hosts"};
    for (const std::string& made : names)
      for (const std::string& digits : numbers) longer.push_back(made + digits);
    names = std::move(longer);
    name.remove_prefix(close + 1);
  }
  return names;
}

// The names between the commas that are not inside brackets.
std::vector<std::string_view> parts_of(std::string_view expression) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  bool inside = false;
  for (std::size_t i = 0; i <= expression.size(); ++i) {
    if (i == expression.size() || (expression[i] == ',' && !inside)) {
      parts.push_back(expression.substr(begin, i - begin));
      begin = i + 1;
    } else if (expression[i] == '[' || expression[i] == ']') {
      inside = expression[i] == '[';
    }
  }
  return parts;
}

}  // namespace

std::vector<std::string> hosts_of(std::string_view expression) {
  try {
    std::vector<std::string> hosts;
    for (const std::string_view part : parts_of(expression)) {
      if (part.empty()) throw Problem{"a name is missing"};
      for (std::string& host : expand(part)) hosts.push_back(std::move(host));
      if (hosts.size() > kMostHosts) throw Problem{"too many hosts"};
    }
    return hosts;
  } catch (const Problem& problem) {
    throw UsageError("the host list '" + printable(expression) + "' cannot be read: " +
                     printable(problem.text) + "; expected names such as node[01-03,7],gpu5");
  }
}

}  // namespace stockpot
