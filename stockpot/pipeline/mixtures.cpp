#include "stockpot/pipeline/mixtures.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/eval/batch_statistics.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/merge/average.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/finite.h"
#include "stockpot/merge/integers.h"
#include "stockpot/merge/kernels.h"
#include "stockpot/merge/statistics.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Kind = PlannedTensor::Kind;

// How a tile of a mixture is computed: by the method that `average` or `interpolate` would use
// where the weights are theirs, so that what is looked at is what they write.
class Formula {
 public:
  explicit Formula(std::span<const double> weights) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      members_.push_back(i);
      weights_.push_back(weights[i]);
    }
    const auto count = static_cast<double>(members_.size());
    const bool equal = std::ranges::all_of(weights_, [&](double w) { return w == weights_[0]; });
    if (members_.size() == 2 && weights_[0] == 1 - weights_[1])
      method_ = interpolation_method();
    else if (equal && std::abs(count * weights_[0] - 1) < 1e-12)
      method_ = average_method();
    if (!equal) shares_ = shares_of(weights_);
  }

  const std::vector<std::size_t>& members() const { return members_; }
  const std::vector<double>& shares() const { return shares_; }
  // Whether a model is subtracted.
  bool outside() const {
    return std::ranges::any_of(weights_, [](double weight) { return weight < 0; });
  }

  // The members of a job over all models.
  TensorJob job(const TensorJob& all) const {
    TensorJob job;
    job.name = all.name;
    for (std::size_t i = 0; i < all.models.size(); ++i) {
      const auto place = std::ranges::find(members_, all.origin[i]);
      if (place == members_.end()) continue;
      const auto member = static_cast<std::size_t>(place - members_.begin());
      job.models.push_back(all.models[i]);
      job.weights.push_back(weights_[member]);
      job.origin.push_back(member);
    }
    job.scale = weights_.back();
    return job;
  }

  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const {
    if (method_)
      method_->fill(job, first, out);
    else
      fill_combination(job, job.weights, first, out);
  }

 private:
  std::vector<std::size_t> members_;
  std::vector<double> weights_, shares_;  // shares: empty when they are equal
  std::unique_ptr<MergeMethod> method_;
};

// Of one kind of statistics or several, those of the members.
std::vector<const TensorView*> members_of(const std::vector<const TensorView*>& sources,
                                          std::size_t models,
                                          const std::vector<std::size_t>& members) {
  std::vector<const TensorView*> views;
  for (std::size_t begin = 0; begin < sources.size(); begin += models)
    for (const std::size_t i : members) views.push_back(sources[begin + i]);
  return views;
}

void check_alike(const ModelFolder& first, const ModelFolder& folder) {
  require_same_labels(first, folder);
  if (folder.architecture.index() != first.architecture.index())
    throw FormatError(folder.path, "is of another architecture than " +
                                       printable(first.path.string()) +
                                       ": only models of one architecture can be mixed");
  if (!(folder.preprocessing == first.preprocessing))
    throw FormatError(folder.path, "prepares pictures otherwise than " +
                                       printable(first.path.string()) +
                                       " (size, crop, interpolation, mean or std): their mixtures "
                                       "would see inputs that one of them does not know");
}

}  // namespace

struct Mixtures::State {
  std::vector<ModelFolder> folders;
  std::vector<Checkpoint> checkpoints;
  std::vector<NamedSet> sets;
  MixtureOptions options;
  Progress& progress;
  MergePlan plan;
  std::optional<Classifier> model;
  std::vector<double> weights;  // that the model has; empty: none yet

  std::vector<OwnedTensor> mix(std::span<const double> w) const;
  OwnedTensor mix(const PlannedTensor& tensor, const Formula& formula) const;
  const TensorView& view(const PlannedTensor& tensor, std::size_t member) const {
    return plan.models[member]->at(tensor.output.name);
  }
  void check(std::span<const double> w) const;
  [[noreturn]] void refuse(const PlannedTensor& tensor, const Formula& formula, double value) const;
  void load(std::span<const double> w);
  EvalOptions eval_options(const std::string& what) const;
};

Mixtures::Mixtures(const std::vector<fs::path>& folders, std::vector<NamedSet> sets,
                   const MixtureOptions& options, Progress& progress) {
  if (folders.empty()) throw UsageError("a mixture needs a model");
  const bool recompute = options.batchnorm == BatchNormPolicy::recompute;
  if (recompute && options.pictures == nullptr)
    throw UsageError("measuring BatchNorm's statistics anew needs pictures");
  state_.reset(
      new State{{}, {}, std::move(sets), options, progress, MergePlan{}, std::nullopt, {}});
  State& state = *state_;
  for (const fs::path& path : folders) {
    state.folders.push_back(ModelFolder::open(path));
    check_alike(state.folders.front(), state.folders.back());
    state.checkpoints.push_back(open_weights(state.folders.back()));
  }
  for (const NamedSet& set : state.sets)
    if (set.set.classes() != state.folders.front().labels)
      throw UsageError("the set " + printable(set.name) +
                       " was not loaded with the labels of the models as its classes");
  MergeOptions merge;
  merge.batchnorm = options.batchnorm;
  state.plan = plan_merge(state.checkpoints, nullptr, false, merge);
}

Mixtures::~Mixtures() = default;

