#include "stockpot/diagnose/reading.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/diagnose/words.h"

namespace stockpot::diagnose {
namespace {

// Of few pictures, replicates without a picture leave an end of an interval unknown, too.
std::string points(double share) {
  return std::isfinite(share) ? (share > 0 ? "+" : "") + fixed(100 * share, 1) : "-";
}

std::string between(const PercentileInterval& interval) {
  return "95 % interval " + three(interval.low) + " to " + three(interval.high);
}

const DistortionSet& id_of(const Distortion& all) { return all.sets.front(); }

std::size_t sets_of(const Distortion& all, ShiftSize size) {
  std::size_t count = 0;
  for (std::size_t s = 1; s < all.sets.size(); ++s) count += shift_size(all, all.sets[s]) == size;
  return count;
}

// The paper's prediction about distances, set by set.
void read_prediction(const Distortion& all, std::size_t a, std::vector<std::string>& out) {
  std::string text;
  int agree = 0, disagree = 0, open = 0;
  for (std::size_t s = 1; s < all.sets.size(); ++s) {
    const SetMovement& moved = all.sets[s].movements[a];
    if (!moved.id_ratio) continue;
    const PercentileInterval& interval = moved.id_ratio_interval;
    const bool above = interval.above(1), below = interval.below(1);
    (above ? agree : below ? disagree : open) += 1;
    text += std::string(text.empty() ? "" : "; ") + three(*moved.id_ratio) + " times as far as " +
            all.sets[s].name + " (" + between(interval) + ")";
  }
  if (text.empty()) return;
  const int sets = agree + disagree + open;
  std::string verdict = " The paper predicts more than 1: ";
  if (agree == sets)
    verdict += "so it is here.";
  else if (disagree == sets)
    verdict += "here it is the other way round.";
  else
    verdict += "so it is on " + std::to_string(agree) + " of " + std::to_string(sets) +
               " OOD sets, the other way round on " + std::to_string(disagree) + ", open on " +
               std::to_string(open) + ".";
  out.push_back(all.models[a + 1] + ": ID features moved " + text + "." + verdict);
}

void read_movement(const Distortion& all, std::size_t a, std::vector<std::string>& out) {
  const SetMovement& id = id_of(all).movements[a];
  const std::string& name = all.models[a + 1];
  if (id.mean == 0) {
    out.push_back(name + " has the features of " + all.before() + " on ID, to the last bit.");
    return;
  }
  out.push_back(name + " moved the features of ID pictures by " + three(id.mean) + ", " +
                percent(id.over_norm) + " of their mean norm and " + three(id.over_spread) +
                " times the typical distance between two of them; linear CKA with before is " +
                fixed(id.cka, 3) + ".");
  read_prediction(all, a, out);
  std::string inside = percent(id.inside) + " of the squared movement on ID";
  for (std::size_t s = 1; s < all.sets.size(); ++s)
    inside += (s + 1 == all.sets.size() ? " and " : ", ") +
              percent(all.sets[s].movements[a].inside) + " on " + all.sets[s].name;
  out.push_back(
      name + ": " + inside + " lies inside the span of the ID features before, " +
      std::to_string(all.id_rank) + " of " + std::to_string(all.features) + " dimensions (" +
      percent(static_cast<double>(all.id_rank) / static_cast<double>(all.features)) + " of them" +
      (a == 0 ? "; the linear theory lets nothing move off the training span of the "
                "inputs, of which this is a relative, not the same)."
              : ")."));
  if (a == 0 || !id.to_first) return;
  std::string text = name + " moved ID features " + three(*id.to_first) + " times as far as " +
                     all.models[1] + " did (" + between(id.to_first_interval) + ")";
  for (std::size_t s = 1; s < all.sets.size(); ++s)
    if (const SetMovement& moved = all.sets[s].movements[a]; moved.to_first)
      text += "; " + all.sets[s].name + ": " + three(*moved.to_first);
  const bool live = all.statistics_changes[a + 1].value_or(0) > 0,
             first_live = all.statistics_changes[1].value_or(0) > 0;
  if (live != first_live)
    text += ". Only " + all.models[live ? a + 1 : 1] +
            " changed BatchNorm's running statistics, which moves features too: a part of the "
            "difference may come from that";
  out.push_back(text + ".");
}

void read_head(const Distortion& all, std::size_t a, std::vector<std::string>& out) {
  const std::string& name = all.models[a + 1];
  if (const auto& change = all.heads[a + 1].change)
    out.push_back(name + ": cosine of its head to that of " + all.before() + " is " +
                  fixed(change->cosine, 3) + ", the norm went from " +
                  three(all.heads.front().norm) + " to " + three(all.heads[a + 1].norm) + ".");
  std::string text;
  for (const DistortionSet& set : all.sets)
    text += (text.empty() ? "" : "; ") + set.name + " " +
            percent(set.models[a + 1].accuracy->share()) + " and " +
            percent(set.movements[a].head_on_before.share());
  out.push_back(name +
                ": accuracy with the features it trained, and of the same head on the "
                "features before: " +
                text + ". The gap is what its accuracy owes to moved features.");
}

// Accuracy of BEFORE, when it judges the same classes, against AFTER. A cause is named only with
// whether features and shift are read that way.
void read_gain(const Distortion& all, std::size_t a, std::vector<std::string>& out) {
  std::string text;
  bool lost = false, won = false;
  for (const DistortionSet& set : all.sets) {
    const SetMovement& moved = set.movements[a];
    if (!moved.gain) return;
    text += (text.empty() ? "" : "; ") + set.name + " " + points(*moved.gain) + " points (95 % " +
            points(moved.gain_interval.low) + " to " + points(moved.gain_interval.high) + ")";
    if (&set == &id_of(all)) continue;
    lost = lost || moved.gain_interval.below(0);
    won = won || moved.gain_interval.above(0);
  }
  text = all.models[a + 1] + " against " + all.before() + ": " + text + ".";
  const FeatureQuality quality = feature_quality(all);
  if (lost && !won)
    text += std::string(
                " Training the backbone cost accuracy out of distribution. The paper's "
                "reason is good features and a large shift, ") +
            (quality == FeatureQuality::good && sets_of(all, ShiftSize::far) > 0
                 ? "which is what the last lines find."
                 : "which is not what the last lines find: other causes are open.");
  if (won && !lost)
    text += std::string(
                " Training the backbone gained accuracy out of distribution. The paper's "
                "reasons are weak features or a small shift, ") +
            (quality == FeatureQuality::weak || sets_of(all, ShiftSize::near) > 0
                 ? "which is what the last lines find."
                 : "which is not what the last lines find: other causes are open.");
  out.push_back(text);
}

double best_id_accuracy(const Distortion& all) {
  double best = 0;
  for (std::size_t m = 0; m < all.models.size(); ++m)
    if (const auto& accuracy = id_of(all).models[m].accuracy)
      best = std::max(best, accuracy->share());
  return best;
}

// The rule that shows the features before at their best on ID: BEFORE's own head, if it is over
// these classes, or the nearest class mean.
bool head_shows_more(const Distortion& all) {
  const SetFeatures& before = id_of(all).models[0];
  return before.accuracy && before.accuracy->share() >= before.nearest_mean.share();
}

double shown(const Distortion& all, const DistortionSet& set) {
  const SetFeatures& before = set.models[0];
  return head_shows_more(all) ? before.accuracy->share() : before.nearest_mean.share();
}

std::string evidence(const Distortion& all) {
  const DistortionSet& id = id_of(all);
  std::string text =
      "On the features before, " +
      std::string(head_shows_more(all) ? "the head of " + all.before() : "the nearest class mean") +
      " gets " + percent(shown(all, id)) + " on ID";
  for (std::size_t s = 1; s < all.sets.size(); ++s)
    text += (s + 1 == all.sets.size() ? " and " : ", ") + percent(shown(all, all.sets[s])) +
            " on " + all.sets[s].name;
  return text + "; the best ID accuracy of these models is " + percent(best_id_accuracy(all)) +
         ", chance about " + percent(1 / static_cast<double>(all.classes)) + ".";
}

std::string shift_words(const Distortion& all) {
  std::string text;
  for (std::size_t s = 1; s < all.sets.size(); ++s) {
    const DistortionSet& set = all.sets[s];
    const ShiftSize size = shift_size(all, set);
    text += (text.empty() ? "" : ", ") + set.name + " " +
            (size == ShiftSize::far    ? "far"
             : size == ShiftSize::near ? "near"
                                       : "in between") +
            " (" + percent(1 - set.models[0].share_in_id_span) +
            " of its variance off the ID span, mean shifted by " + three(set.models[0].mean_shift) +
            ")";
  }
  return text;
}

void read_case(const Distortion& all, std::vector<std::string>& out) {
  out.push_back(evidence(all));
  const FeatureQuality quality = feature_quality(all);
  const std::string features = quality == FeatureQuality::good   ? "Features: good for this task"
                               : quality == FeatureQuality::weak ? "Features: weak for this task"
                                                                 : "Features: middling";
  const std::size_t far = sets_of(all, ShiftSize::far), near = sets_of(all, ShiftSize::near);
  std::string text = features + ". ";
  if (all.sets.size() > 1) text += "Shift: " + shift_words(all) + ". ";
  if (quality == FeatureQuality::weak)
    text +=
        "By the paper's argument this is more a case for FT than for LP: weak features have to "
        "move, and LP cannot move them. LP-FT still starts from a fitted head.";
  else if (all.sets.size() == 1)
    text += "Without an OOD set nothing can be said of the shift: give --ood.";
  else if (quality == FeatureQuality::good && far > 0)
    text +=
        "By the paper's argument this is a case for LP-FT: features worth keeping, and data "
        "off the training distribution that FT from a random head may lose. LP is the "
        "careful choice where ID accuracy matters less.";
  else if (quality == FeatureQuality::good && near == all.sets.size() - 1)
    text +=
        "A near shift gives the paper's argument against FT little to work on: FT and LP-FT "
        "may both do, and LP may leave ID accuracy behind.";
  else
    text += "No clear case: train LP, FT and LP-FT, and compare them.";
  out.push_back(text);
  out.push_back(
      "These words follow rules of thumb (docs/diagnose.md), not a test: distances and angles show "
      "what moved, not that it did harm. The accuracies decide, chosen on held-out ID data.");
}

}  // namespace

FeatureQuality feature_quality(const Distortion& distortion) {
  const double rule = shown(distortion, id_of(distortion));
  const double best = best_id_accuracy(distortion);
  if (rule < 0.5 * best) return FeatureQuality::weak;
  return rule >= 0.75 * best ? FeatureQuality::good : FeatureQuality::middling;
}

ShiftSize shift_size(const Distortion& distortion, const DistortionSet& set) {
  const double there = shown(distortion, set), here = shown(distortion, id_of(distortion));
  if (there < 0.75 * here) return ShiftSize::far;
  return there >= 0.9 * here ? ShiftSize::near : ShiftSize::moderate;
}

std::vector<std::string> reading(const Distortion& distortion) {
  std::vector<std::string> out;
  for (std::size_t a = 0; a < distortion.afters(); ++a) {
    read_movement(distortion, a, out);
    read_head(distortion, a, out);
    read_gain(distortion, a, out);
  }
  read_case(distortion, out);
  return out;
}

}  // namespace stockpot::diagnose
