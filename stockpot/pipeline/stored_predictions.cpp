#include "stockpot/pipeline/stored_predictions.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/set_rows.h"

namespace stockpot {
namespace {

std::string both(const std::string& found, const std::string& wanted) {
  constexpr std::size_t kDigits = 12;  // of a hash
  return " (" + printable(found.substr(0, kDigits)) + ", expected " +
         printable(wanted.substr(0, kDigits)) + ")";
}

// Of one word that a store says about itself: what it names, and that with "other" before it.
std::string word_difference(const std::string& found, const std::string& wanted,
                            const std::string& what, const std::string& other, Unsaid unsaid) {
  if (wanted.empty() || found == wanted) return "";
  if (!found.empty()) return "holds logits of " + other + both(found, wanted);
  return unsaid == Unsaid::accepted ? "" : "does not say of which " + what + " its logits are";
}

std::string row_text(const Predictions& predictions, std::size_t row) {
  const auto label = static_cast<std::size_t>(predictions.labels[row]);
  return (predictions.ids.empty() ? "" : printable(predictions.ids[row]) + " ") + "of class " +
         printable(predictions.class_names[label]);
}

std::string class_difference(const Predictions& found, const Predictions& wanted) {
  const std::vector<std::string>&here = found.class_names, &there = wanted.class_names;
  if (here == there) return "";
  if (here.size() != there.size())
    return "holds logits of " + std::to_string(here.size()) + " classes, expected " +
           std::to_string(there.size());
  std::size_t i = 0;
  while (here[i] == there[i]) ++i;
  return "holds logits of other classes: number " + std::to_string(i) + " is " +
         printable(here[i]) + ", expected " + printable(there[i]);
}

std::string row_difference(const Predictions& found, const Predictions& wanted) {
  if (found.rows() != wanted.rows())
    return "holds logits of " + grouped(found.rows()) + " rows, expected " + grouped(wanted.rows());
  if (found.ids.empty() != wanted.ids.empty())
    return std::string("holds logits of rows with") + (found.ids.empty() ? "out" : "") +
           " ids, expected the contrary";
  for (std::size_t i = 0; i < found.labels.size(); ++i)
    if (found.labels[i] != wanted.labels[i] ||
        (!found.ids.empty() && found.ids[i] != wanted.ids[i]))
      return "holds logits of other rows: row " + std::to_string(i) + " is " + row_text(found, i) +
             ", expected " + row_text(wanted, i);
  return "";
}

std::string group_difference(const Predictions& found, const Predictions& wanted, Unsaid unsaid) {
  if (unsaid == Unsaid::accepted && (found.groups.empty() || wanted.groups.empty())) return "";
  if (found.groups == wanted.groups && found.group_names == wanted.group_names) return "";
  return "holds logits of rows in other groups than are expected";
}

}  // namespace

std::string difference(const Predictions& found, const Predictions& wanted, Unsaid unsaid) {
  for (const std::string& why :
       {class_difference(found, wanted), row_difference(found, wanted),
        word_difference(found.examples, wanted.examples, "pictures", "other pictures", unsaid),
        group_difference(found, wanted, unsaid),
        word_difference(found.model, wanted.model, "model", "another model", unsaid),
        word_difference(found.arithmetic, wanted.arithmetic, "arithmetic", "another arithmetic",
                        unsaid)})
    if (!why.empty()) return why;
  return "";
}

std::optional<Predictions> stored_predictions(const fs::path& file, const Predictions& wanted,
                                              std::string* why) {
  std::error_code error;
  if (!fs::exists(file, error)) {
    if (why != nullptr) *why = "is not there";
    return std::nullopt;
  }
  Predictions predictions = read_predictions(file);
  const std::string found = difference(predictions, wanted);
  if (found.empty()) return predictions;
  if (why != nullptr) *why = found;
  return std::nullopt;
}

std::optional<Predictions> stored_predictions(const fs::path& file, const ImageDataset& set) {
  return stored_predictions(file, set_rows(set));
}

void store_predictions(const fs::path& file, const Predictions& predictions) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw WriteError(file.parent_path(), "create", error.value());
  write_predictions(file, predictions);
}

}  // namespace stockpot
