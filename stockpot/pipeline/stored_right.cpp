#include "stockpot/pipeline/stored_right.h"

#include <functional>
#include <map>
#include <memory>

#include "stockpot/base/hash.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/metrics/picture_mean.h"
#include "stockpot/pipeline/run_folder.h"

namespace stockpot {
namespace {

RightOnSet right_in(const Predictions& predictions) {
  RightOnSet result{RightRows(predictions), {}};
  std::string pictures = predictions.examples + '\n';
  for (std::size_t i = 0; i < predictions.ids.size(); ++i) {
    const std::string_view id = predictions.ids[i], picture = picture_of(id);
    pictures.append(id) += '\0' + std::to_string(predictions.labels[i]) + '\n';
    result.originals.push_back(std::hash<std::string_view>()(picture));
    result.corrupted |= picture.size() < id.size();
  }
  result.pictures = sha256(pictures);
  return result;
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
        // Tests and intervals over pictures would be too sure of copies of one picture.
        if (fs::exists(file, error))
          if (const Predictions stored = read_predictions(file); !has_copies(stored))
            right = right_in(stored);
        return (*read)[file] = right;
      };
}

}  // namespace stockpot
