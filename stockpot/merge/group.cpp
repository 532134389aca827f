// The group rules of plan.h.
#include <charconv>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/merge/patterns.h"
#include "stockpot/merge/plan.h"

namespace stockpot {
namespace {

double parse_number(const std::string& word, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size())
    throw UsageError("group '" + printable(text) + "': '" + printable(word) +
                     "' is neither average, take-first, take-best, skip, copy-base nor a number");
  return value;
}

GroupRule parse_policy(const std::string& policy, const std::string& text, std::size_t models) {
  GroupRule rule;
  rule.text = text;
  if (policy == "average") return rule;
  if (policy == "take-first") {
    rule.action = GroupAction::take_first;
  } else if (policy == "take-best") {
    rule.action = GroupAction::take_best;
  } else if (policy == "skip") {
    rule.action = GroupAction::skip;
  } else if (policy == "copy-base") {
    rule.action = GroupAction::copy_base;
  } else {
    const std::vector<std::string> words = split(policy, ':');
    if (words.size() == 1) {
      rule.scale = parse_number(words.front(), text);
    } else if (words.size() == models) {
      for (const std::string& word : words) rule.weights.push_back(parse_number(word, text));
    } else {
      throw UsageError("group '" + printable(text) + "' has " + std::to_string(words.size()) +
                       " weights for " + std::to_string(models) + " models");
    }
  }
  return rule;
}

}  // namespace

GroupRule parse_group(const std::string& text, std::size_t models) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError("group '" + printable(text) + "' should read REGEX=POLICY");
  GroupRule rule = parse_policy(text.substr(equals + 1), text, models);
  rule.matches = [pattern = NamePattern(text.substr(0, equals))](std::string_view name) {
    return pattern.matches(name);
  };
  return rule;
}

GroupRule head_rule(const std::string& policy, std::size_t models) {
  GroupRule rule = parse_policy(policy, "head=" + policy, models);
  rule.matches = [](std::string_view name) { return is_head(name); };
  return rule;
}

GroupRule backbone_rule(const std::string& policy, std::size_t models) {
  GroupRule rule = parse_policy(policy, "backbone=" + policy, models);
  rule.matches = [](std::string_view name) { return !is_head(name); };
  return rule;
}

}  // namespace stockpot
