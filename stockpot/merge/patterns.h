// Patterns of tensor names, as users write them: Perl-compatible regular expressions (PCRE2)
// that match anywhere in the name, with bounded work for a match.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace stockpot {

class NamePattern {
 public:
  // Throws UsageError saying what is wrong with the expression and where.
  explicit NamePattern(const std::string& expression);
  // Throws UsageError when the expression needs more work than is allowed.
  bool matches(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<void> code_;
};

}  // namespace stockpot
