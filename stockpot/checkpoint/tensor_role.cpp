#include "stockpot/checkpoint/tensor_role.h"

#include <algorithm>

namespace stockpot {

bool is_head(std::string_view name) {
  static constexpr std::string_view kHeads[] = {
      "classifier", "head",       "heads",          "fc",
      "lm_head",    "head_dist",  "cls_classifier", "distillation_classifier",
      "score",      "qa_outputs", "pre_classifier", "classification_head"};
  // At the top, or below one wrapper ("model.fc.weight"): deeper ones are layers of the network,
  // and so is what follows a number ("blocks.0.fc" is no head, "0.fc" neither).
  for (int depth = 0; depth < 2; ++depth) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    const std::string_view word = name.substr(0, dot);
    if (std::ranges::find(kHeads, word) != std::end(kHeads)) return true;
    if (word.find_first_of("0123456789") != std::string_view::npos) return false;
    name.remove_prefix(dot + 1);
  }
  return false;
}

}  // namespace stockpot
