#include "stockpot/eval/set_rows.h"

namespace stockpot {

Predictions set_rows(const ImageDataset& set) {
  Predictions rows;
  rows.classes = static_cast<std::int64_t>(set.classes().size());
  rows.class_names = set.classes();
  rows.group_names = set.groups();
  rows.examples = set.examples_hash();
  for (std::int64_t i = 0; i < set.size(); ++i) {
    rows.labels.push_back(set.label(i));
    rows.groups.push_back(set.group(i));
    rows.ids.push_back(set.id(i));
  }
  return rows;
}

}  // namespace stockpot
