// angles with sets: what the mean of two models gains, against the angle between them.
#include <limits>

#include "cli/analysis_page.h"
#include "cli/analysis_work.h"
#include "cli/angles_page.h"
#include "cli/torch_commands.h"
#include "stockpot/base/text.h"
#include "stockpot/metrics/accuracy.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

// Accuracies of one mixture on all sets.
std::vector<double> accuracies(AnalysisWork& work, const std::string& name,
                               const std::vector<double>& weights) {
  const Json values = work.measured(name, [&] {
    Json list = Json::array();
    for (const Predictions& predictions : work.mixtures().on_all(weights))
      list.push(accuracy(predictions).value());
    return list;
  });
  std::vector<double> list;
  for (const Json& value : values.items())
    list.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.as_number());
  return list;
}

}  // namespace

int cmd_angles(const AnglesArgs& args, const CommandLine& line) {
  check_analysis_place(args.place, "angles");
  TerminalProgress progress(line.quiet);
  const std::size_t k = args.models.size();
  const auto pairs = model_pairs(k, args.pairs, args.seed);
  const std::size_t all_pairs = k * (k - 1) / 2;
  AnalysisWork work({"angles", args.models, Json::object({})}, args.sets, args.place, false, line,
                    progress);
  if (args.place.plan_only) {
    std::vector<std::string> plan = work.plan();
    plan.push_back("score  " + std::to_string(k) + " models and the means of " +
                   std::to_string(pairs.size()) + " of " + std::to_string(all_pairs) + " pairs");
    print_analysis_plan("angles", plan, line);
    return 0;
  }
  AngleOptions options;
  options.head = !args.no_head;
  const Checkpoint base = Checkpoint::open(args.base);
  TaskAngles angles = task_angles(work.mixtures().checkpoints(), base, options, progress);
  for (const std::string& note : work.notes()) angles.notes.push_back(note);

  std::vector<std::vector<double>> alone;
  for (std::size_t i = 0; i < k; ++i) {
    std::vector<double> weights(k);
    weights[i] = 1;
    alone.push_back(accuracies(work, std::to_string(i), weights));
    progress.say("model " + std::to_string(i + 1) + " of " + std::to_string(k));
  }
  std::vector<PairGain> gains;
  for (const auto& [i, j] : pairs) {
    std::vector<double> weights(k);
    weights[i] = weights[j] = 0.5;
    PairGain gain{i, j, angles.whole.angle(i, j),
                  accuracies(work, std::to_string(i) + "+" + std::to_string(j), weights)};
    for (std::size_t set = 0; set < gain.gains.size(); ++set)
      gain.gains[set] -= (alone[i][set] + alone[j][set]) / 2;
    gains.push_back(std::move(gain));
    progress.status("pair " + std::to_string(gains.size()) + " of " + std::to_string(pairs.size()));
  }
  const GainStudy study = study_gains(work.set_names(), std::move(gains), all_pairs);
  publish_analysis(args.place, "angles", to_json(angles, &study), angles_page(angles, &study),
                   angles_text(angles, &study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
