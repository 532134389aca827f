#include "stockpot/merge/plan.h"

#include <algorithm>
#include <set>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/merge/depth.h"
#include "stockpot/merge/model_order.h"

namespace stockpot {
namespace {

using Kind = PlannedTensor::Kind;

std::string type_and_shape(const TensorView& tensor) {
  return std::string(row(tensor.dtype).safetensors) + " " + to_string(tensor.shape);
}

bool is_8_bit_float(Dtype dtype) {
  return row(dtype).floating && row(dtype).bits == 8 && dtype != Dtype::f8_e8m0;
}

class Planner {
 public:
  Planner(const std::vector<Checkpoint>& models, const Checkpoint* base, bool needs_base,
          const MergeOptions& options)
      : options_(options), needs_base_(needs_base) {
    if (models.empty()) throw UsageError("a merge needs at least one model");
    for (const Checkpoint& model : models) plan_.models.push_back(&model);
    plan_.base = base;
    plan_.shares = options.shares;
    weights_ = options.weights.empty() ? std::vector<double>(models.size(), 1.0) : options.weights;
    if (weights_.size() != models.size())
      throw UsageError(std::to_string(weights_.size()) + " weights for " +
                       std::to_string(models.size()) + " models");
    if (needs_base && base == nullptr)
      throw UsageError("this method needs the model that all were fine-tuned from: --base");
    for (const Checkpoint& model : models) plan_.keys.push_back(model_key(model));
    plan_.order = canonical_order(models, plan_.keys);
  }

  MergePlan plan() {
    std::set<std::string> names;
    for (const Checkpoint* model : plan_.models)
      for (const TensorView& tensor : model->tensors()) names.insert(tensor.name);
    for (const std::string& name : names) refuse_adapter(name);
    const std::vector<std::string> list(names.begin(), names.end());
    const std::vector<double> depth =
        options_.depth.empty() ? std::vector<double>(list.size()) : depths(list);
    for (std::size_t i = 0; i < list.size(); ++i) add(list[i], depth[i]);
    if (options_.container == Container::torch) keep_ties();
    add_notes();
    return std::move(plan_);
  }

 private:
  const Checkpoint& first() const { return *plan_.models.front(); }

  // mean(B) mean(A) is not mean(B A).
  void refuse_adapter(const std::string& name) const {
    for (const char* part : {".lora_A", ".lora_B", ".lora_embedding_"})
      if (name.find(part) != std::string::npos)
        throw FormatError(first().path(),
                          "tensor " + in_quotes(name) +
                              " belongs to a LoRA adapter, and averaging the factors is not "
                              "averaging the models: use lora soup, or lora merge first");
  }

  const GroupRule* rule_of(const std::string& name) const {
    for (const GroupRule& rule : options_.groups)
      if (rule.matches(name)) return &rule;
    return nullptr;
  }

  void add(const std::string& name, double depth) {
    const GroupRule* rule = rule_of(name);
    const GroupAction action = rule != nullptr ? rule->action : GroupAction::merge;
    const std::string group = rule != nullptr ? "group " + printable(rule->text) : "";
    switch (action) {
      case GroupAction::skip:
        plan_.skipped.emplace_back(name, group);
        return;
      case GroupAction::take_first:
        return copy(first().at(name), group);
      case GroupAction::take_best:
        if (!options_.best)
          throw UsageError(group + " needs to know the best model: give --best or --metrics");
        return copy(plan_.models[*options_.best]->at(name), group);
      case GroupAction::copy_base:
        if (plan_.base == nullptr) throw UsageError(group + " needs --base");
        return copy(plan_.base->at(name), group);
      case GroupAction::merge:
        break;
    }
    std::vector<const TensorView*> views;
    if (!find_all(name, views)) return;
    if (!row(views.front()->dtype).floating) return add_integers(name, views);
    if (is_running_mean(name) || is_running_variance(name)) {
      plan_.has_batchnorm = true;
      if (options_.batchnorm != BatchNormPolicy::mixed) return add_statistics(name, views);
    }
    add_merged(name, views, rule, depth);
  }

  // The tensor in every model. False when it is left out, as some lack it.
  bool find_all(const std::string& name, std::vector<const TensorView*>& views) {
    for (const Checkpoint* model : plan_.models) {
      const TensorView* view = model->find(name);
      if (view == nullptr) {
        if (!options_.intersection) missing(name, *model);
        plan_.skipped.emplace_back(name, "not in " + printable(model->path().native()));
        return false;
      }
      views.push_back(view);
      const TensorView& like = *views.front();
      if (view->shape != like.shape || row(view->dtype).floating != row(like.dtype).floating)
        throw FormatError(model->path(), "tensor " + in_quotes(name) + " is " +
                                             type_and_shape(*view) + ", in " +
                                             printable(first().path().native()) + " it is " +
                                             type_and_shape(like));
    }
    return true;
  }

