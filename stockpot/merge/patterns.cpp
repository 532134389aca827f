#include "stockpot/merge/patterns.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::uint32_t kMatchLimit = 100'000;

std::string message_of(int error) {
  char text[256];
  pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof text);
  return text;
}

}  // namespace

NamePattern::NamePattern(const std::string& expression) : text_(expression) {
  int error = 0;
  PCRE2_SIZE place = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), 0,
                                   &error, &place, nullptr);
  if (code == nullptr)
    throw UsageError("pattern '" + printable(text_) + "': " + message_of(error) + " at character " +
                     std::to_string(place + 1));
  code_ =
      std::shared_ptr<void>(code, [](void* p) { pcre2_code_free(static_cast<pcre2_code*>(p)); });
}

bool NamePattern::matches(std::string_view name) const {
  const auto free_data = [](pcre2_match_data* data) { pcre2_match_data_free(data); };
  const auto free_context = [](pcre2_match_context* context) { pcre2_match_context_free(context); };
  const std::unique_ptr<pcre2_match_data, decltype(free_data)> data(
      pcre2_match_data_create(1, nullptr), free_data);
  const std::unique_ptr<pcre2_match_context, decltype(free_context)> context(
      pcre2_match_context_create(nullptr), free_context);
  pcre2_set_match_limit(context.get(), kMatchLimit);
  const int result =
      pcre2_match(static_cast<pcre2_code*>(code_.get()), reinterpret_cast<PCRE2_SPTR>(name.data()),
                  name.size(), 0, 0, data.get(), context.get());
  if (result == PCRE2_ERROR_NOMATCH) return false;
  // The name has one group only to report: 0 means that there were more, not a failure.
  if (result < 0)
    throw UsageError("pattern '" + printable(text_) + "' on '" + printable(name) +
                     "': " + message_of(result));
  return true;
}

}  // namespace stockpot