std::size_t Mixtures::models() const { return state_->folders.size(); }
const std::vector<NamedSet>& Mixtures::sets() const { return state_->sets; }
const std::vector<ModelFolder>& Mixtures::folders() const { return state_->folders; }
const std::vector<Checkpoint>& Mixtures::checkpoints() const { return state_->checkpoints; }
bool Mixtures::has_batchnorm() const { return state_->plan.has_batchnorm; }

void Mixtures::State::check(std::span<const double> w) const {
  if (w.size() != folders.size())
    throw UsageError(std::to_string(w.size()) + " weights for " + std::to_string(folders.size()) +
                     " models");
  bool any = false;
  for (const double weight : w) {
    if (!std::isfinite(weight)) throw UsageError("a weight of a mixture is not a finite number");
    any |= weight != 0;
  }
  if (!any) throw UsageError("all weights of a mixture are 0");
}

void Mixtures::State::refuse(const PlannedTensor& tensor, const Formula& formula,
                             double value) const {
  for (const std::size_t member : formula.members())
    if (count_not_finite(view(tensor, member)) > 0)
      throw FormatError(folders[member].path, "tensor " + in_quotes(tensor.output.name) +
                                                  " holds values that are NaN or Inf");
  throw FormatError("tensor " + in_quotes(tensor.output.name) + ": a value of the mixture, " +
                    significant(value, 3) + ", does not fit the type " +
                    std::string(row(tensor.output.dtype).safetensors));
}

OwnedTensor Mixtures::State::mix(const PlannedTensor& tensor, const Formula& formula) const {
  const OutputTensor& output = tensor.output;
  OwnedTensor result{output.name, output.dtype, output.shape,
                     std::vector<std::byte>(bytes_of(output))};
  const TensorJob job = tensor.kind == Kind::merged ? formula.job(tensor.job) : TensorJob{};
  const std::vector<const TensorView*> sources =
      tensor.kind == Kind::copied ? std::vector{&view(tensor, formula.members().front())}
                                  : members_of(tensor.sources, folders.size(), formula.members());
  if (tensor.kind == Kind::largest) {
    largest_integers(sources, 0, result.bytes);
    return result;
  }
  if (tensor.kind == Kind::copied && !row(output.dtype).floating) {
    std::ranges::copy(sources.front()->bytes, result.bytes.begin());
    return result;
  }
  parallel_for(
      element_count(output.shape), kTileElements, [&](std::int64_t begin, std::int64_t end) {
        TileBuffer buffer;
        const auto count = static_cast<std::size_t>(end - begin);
        const std::span values(buffer.data(), count);
        if (tensor.kind == Kind::merged)
          formula.fill(job, begin, values);
        else if (tensor.kind == Kind::copied)
          read_values(*sources.front(), begin, values);
        else
          total_variance(sources, formula.members().size(), formula.shares(), begin, values);
        // BatchNormPolicy::mixed outside of the models; total_variance() does the same.
        if (tensor.kind == Kind::merged && formula.outside() && is_running_variance(output.name))
          for (double& value : values) value = value < 0 ? 0 : value;
        const double largest = merge_kernels::largest_magnitude(values);
        if (!(largest < overflow_limit(output.dtype))) refuse(tensor, formula, largest);
        write_values(
            values, output.dtype,
            std::span(result.bytes)
                .subspan(byte_count(output.dtype, begin), byte_count(output.dtype, end - begin)));
      });
  return result;
}

std::vector<OwnedTensor> Mixtures::State::mix(std::span<const double> w) const {
  check(w);
  const Formula formula(w);
  std::vector<OwnedTensor> result;
  for (const PlannedTensor& tensor : plan.tensors) result.push_back(mix(tensor, formula));
  return result;
}

EvalOptions Mixtures::State::eval_options(const std::string& what) const {
  EvalOptions eval;
  eval.batch_size = options.batch_size;
  eval.bf16 = options.bf16;
  eval.on_batch = [this, what](std::int64_t done, std::int64_t total) {
    progress.status(what + ": " + grouped(done) + "/" + grouped(total));
  };
  return eval;
}

void Mixtures::State::load(std::span<const double> w) {
  if (model && std::ranges::equal(weights, w)) return;
  const std::vector<OwnedTensor> tensors = mix(w);
  if (!model) {
    model = Classifier::load(folders.front());
    model->to(options.device);
  }
  weights.clear();  // a failure half way leaves a model that nobody may take for another one
  model->load_state(tensors);
  model->evaluate();
  if (options.batchnorm == BatchNormPolicy::recompute)
    recompute_batch_statistics(*model, *options.pictures,
                               eval_options("measuring BatchNorm's statistics"));
  weights.assign(w.begin(), w.end());
}

std::vector<OwnedTensor> Mixtures::tensors(std::span<const double> weights) const {
  return state_->mix(weights);
}

Classifier& Mixtures::model(std::span<const double> weights) {
  state_->load(weights);
  return *state_->model;
}

Predictions Mixtures::on(std::span<const double> weights, std::size_t set) {
  state_->load(weights);
  const NamedSet& chosen = state_->sets.at(set);
  return predict(*state_->model, chosen.set, state_->eval_options(printable(chosen.name)));
}

std::vector<Predictions> Mixtures::on_all(std::span<const double> weights) {
  std::vector<Predictions> all;
  for (std::size_t set = 0; set < sets().size(); ++set) all.push_back(on(weights, set));
  return all;
}

}  // namespace stockpot
