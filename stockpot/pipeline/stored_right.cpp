#include "stockpot/pipeline/stored_right.h"

#include <map>
#include <memory>

#include "stockpot/base/hash.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/run_folder.h"

namespace stockpot {
namespace {

RightOnSet right_in(const Predictions& predictions) {
  std::string rows = predictions.examples + '\n';
  for (std::size_t i = 0; i < predictions.ids.size(); ++i)
    (rows += predictions.ids[i]) += '\0' + std::to_string(predictions.labels[i]) + '\n';
  return {RightRows(predictions), sha256(rows), pictures_of(predictions.ids)};
}

}  // namespace

RightOf stored_right(const fs::path& run) {
  auto read = std::make_shared<std::map<fs::path, std::optional<RightOnSet>>>();
  return
      [run, read](const ReportedModel& model, const std::string& set) -> std::optional<RightOnSet> {
        if (model.folder.empty()) return std::nullopt;
        const fs::path file = logits_file((run / model.folder).parent_path(), set);
        if (const auto known = read->find(file); known != read->end()) return known->second;
        std::error_code error;
        std::optional<RightOnSet> right;
        if (fs::exists(file, error)) right = right_in(read_predictions(file));
        return (*read)[file] = right;
      };
}

}  // namespace stockpot