  [[noreturn]] void missing(const std::string& name, const Checkpoint& without) const {
    for (const Checkpoint* model : plan_.models)
      if (model->find(name) != nullptr)
        throw FormatError(without.path(), "tensor " + in_quotes(name) + " of " +
                                              printable(model->path().native()) +
                                              " is missing (--intersection leaves such tensors "
                                              "out, --group decides one by one)");
    throw FormatError(without.path(), "tensor " + in_quotes(name) + " is missing");
  }

  // The type of the output: asked for, or the widest of the models.
  Dtype output_type(const std::string& name, const std::vector<const TensorView*>& views) {
    Dtype widest = views.front()->dtype;
    for (std::size_t i = 0; i < views.size(); ++i) {
      const Dtype dtype = views[i]->dtype;
      if (!can_be_averaged(dtype) && !(is_8_bit_float(dtype) && options_.dtype))
        throw FormatError(plan_.models[i]->path(),
                          "tensor " + in_quotes(name) + " has the type " +
                              std::string(row(dtype).safetensors) +
                              (is_8_bit_float(dtype)
                                   ? ": say what to write with --dtype"
                                   : ", which is not supported for averaging (known: F16, BF16, "
                                     "F32, F64; 8-bit floats with --dtype)"));
      // f16 and bf16 have values that the other lacks: f32 has both.
      if (dtype != widest) {
        mixed_types_ = true;
        const bool both_16 = row(dtype).bits == 16 && row(widest).bits == 16;
        widest = both_16 ? Dtype::f32 : row(dtype).bits > row(widest).bits ? dtype : widest;
      }
    }
    return options_.dtype.value_or(widest);
  }

  void copy(const TensorView& source, const std::string& why) {
    PlannedTensor tensor;
    tensor.kind = Kind::copied;
    const bool floating =
        row(source.dtype).floating && row(source.dtype).bits >= 16 && source.dtype != Dtype::c64;
    tensor.output = {source.name, floating && options_.dtype ? *options_.dtype : source.dtype,
                     source.shape, std::nullopt};
    tensor.sources = {&source};
    tensor.why = why;
    plan_.tensors.push_back(std::move(tensor));
  }

  void add_integers(const std::string& name, const std::vector<const TensorView*>& views) {
    const TensorView& like = *views.front();
    const TensorView* other = nullptr;
    std::size_t which = 0;
    for (std::size_t i = 1; i < views.size() && other == nullptr; ++i)
      if (views[i]->dtype != like.dtype || !std::ranges::equal(views[i]->bytes, like.bytes))
        other = views[which = i];
    const bool counter = is_batch_counter(name);
    if (other == nullptr) return copy(like, "integers, equal in all models");
    if (options_.integers == IntegerPolicy::first)
      return copy(like, "integers, of the first model");
    const bool largest = counter || options_.integers == IntegerPolicy::max;
    if (!largest || other->dtype != like.dtype)
      throw FormatError(plan_.models[which]->path(),
                        "integer tensor " + in_quotes(name) + " (" + type_and_shape(*other) +
                            ") differs from that of " + printable(first().path().native()) +
                            ": integers are never averaged (choose with --int-policy max or first, "
                            "or --group)");
    PlannedTensor tensor;
    tensor.kind = Kind::largest;
    tensor.output = {name, like.dtype, like.shape, std::nullopt};
    tensor.sources = views;
    tensor.why = counter ? "BatchNorm counters, the largest" : "integers, the largest";
    plan_.tensors.push_back(std::move(tensor));
  }

  void add_statistics(const std::string& name, const std::vector<const TensorView*>& views) {
    if (options_.batchnorm == BatchNormPolicy::keep)
      return copy(*views.front(), "BatchNorm statistics, of the first model");
    PlannedTensor tensor;
    tensor.kind = Kind::total_variance;
    tensor.output = {name, output_type(name, views), views.front()->shape, std::nullopt};
    tensor.why = "BatchNorm statistics, averaged";
    if (is_running_variance(name) && options_.batchnorm != BatchNormPolicy::average) {
      const std::string mean =
          name.substr(0, name.size() - std::string_view("running_var").size()) + "running_mean";
      for (const Checkpoint* model : plan_.models) {
        const TensorView* view = model->find(mean);
        if (view == nullptr || view->shape != tensor.output.shape)
          throw FormatError(model->path(), "BatchNorm's " + in_quotes(name) +
                                               " has no running_mean of the same shape beside it");
        tensor.sources.push_back(view);
      }
      tensor.why = "BatchNorm statistics, law of total variance";
    }
    tensor.sources.insert(tensor.sources.end(), views.begin(), views.end());
    plan_.tensors.push_back(std::move(tensor));
  }

