// gap MODELS: soup against ensemble for pairs of models.
#include <cmath>

#include "cli/analysis_page.h"
#include "cli/analysis_work.h"
#include "cli/gap_page.h"
#include "cli/named_sets.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/landscape/task_angles.h"

namespace stockpot::cli {
namespace {

using namespace landscape;

constexpr std::size_t kIdentityIntervals = 8;

using AllSets = std::vector<Predictions>;

// One pair of models on the line between them.
class PairWork {
 public:
  PairWork(AnalysisWork& work, const GapArgs& args, std::size_t i, std::size_t j)
      : work_(work), args_(args), i_(i), j_(j) {}

  // (1 - t) theta_i + t theta_j.
  AllSets at(double t) {
    std::vector<double> weights(work_.mixtures().models());
    weights[i_] = 1 - t;
    weights[j_] = t;
    return work_.mixtures().on_all(weights);
  }

  PairGap gap(const AllSets& first, const AllSets& second, std::size_t held_out) {
    const AllSets before = at(args_.alpha - args_.step), soup = at(args_.alpha),
                  after = at(args_.alpha + args_.step);
    PairGap pair;
    pair.i = i_;
    pair.j = j_;
    pair.beta = best_beta(soup[held_out]);
    for (std::size_t set = 0; set < soup.size(); ++set)
      pair.sets.push_back(soup_gap({first[set], second[set], before[set], soup[set], after[set]},
                                   args_.alpha, args_.step, pair.beta));
    if (args_.identity) pair.identity = identity(first, second, held_out);
    return pair;
  }

 private:
  IdentityCheck identity(const AllSets& first, const AllSets& second, std::size_t held_out) {
    std::vector<Predictions> path = {first[held_out]};
    std::vector<double> weights(work_.mixtures().models());
    for (std::size_t place = 1; place < kIdentityIntervals; ++place) {
      const double t = static_cast<double>(place) / kIdentityIntervals;
      weights[i_] = 1 - t;
      weights[j_] = t;
      path.push_back(work_.mixtures().on(weights, held_out));
    }
    path.push_back(second[held_out]);
    const auto kink = static_cast<std::size_t>(std::lround(args_.alpha * kIdentityIntervals));
    return check_identity(path, kink);
  }

  AnalysisWork& work_;
  const GapArgs& args_;
  std::size_t i_, j_;
};

void check(const GapArgs& args) {
  if (args.models.size() < 2) throw UsageError("a soup of two needs two or more models");
  if (args.alpha - args.step < 0 || args.alpha + args.step > 1)
    throw UsageError("--alpha " + shortest(args.alpha) + " and --step " + shortest(args.step) +
                     " leave the line between the models; take a smaller step");
  const double place = args.alpha * kIdentityIntervals;
  if (args.identity && std::abs(place / 2 - std::round(place / 2)) > 1e-12)
    throw UsageError("--identity looks at nine points: --alpha is 0.25, 0.5 or 0.75");
}

}  // namespace

int cmd_gap(const GapArgs& args, const CommandLine& line) {
  check(args);
  check_analysis_place(args.place, "gap");
  TerminalProgress progress(line.quiet);
  const std::size_t k = args.models.size();
  const auto pairs = model_pairs(k, args.pairs, args.seed);
  const Json settings =
      Json::object({{"alpha", args.alpha}, {"step", args.step}, {"identity", args.identity}});
  if (!args.sets.has_held_out())
    throw UsageError("--val SOURCE is missing: each soup is calibrated on held-out pictures");
  AnalysisWork work({"gap", args.models, settings}, args.sets, args.place, false, line, progress);
  if (args.place.plan_only) {
    std::vector<std::string> plan = work.plan();
    plan.push_back("pairs  " + std::to_string(pairs.size()) + " of " +
                   std::to_string(k * (k - 1) / 2) + ", " +
                   (args.identity ? "3 means on every set and 7 on val" : "3 means") + " each");
    print_analysis_plan("gap", plan, line);
    return 0;
  }
  GapStudy study;
  study.names = work.names();
  for (const fs::path& model : args.models) study.paths.push_back(model.string());
  study.sets = work.set_names();
  study.alpha = args.alpha;
  study.step = args.step;
  study.all_pairs = k * (k - 1) / 2;
  study.notes = work.notes();
  const std::size_t held_out = held_out_set(work.sets(), "calibrating each soup");

  // Logits of the models themselves stay for the pairs of one first model.
  AllSets first;
  std::size_t first_of = k;
  for (const auto& [i, j] : pairs) {
    PairWork pair(work, args, i, j);
    const Json measured = work.measured(std::to_string(i) + "+" + std::to_string(j), [&, i = i] {
      if (first_of != i) first = pair.at(0);
      first_of = i;
      return to_json(pair.gap(first, pair.at(1), held_out));
    });
    study.pairs.push_back(pair_from_json(measured));
    if (study.pairs.back().sets.size() != study.sets.size())
      throw FormatError("the ledger holds a pair with other sets");
    progress.say("pair " + std::to_string(study.pairs.size()) + " of " +
                 std::to_string(pairs.size()));
  }
  publish_analysis(args.place, "gap", to_json(study), gap_page(study),
                   gap_text(study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
