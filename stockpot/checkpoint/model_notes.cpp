#include "stockpot/checkpoint/model_notes.h"

#include <algorithm>
#include <cstdint>

#include "stockpot/base/text.h"

namespace stockpot {

std::vector<std::string> notes_of_models(std::span<const Checkpoint* const> models) {
  struct Said {
    std::string note, first;
    std::int64_t models = 0;
  };
  std::vector<Said> said;
  for (const Checkpoint* model : models)
    for (const std::string& note : model->notes()) {
      auto there = std::ranges::find(said, note, &Said::note);
      if (there == said.end()) there = said.insert(there, {note, model->path().string()});
      ++there->models;
    }
  std::vector<std::string> lines;
  for (const Said& one : said)
    lines.push_back(printable(one.first) +
                    (one.models > 1 ? " and " + grouped(one.models - 1) + " more" : "") + ": " +
                    printable(one.note));
  return lines;
}

}  // namespace stockpot
