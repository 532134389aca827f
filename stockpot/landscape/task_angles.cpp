#include "stockpot/landscape/task_angles.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/name_block.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/compare/gram.h"
#include "stockpot/landscape/correlation.h"
#include "stockpot/landscape/words.h"

namespace stockpot::landscape {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool is_parameter(const TensorView& tensor) {
  return row(tensor.dtype).floating && has_numbers(tensor.dtype) && !is_running_mean(tensor.name) &&
         !is_running_variance(tensor.name);
}

const TensorView& same_tensor(const Checkpoint& model, const TensorView& first) {
  const TensorView* found = model.find(first.name);
  if (found == nullptr) throw FormatError(model.path(), "has no tensor " + in_quotes(first.name));
  if (found->shape != first.shape)
    throw FormatError(model.path(), in_quotes(first.name) + " has the shape " +
                                        to_string(found->shape) + ", in the first model it is " +
                                        to_string(first.shape));
  return *found;
}

// A tensor that only some of the others have would be passed over in silence.
void require_same_names(const std::vector<Checkpoint>& models) {
  for (const Checkpoint& model : models)
    for (const TensorView& tensor : model.tensors())
      if (is_parameter(tensor) && models.front().find(tensor.name) == nullptr)
        throw FormatError(models.front().path(), "has no tensor " + in_quotes(tensor.name) +
                                                     ", which " + printable(model.path().string()) +
                                                     " has");
}

// The base's tensor, or nullptr when it belongs to a head that the base has otherwise.
const TensorView* base_tensor(const Checkpoint& base, const TensorView& tensor) {
  const TensorView* found = base.find(tensor.name);
  if (found != nullptr && found->shape == tensor.shape && is_parameter(*found)) return found;
  if (is_head(tensor.name)) return nullptr;
  if (found == nullptr)
    throw FormatError(base.path(), "the base has no tensor " + in_quotes(tensor.name));
  throw FormatError(base.path(), in_quotes(tensor.name) + " has the shape " +
                                     to_string(found->shape) + ", in the models it is " +
                                     to_string(tensor.shape));
}

void refuse_not_finite(const TensorGram& gram, const std::vector<Checkpoint>& models,
                       const std::string& name) {
  for (std::size_t i = 0; i < models.size(); ++i)
    if (gram.not_finite()[i] > 0)
      throw FormatError(models[i].path(), in_quotes(name) + " holds NaN or Inf (" +
                                              grouped(gram.not_finite()[i]) +
                                              " numbers): leave this model out");
}

void add_tensor(const TensorGram& gram, TaskGram& sums) {
  for (std::size_t i = 0; i < gram.models(); ++i)
    for (std::size_t j = 0; j < gram.models(); ++j) sums.add(i, j, gram.task_product(i, j));
  sums.add_base(gram.base_square());
}

AngleSpread spread_over(std::vector<double> angles) {
  std::erase_if(angles, [](double angle) { return std::isnan(angle); });
  if (angles.empty()) return {kNaN, kNaN, kNaN};
  std::ranges::sort(angles);
  const std::size_t n = angles.size();
  return {angles.front(), (angles[(n - 1) / 2] + angles[n / 2]) / 2, angles.back()};
}

}  // namespace

double TaskGram::norm(std::size_t i) const { return std::sqrt(std::max(0.0, product(i, i))); }

double TaskGram::cosine(std::size_t i, std::size_t j) const {
  if (!(product(i, i) > 0) || !(product(j, j) > 0)) return kNaN;
  if (i == j) return 1;
  return std::clamp(product(i, j) / (norm(i) * norm(j)), -1.0, 1.0);
}

double TaskGram::angle(std::size_t i, std::size_t j) const {
  return std::acos(cosine(i, j)) * 180 / std::numbers::pi;
}

double TaskGram::relative_norm(std::size_t i) const {
  return base_square_ > 0 ? norm(i) / std::sqrt(base_square_) : kNaN;
}

double TaskGram::soup_norm() const {
  double sum = 0;
  for (const double product : products_) sum += product;
  return std::sqrt(std::max(0.0, sum)) / static_cast<double>(models_);
}

