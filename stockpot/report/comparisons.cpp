#include "stockpot/report/comparisons.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/metrics/paired_test.h"
#include "stockpot/report/table.h"

namespace stockpot {
namespace {

using Pairs = std::vector<std::pair<const ReportedModel*, const ReportedModel*>>;

Pairs pairs_of(const Side& first, const Side& second) {
  Pairs pairs;
  // LP has no seeds: it is the start that all seeds share.
  if (first.runs.size() == 1 && second.runs.size() > 1) {
    for (const ReportedModel* b : second.runs) pairs.emplace_back(first.runs.front(), b);
    return pairs;
  }
  for (const ReportedModel* a : first.runs)
    for (const ReportedModel* b : second.runs)
      if (a->seed == b->seed ||
          (second.runs.size() == 1 && (first.runs.size() > 1 || a->kind != b->kind))) {
        pairs.emplace_back(a, b);
        break;
      }
  if (pairs.empty())
    throw UsageError("no seed of " + printable(first.name) + " is also one of " +
                     printable(second.name) + ": a paired comparison needs the same seeds");
  return pairs;
}

std::optional<double> value_on(const ReportedModel& model, const std::string& set,
                               const std::vector<ReportedSet>& sets) {
  if (set.empty()) {
    const double mean = model.mean_ood(sets);
    return std::isnan(mean) ? std::nullopt : std::optional(mean);
  }
  const auto score = model.scores.find(set);
  if (score == model.scores.end() || score->second.accuracy.total == 0) return std::nullopt;
  return score->second.accuracy.value();
}

struct Rights {
  std::vector<RightRows> first, second;
  Pictures shown;
};

// A set's part of a mean: replicates, and what they are drawn from.
struct Drawn {
  std::uint64_t seed = 0;
  std::vector<std::size_t> pictures;  // hashes, as Pictures::numbers() counts them
  bool corrupted = false;
  std::vector<double> replicates;
};

std::vector<std::size_t> counted(const Pictures& shown, const std::vector<std::size_t>& numbers) {
  if (!shown.copies) return shown.of_rows;
  std::vector<std::size_t> pictures;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] == pictures.size()) pictures.push_back(shown.of_rows[i]);
  return pictures;
}

bool share_pictures(std::vector<std::size_t> a, std::vector<std::size_t> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  std::vector<std::size_t> both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  return !both.empty();
}

// All or nothing: a mean over some of the seeds would be another number.
std::optional<Rights> rights_on(const std::string& set, const Pairs& pairs, const Side& first,
                                const Side& second) {
  if (!first.right || !second.right) return std::nullopt;
  Rights rights;
  std::string rows;
  for (const auto& [a, b] : pairs) {
    std::optional<RightOnSet> one = first.right(*a, set), other = second.right(*b, set);
    if (!one || !other || one->rows != other->rows) return std::nullopt;
    if (rows.empty()) rows = one->rows;
    if (one->rows != rows) return std::nullopt;
    rights.shown = std::move(one->shown);
    rights.first.push_back(std::move(one->right));
    rights.second.push_back(std::move(other->right));
  }
  return rights;
}

class Comparing {
 public:
  Comparing(const Side& first, const Side& second, const std::vector<ReportedSet>& sets)
      : first_(first), second_(second), sets_(sets), pairs_(pairs_of(first, second)) {}

  MethodComparison run() {
    MethodComparison result{first_.name, second_.name, {}, {}};
    for (const auto& [a, b] : pairs_)
      result.seeds.push_back(first_.runs.size() == 1 ? b->seed : a->seed);
    std::size_t shifts = 0;
    for (const ReportedSet& set : sets_) {
      if (std::optional<SetComparison> one = on(set.name, set.role)) {
        shifts += set.role == SetRole::ood;
        result.sets.push_back(std::move(*one));
      }
    }
    if (shifts > 1)
      if (std::optional<SetComparison> mean = on("", SetRole::ood)) {
        if (ood_.size() == shifts) mean->pictures95 = mean_of_replicates();
        result.sets.push_back(std::move(*mean));
      }
    return result;
  }

 private:
  std::optional<SetComparison> on(const std::string& set, SetRole role) {
    std::vector<double> a, b;
    for (const auto& [one, other] : pairs_) {
      const auto x = value_on(*one, set, sets_), y = value_on(*other, set, sets_);
      if (!x || !y) return std::nullopt;
      a.push_back(*x);
      b.push_back(*y);
    }
    const SeedDifference difference = seed_difference(a, b);
    SetComparison result{
        set, role, difference.mean, difference.low_confidence, difference.confidence, {}, {}};
    if (!set.empty()) add_pictures(result);
    return result;
  }

  void add_pictures(SetComparison& result) {
    const std::optional<Rights> rights = rights_on(result.set, pairs_, first_, second_);
    if (!rights) return;
    const Pictures& shown = rights->shown;
    const std::vector<std::size_t> numbers =
        shown.copies ? shown.numbers() : std::vector<std::size_t>();
    Drawn drawn{0, counted(shown, numbers), shown.corrupted, {}};
    drawn.seed = seed_for(drawn);
    drawn.replicates = picture_replicates(rights->first, rights->second, drawn.seed, numbers);
    result.pictures95 = percentile_interval(drawn.replicates);
    for (std::size_t i = 0; i < rights->first.size(); ++i)
      result.mcnemar.push_back(paired_test(rights->first[i], rights->second[i], shown).p);
    if (result.role == SetRole::ood) ood_.push_back(std::move(drawn));
  }

