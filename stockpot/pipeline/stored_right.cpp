#include "stockpot/pipeline/stored_right.h"

#include <map>
#include <memory>
#include <set>

#include "stockpot/base/hash.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/pipeline/run_folder.h"

namespace stockpot {
namespace {

RightOnSet right_in(const Predictions& predictions) {
  std::string pictures;
  for (std::size_t i = 0; i < predictions.ids.size(); ++i)
    pictures += predictions.ids[i] + '\0' + std::to_string(predictions.labels[i]) + '\n';
  return {RightRows(predictions), sha256(pictures)};
}

// Copies of one picture, each corrupted otherwise ("ID@noise:3"), are no independent rows: tests
// and intervals over pictures would be too sure.
bool has_copies(const Predictions& predictions) {
  std::set<std::string> seen;
  for (const std::string& id : predictions.ids)
    if (const std::size_t at = id.rfind('@');
        at != std::string::npos && !seen.insert(id.substr(0, at)).second)
      return true;
  return false;
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
        if (fs::exists(file, error))
          if (const Predictions stored = read_predictions(file); !has_copies(stored))
            right = right_in(stored);
        return (*read)[file] = right;
      };
}

}  // namespace stockpot
