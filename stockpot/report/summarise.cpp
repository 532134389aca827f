#include <limits>
#include <map>
#include <string_view>

#include "stockpot/report/run_report.h"

namespace stockpot {

double ReportedModel::mean_ood(const std::vector<ReportedSet>& sets) const {
  double sum = 0;
  int count = 0;
  for (const ReportedSet& set : sets) {
    if (set.role != SetRole::ood) continue;
    const auto score = scores.find(set.name);
    // A mean over some of the sets could not be compared with other models' means.
    if (score == scores.end() || score->second.accuracy.total == 0) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    sum += score->second.accuracy.value();
    ++count;
  }
  return count ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

std::vector<MethodSummary> summarise(const RunReport& report) {
  std::vector<MethodSummary> methods;
  std::map<std::pair<RowKind, std::string_view>, std::size_t> places;
  for (const ReportedModel& model : report.models) {
    const auto [place, added] = places.try_emplace({model.kind, model.method}, methods.size());
    if (added) methods.push_back({model.name, model.method, model.kind, {}});
    methods[place->second].runs.push_back(&model);
  }
  return methods;
}

}  // namespace stockpot
