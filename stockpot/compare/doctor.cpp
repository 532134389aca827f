#include "stockpot/compare/doctor.h"

#include <algorithm>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/compare/doctor_checks.h"

namespace stockpot {

void DoctorState::add(Severity severity, std::string check, std::string text, std::string advice,
                      std::vector<std::size_t> about, std::vector<std::string> tensors) {
  findings.push_back({severity, std::move(check), std::move(text), std::move(advice),
                      std::move(about), std::move(tensors)});
}

std::string DoctorState::names_of(const std::vector<std::size_t>& indices) const {
  constexpr std::size_t kListed = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(kListed, indices.size()); ++i)
    text += (i == 0 ? "" : i + 1 == indices.size() ? " and " : ", ") + names[indices[i]];
  if (indices.size() > kListed)
    text += " and " + std::to_string(indices.size() - kListed) + " more";
  return text;
}

const TensorView* DoctorState::tensor(std::size_t model, const std::string& name) const {
  return models[model].find(name);
}

Severity DoctorReport::verdict() const {
  Severity worst = Severity::note;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  return worst;
}

DoctorReport doctor(const std::vector<Checkpoint>& models, const Checkpoint* base,
                    Progress& progress) {
  if (models.size() < 2 || models.size() > kMostDoctorModels)
    throw UsageError("doctor compares 2 to " + std::to_string(kMostDoctorModels) +
                     " checkpoints, got " + std::to_string(models.size()));
  std::vector<fs::path> paths;
  for (const Checkpoint& model : models) paths.push_back(model.path());
  DoctorState state{models, base, short_names(paths), {}, {}, {}, {}, {}};
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < models.size(); ++i)
    state.report.models.push_back({paths[i], state.names[i], false, kUnknown, kUnknown, kUnknown});
  if (base != nullptr) state.report.base = base->path();

  check_structure(state);
  check_state_keys(state);
  check_configs(state);
  check_buffers(state);
  read_values_of_all(state, progress);
  measure_relations(state);
  check_origin(state);
  check_heads(state);
  check_outliers(state);
  check_duplicates(state);

  state.report.findings = std::move(state.findings);
  std::ranges::stable_sort(state.report.findings, std::ranges::greater(), &Finding::severity);
  return std::move(state.report);
}

}  // namespace stockpot
