#include "stockpot/compare/finding_text.h"

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"

namespace stockpot {

std::string finding_line(std::string_view word, const std::string& text, std::size_t width) {
  constexpr std::size_t kIndent = 11;
  std::string result = "  " + padded(std::string(word), kIndent - 2);
  std::size_t column = kIndent;
  for (const std::string& part : split(text, ' ')) {
    const std::size_t length = text_width(part);
    if (column > kIndent && column + 1 + length > width) {
      result += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      result += " ";
      ++column;
    }
    result += part;
    column += length;
  }
  return result + "\n";
}

Json to_json(const Finding& finding) {
  Json models = Json::array(), tensors = Json::array();
  for (const std::size_t model : finding.models) models.push(static_cast<std::int64_t>(model));
  for (const std::string& tensor : finding.tensors) tensors.push(tensor);
  return Json::object({{"severity", word_of(finding.severity)},
                       {"check", finding.check},
                       {"text", finding.text},
                       {"advice", finding.advice},
                       {"models", std::move(models)},
                       {"tensors", std::move(tensors)}});
}

}  // namespace stockpot
