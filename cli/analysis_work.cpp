#include "cli/analysis_work.h"

#include <algorithm>
#include <system_error>
#include <variant>

#include "cli/named_sets.h"
#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/tensor_role.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/landscape/words.h"
#include "stockpot/model/runtime.h"

namespace stockpot::cli {
namespace {

BatchNormPolicy policy_of(const std::string& name) {
  return name == "keep"        ? BatchNormPolicy::keep
         : name == "average"   ? BatchNormPolicy::average
         : name == "recompute" ? BatchNormPolicy::recompute
                               : BatchNormPolicy::variance;
}

// Whether all models have the first one's BatchNorm statistics, as after training with these
// frozen: their mixtures then have them too, whatever the weights.
bool same_statistics(const std::vector<fs::path>& models) {
  const Checkpoint first = Checkpoint::open(models.front());
  for (const fs::path& path : models) {
    const Checkpoint model = Checkpoint::open(path);
    for (const TensorView& tensor : first.tensors())
      if ((is_running_mean(tensor.name) || is_running_variance(tensor.name)) &&
          !std::ranges::equal(tensor.bytes, model.at(tensor.name).bytes))
        return false;
  }
  return true;
}

}  // namespace

AnalysisWork::AnalysisWork(const AnalysisRequest& request, const AnalysisSets& sets,
                           const AnalysisPlace& place, bool extrapolates, const CommandLine& line,
                           TerminalProgress& progress)
    : progress_(progress), batchnorm_(sets.batchnorm), bf16_(line.bf16) {
  if (request.models.empty()) throw UsageError("name the models to look at");
  const ModelFolder first = ModelFolder::open(request.models.front());
  const bool has_batchnorm = std::holds_alternative<ResNetConfig>(first.architecture);
  if (!has_batchnorm)
    batchnorm_ = "variance";
  else if (batchnorm_.empty())
    batchnorm_ = extrapolates && !same_statistics(request.models) ? "recompute" : "variance";
  loaded_ = load_named_sets(sets, first, progress);
  if (loaded_.empty()) throw UsageError("name a set to look at: --val, --id or --ood SOURCE");
  MixtureOptions options;
  options.device = parse_device(line.device.value_or("cpu"));
  cpu_ = options.device.is_cpu();
  options.bf16 = line.bf16;
  options.batchnorm = policy_of(batchnorm_);
  options.pictures = &loaded_.front().set;
  mixtures_ = std::make_unique<Mixtures>(request.models, loaded_, options, progress);
  names_ = landscape::model_names(request.models);
  if (!place.plan_only) open_ledger(request, place);
}

Json AnalysisWork::header(const AnalysisRequest& request) const {
  Json models = Json::array(), sets = Json::object({});
  for (const Checkpoint& model : mixtures_->checkpoints()) {
    progress_.status("hashing " + printable(model.path().string()));
    models.push(content_hash(model));
  }
  for (const NamedSet& set : mixtures_->sets()) sets.set(set.name, set.set.examples_hash());
  return Json::object({{"ledger", 1},
                       {"command", request.command},
                       {"models", models},
                       {"config", sha256(mixtures_->folders().front().config.dump())},
                       {"preprocessing", describe(mixtures_->folders().front().preprocessing)},
                       {"sets", sets},
                       {"batchnorm", batchnorm_},
                       {"device", cpu_ ? "cpu" : "cuda"},
                       {"bf16", bf16_},
                       {"settings", request.settings}});
}

void AnalysisWork::open_ledger(const AnalysisRequest& request, const AnalysisPlace& place) {
  if (place.out.empty()) return;
  std::error_code error;
  fs::create_directories(place.out, error);
  if (error) throw WriteError(place.out, "create the folder", error.value());
  const fs::path file = place.out / (request.command + ".jsonl");
  const Json wanted = header(request);
  try {
    ledger_ = std::make_unique<LedgerFile>(file, wanted, place.overwrite);
  } catch (const UsageError& refused) {
    // The flag that begins anew has another name here than where soups are searched for.
    std::string text = refused.what();
    if (const auto at = text.rfind("--rescore"); at != std::string::npos)
      text.replace(at, std::string("--rescore").size(), "--overwrite");
    throw UsageError(text);
  }
  if (ledger_->warning()) progress_.say("warning: " + *ledger_->warning());
  for (const Json& entry : ledger_->lines()) {
    const Json* name = entry.find("name");
    const Json* value = entry.find("value");
    if (name == nullptr || !name->is_string() || value == nullptr)
      throw FormatError(ledger_->path(), "holds a line that this command never wrote");
    known_[name->as_string()] = *value;
  }
  if (!known_.empty())
    progress_.say("going on: " + grouped(static_cast<std::int64_t>(known_.size())) +
                  " measurements are there");
}

std::vector<std::string> AnalysisWork::set_names() const {
  std::vector<std::string> names;
  for (const NamedSet& set : mixtures_->sets()) names.push_back(set.name);
  return names;
}

std::vector<std::string> AnalysisWork::plan() const {
  std::vector<std::string> lines = {"models " + std::to_string(names_.size())};
  for (const NamedSet& set : mixtures_->sets())
    lines.push_back("set    " + printable(set.name) + ", " + grouped(set.set.size()) + " pictures");
  for (const std::string& note : notes()) lines.push_back("note   " + note);
  return lines;
}

std::vector<std::string> AnalysisWork::notes() const {
  std::vector<std::string> notes;
  if (mixtures_->has_batchnorm())
    notes.push_back(batchnorm_ == "recompute"
                        ? "BatchNorm's statistics were measured anew at every point, on " +
                              printable(loaded_.front().name)
                        : "BatchNorm's statistics of means: " + batchnorm_);
  const std::string& head = mixtures_->folders().front().head_weight;
  const Dtype type = mixtures_->checkpoints().front().at(head).dtype;
  if (type == Dtype::f16 || type == Dtype::bf16)
    notes.push_back("means of models are rounded to the models' type, " +
                    std::string(row(type).safetensors) +
                    ": small differences between them are noise");
  return notes;
}

Json AnalysisWork::measured(const std::string& name, const std::function<Json()>& measure) {
  if (const auto found = known_.find(name); found != known_.end()) return found->second;
  if (stop_requested())
    throw Interrupted(ledger_ ? "stopped; the same command goes on from " +
                                    printable(ledger_->path().string())
                              : std::string("stopped"));
  Json value = measure();
  // As it will be read back: numbers that are not finite have become null.
  value = Json::parse(value.dump(), "measurement");
  if (ledger_) ledger_->append(Json::object({{"name", name}, {"value", value}}));
  known_[name] = value;
  return value;
}

}  // namespace stockpot::cli