void TaskGram::add(const TaskGram& other) {
  for (std::size_t i = 0; i < products_.size(); ++i) products_[i] += other.products_[i];
  base_square_ += other.base_square_;
}

TaskAngles task_angles(const std::vector<Checkpoint>& models, const Checkpoint& base,
                       const AngleOptions& options, Progress& progress) {
  if (models.size() < 2) throw UsageError("angles are between two or more models");
  TaskAngles angles;
  angles.base = base.path();
  for (const Checkpoint& model : models) angles.paths.push_back(model.path());
  angles.names = model_names(angles.paths);
  angles.whole = TaskGram(models.size());
  require_same_names(models);

  const auto before = [](const std::string& a, const std::string& b) { return natural_less(a, b); };
  std::map<std::string, TaskBlock, decltype(before)> blocks(before);
  std::vector<std::string> other_heads;
  std::size_t done = 0;
  for (const TensorView& first : models.front().tensors()) {
    progress.status("tensor " + std::to_string(++done) + " of " +
                    std::to_string(models.front().tensors().size()));
    const bool head = is_head(first.name);
    if (!is_parameter(first) || (head && !options.head)) continue;
    const TensorView* base_view = base_tensor(base, first);
    if (base_view == nullptr) {
      other_heads.push_back(in_quotes(first.name));
      continue;
    }
    std::vector<const TensorView*> views;
    for (const Checkpoint& model : models) views.push_back(&same_tensor(model, first));
    const TensorGram gram(views, base_view);
    refuse_not_finite(gram, models, first.name);
    TaskBlock& block = blocks[block_of(first.name)];
    if (block.elements == 0) block.gram = TaskGram(models.size());
    block.head = head;
    block.elements += element_count(first.shape);
    add_tensor(gram, block.gram);
  }
  for (auto& [name, block] : blocks) {
    block.name = name;
    angles.whole.add(block.gram);
    angles.elements += block.elements;
    angles.blocks.push_back(std::move(block));
  }
  if (angles.blocks.empty())
    throw FormatError(base.path(), "has no parameters in common with the models");
  if (!options.head) angles.notes.emplace_back("the head is left out");
  if (!other_heads.empty())
    angles.notes.push_back("the base has another head: left out " + join(other_heads, ", "));
  return angles;
}

AngleSpread spread(const TaskGram& gram) {
  std::vector<double> angles;
  for (std::size_t i = 0; i < gram.models(); ++i)
    for (std::size_t j = i + 1; j < gram.models(); ++j) angles.push_back(gram.angle(i, j));
  return spread_over(std::move(angles));
}

AngleSpread spread_of(const TaskGram& gram, std::size_t model) {
  std::vector<double> angles;
  for (std::size_t j = 0; j < gram.models(); ++j)
    if (j != model) angles.push_back(gram.angle(model, j));
  return spread_over(std::move(angles));
}

GainStudy study_gains(std::vector<std::string> sets, std::vector<PairGain> pairs,
                      std::size_t all_pairs) {
  GainStudy study{std::move(sets), std::move(pairs), all_pairs, {}, {}};
  for (std::size_t set = 0; set < study.sets.size(); ++set) {
    std::vector<double> angle, gain;
    for (const PairGain& pair : study.pairs) {
      angle.push_back(pair.angle);
      gain.push_back(pair.gains[set]);
    }
    study.rank.push_back(spearman(angle, gain));
    study.pearson.push_back(pearson(angle, gain));
  }
  return study;
}

std::vector<std::pair<std::size_t, std::size_t>> model_pairs(std::size_t models, std::size_t count,
                                                             std::uint64_t seed) {
  std::vector<std::pair<std::size_t, std::size_t>> all, chosen;
  for (std::size_t i = 0; i < models; ++i)
    for (std::size_t j = i + 1; j < models; ++j) all.emplace_back(i, j);
  if (count == 0 || count >= all.size()) return all;
  const std::vector<std::int64_t> order =
      random_order(static_cast<std::int64_t>(all.size()), seed, Purpose::subset);
  for (std::size_t place = 0; place < count; ++place)
    chosen.push_back(all[static_cast<std::size_t>(order[place])]);
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace stockpot::landscape