  void add_merged(const std::string& name, const std::vector<const TensorView*>& views,
                  const GroupRule* rule, double depth) {
    PlannedTensor tensor;
    tensor.output = {name, output_type(name, views), views.front()->shape, std::nullopt};
    TensorJob& job = tensor.job;
    job.name = name;
    const std::vector<double>& weights =
        rule != nullptr && !rule->weights.empty() ? rule->weights : weights_;
    for (const std::size_t i : plan_.order) {
      job.models.push_back(views[i]);
      job.weights.push_back(weights[i]);
      job.origin.push_back(i);
    }
    job.scale = options_.depth.empty() ? options_.scale : at_depth(options_.depth, depth);
    if (rule != nullptr && rule->scale) job.scale = *rule->scale;
    if (needs_base_) {
      job.base = plan_.base->find(name);
      if (job.base == nullptr || job.base->shape != views.front()->shape)
        throw FormatError(
            plan_.base->path(),
            (job.base == nullptr
                 ? "the base lacks tensor " + in_quotes(name)
                 : "tensor " + in_quotes(name) + " is " + type_and_shape(*job.base)) +
                ", the models have " + type_and_shape(*views.front()) +
                " (a head that the base lacks: --head average is not possible, take-first is)");
    }
    tensor.why = rule != nullptr ? "group " + printable(rule->text) : "merged";
    plan_.tensors.push_back(std::move(tensor));
  }

  // Names that share a storage in every model go on sharing one.
  void keep_ties() {
    std::map<std::string, std::size_t> place;
    for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
      place.emplace(plan_.tensors[i].output.name, i);
    for (const std::vector<std::string>& group : first().ties()) {
      const bool everywhere = std::ranges::all_of(plan_.models, [&](const Checkpoint* model) {
        return std::ranges::find(model->ties(), group) != model->ties().end();
      });
      if (!everywhere || !place.contains(group.front())) continue;
      const std::size_t owner = place.at(group.front());
      for (const std::string& name : group) {
        if (!place.contains(name) || place.at(name) == owner) continue;
        PlannedTensor& tied = plan_.tensors[place.at(name)];
        // Groups may have decided otherwise for one of the names.
        if (tied.why != plan_.tensors[owner].why) continue;
        tied.output.tied_to = owner;
        tied.why = "tied to another tensor";
      }
    }
  }

  void add_notes() {
    if (mixed_types_ && !options_.dtype)
      plan_.notes.push_back("the models' types differ: each tensor takes the widest");
    if (!plan_.has_batchnorm || options_.batchnorm == BatchNormPolicy::keep) return;
    plan_.notes.push_back(
        options_.batchnorm == BatchNormPolicy::recompute
            ? "BatchNorm statistics are marked for recomputing: until then they are averages"
            : "BatchNorm statistics of merged models fit best when they are recomputed on data");
  }

  const MergeOptions& options_;
  bool needs_base_, mixed_types_ = false;
  std::vector<double> weights_;
  MergePlan plan_;
};

}  // namespace

std::uint64_t MergePlan::bytes_to_read() const {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (tensor.output.tied_to) continue;
    for (const TensorView* view : tensor.job.models) total += view->bytes.size();
    if (tensor.job.base != nullptr) total += tensor.job.base->bytes.size();
    for (const TensorView* view : tensor.sources) total += view->bytes.size();
  }
  return total;
}

std::uint64_t MergePlan::bytes_to_write() const {
  std::uint64_t total = 0;
  for (const PlannedTensor& tensor : tensors)
    if (!tensor.output.tied_to) total += bytes_of(tensor.output);
  return total;
}

std::map<std::string, std::size_t> MergePlan::counts() const {
  std::map<std::string, std::size_t> result;
  for (const PlannedTensor& tensor : tensors) ++result[tensor.why];
  return result;
}

MergePlan plan_merge(const std::vector<Checkpoint>& models, const Checkpoint* base,
                     bool method_needs_base, const MergeOptions& options) {
  return Planner(models, base, method_needs_base, options).plan();
}

}  // namespace stockpot