  // Sets are independent samples: each draws its own pictures. Copies of the same pictures,
  // corrupted otherwise, draw the same ones.
  std::uint64_t seed_for(const Drawn& set) {
    for (const Drawn& other : ood_)
      if ((set.corrupted || other.corrupted) && set.pictures == other.pictures) return other.seed;
    return ++set_seed_;
  }

  // None when sets have some of their pictures in common: neither the same draws nor others
  // would be right.
  std::optional<Interval> mean_of_replicates() const {
    for (std::size_t i = 0; i < ood_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if ((ood_[i].corrupted || ood_[j].corrupted) && ood_[i].seed != ood_[j].seed &&
            share_pictures(ood_[i].pictures, ood_[j].pictures))
          return std::nullopt;
    std::vector<double> mean(ood_.front().replicates.size());
    for (const Drawn& set : ood_)
      for (std::size_t r = 0; r < mean.size(); ++r)
        mean[r] += set.replicates[r] / static_cast<double>(ood_.size());
    return percentile_interval(std::move(mean));
  }

  const Side& first_;
  const Side& second_;
  const std::vector<ReportedSet>& sets_;
  Pairs pairs_;
  std::uint64_t set_seed_ = 0;
  std::vector<Drawn> ood_;
};

// The variant of plain FT that held-out data would choose.
const MethodSummary* best_ft(const std::vector<MethodSummary>& methods, const RunReport& report) {
  const auto held_out = std::ranges::find(report.sets, SetRole::held_out,
                                          [](const ReportedSet& s) { return s.role; });
  const MethodSummary* best = nullptr;
  double highest = -1;
  for (const MethodSummary& method : methods) {
    if (method.kind != RowKind::ft || !is_plain_ft(method)) continue;
    double mean = 0;
    if (held_out != report.sets.end())
      for (const ReportedModel* run : method.runs)
        mean += value_on(*run, held_out->name, report.sets).value_or(0) /
                static_cast<double>(method.runs.size());
    if (mean > highest) highest = mean, best = &method;
  }
  return best;
}

std::string points(double share) { return (share > 0 ? "+" : "") + fixed(100 * share, 1); }

std::string between(const std::optional<Interval>& interval) {
  return interval ? points(interval->low) + " to " + points(interval->high) : "-";
}

std::string p_values(const std::vector<double>& values) {
  std::string text;
  for (const double p : values) text += (text.empty() ? "" : ", ") + significant(p, 2);
  return text.empty() ? "-" : text;
}

}  // namespace

MethodComparison compare_sides(const Side& first, const Side& second,
                               const std::vector<ReportedSet>& sets) {
  return Comparing(first, second, sets).run();
}

bool is_plain_ft(const MethodSummary& method) {
  return method.method == "ft" || method.method == "ft-live" || method.method == "ft-frozen";
}

std::vector<MethodComparison> compare_methods(const RunReport& report, const RightOf& right) {
  const std::vector<MethodSummary> methods = summarise(report);
  const MethodSummary* reference = best_ft(methods, report);
  std::vector<MethodComparison> comparisons;
  const auto add = [&](const MethodSummary& a, const MethodSummary& b) {
    comparisons.push_back(
        compare_sides({a.name, a.runs, right}, {b.name, b.runs, right}, report.sets));
  };
  for (const MethodSummary& method : methods) {
    const bool plain = method.kind == RowKind::ft && is_plain_ft(method);
    if (plain || method.kind == RowKind::lpft)
      for (const MethodSummary& other : methods)
        if (other.kind == RowKind::lp) add(method, other);
    if (method.kind == RowKind::lpft) {
      for (const MethodSummary& other : methods)
        if (other.kind == RowKind::ft && is_plain_ft(other)) add(method, other);
    } else if (reference && method.kind == RowKind::ft && &method != reference) {
      add(method, *reference);
    }
  }
  return comparisons;
}

TitledTable comparison_table(const std::vector<MethodComparison>& comparisons) {
  TitledTable table{
      .title = "",
      .columns = {"difference", "set", "points", "seeds", "90 % (seeds)", "95 % (seeds)",
                  "95 % (pictures)", "McNemar p"},
      .rows = {},
      .names = 2,
      .note =
          "Accuracy of the first less that of the second, in points. 90 % and 95 % (seeds): "
          "Student's t over the differences seed by seed; the finite number of pictures is not in "
          "it. 95 % (pictures): bootstrap over the pictures of the mean over the seeds; the "
          "spread between seeds beyond those that were run is not in it. McNemar p: exact, two-"
          "sided, one a pair of seeds; of the exact permutation test over pictures where rows are "
          "copies of one. Many comparisons are made: one in twenty at 95 % is "
          "expected to miss 0 by chance."};
  for (const MethodComparison& comparison : comparisons)
    for (const SetComparison& set : comparison.sets)
      table.rows.push_back({comparison.first + " - " + comparison.second,
                            set.set.empty() ? "mean OOD" : set.set, points(set.difference),
                            std::to_string(comparison.seeds.size()), between(set.seeds90),
                            between(set.seeds95), between(set.pictures95), p_values(set.mcnemar)});
  return table;
}

}  // namespace stockpot
