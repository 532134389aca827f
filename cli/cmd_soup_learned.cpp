// soup learned: plan, start, learning, the soup mixed from the original files, scores.
#include "cli/cmd_soup_learned.h"

#include <iostream>
#include <set>

#include "cli/learned_output.h"
#include "cli/learned_start.h"
#include "cli/learned_text.h"
#include "cli/recipe_sets.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "cli/training_overlap.h"
#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/eval/feature_cache.h"
#include "stockpot/learned/learn.h"
#include "stockpot/merge/tiles.h"
#include "stockpot/model/runtime.h"
#include "stockpot/train/divergence.h"
#include "stockpot/train/identity.h"

namespace stockpot::cli {
namespace {

BatchNormPolicy policy_of(const std::string& word) {
  if (word == "average") return BatchNormPolicy::average;
  if (word == "keep") return BatchNormPolicy::keep;
  return word == "variance" ? BatchNormPolicy::variance : BatchNormPolicy::mixed;
}

std::uint64_t mapped_bytes(const LearnedArgs& args) {
  if (args.mapped == "0") return 0;
  const auto bytes = parse_bytes(args.mapped);
  if (!bytes)
    throw UsageError("--map " + printable(args.mapped) + " is no size; write 500MB or 8GiB");
  return *bytes;
}

class LearnedWork {
 public:
  LearnedWork(const LearnedArgs& args, const CommandLine& line, TerminalProgress& progress)
      : args_(args),
        line_(line),
        progress_(progress),
        device_(parse_device(line.device.value_or("cpu"))) {
    mapped_bytes(args);  // a wrong size is told before anything is read
    open_models();
    MergeOptions options;
    options.batchnorm = policy_of(args.batchnorm);
    plan_ = plan_merge(models_, nullptr, false, options);
  }

  int run();

 private:
  void open_models();
  void load_pictures();
  std::string plan_text() const;
  Json plan_json() const;
  Json identity() const;
  bool finished(const Json& identity);
  LearnedStart start(const Json& identity);
  LearnOptions options(const Json& identity) const;
  LearnedScore score(Classifier& model, const std::string& name, double beta) const;
  [[noreturn]] void explain_divergence(const Diverged& error) const;
  LearnResult learn_from(const LearnedStart& from, MixedModel& model, Coefficients& coefficients,
                         const Json& identity) const;
  void write_soup(const MixedModel& model, const Coefficients& coefficients) const;
  void add_notes(LearnedFacts& facts) const;
  Json learn_and_write(const Json& identity);
  void show(const Json& result) const;

  fs::path result_file() const { return args_.output / "result.json"; }
  fs::path model_folder() const { return args_.output / "model"; }
  fs::path state_folder() const { return args_.output / "state"; }
  fs::path start_file() const { return args_.output / "start.json"; }
  double learning_rate() const {
    const bool free = args_.form == "free";
    return args_.learning_rate.value_or(0.05 / (free ? static_cast<double>(models_.size()) : 1));
  }

  const LearnedArgs& args_;
  const CommandLine& line_;
  TerminalProgress& progress_;
  at::Device device_;
  std::vector<ModelFolder> folders_;
  std::vector<Checkpoint> models_;
  MergePlan plan_;
  std::vector<std::string> keys_, notes_;
  std::optional<HeldOut> held_out_;
};

void LearnedWork::open_models() {
  if (args_.models.size() < 2) throw UsageError("a soup needs two or more models");
  std::set<fs::path> seen;
  for (const fs::path& path : args_.models) {
    if (!seen.insert(path.lexically_normal()).second)
      throw UsageError(printable(path.native()) + " is given twice: name every model once");
    folders_.push_back(ModelFolder::open(path));
    require_same_labels(folders_.front(), folders_.back());
    open_weights(folders_.back());  // the tensors are those of the architecture
    models_.push_back(Checkpoint::open(path));
  }
}

void LearnedWork::load_pictures() {
  const std::vector<std::string>& classes = folders_.front().labels;
  held_out_.emplace(held_out_pictures(args_.recipe, args_.held_out, classes, notes_, progress_));
  if (!args_.recipe.empty() && args_.train.empty()) return;
  for (std::string& warning : overlap_warnings(
           args_.train, args_.models, *held_out_,
           "the models know them, and the weights learned on them are too sure", progress_)) {
    progress_.say("warning: " + warning);
    notes_.push_back(std::move(warning));
  }
}

Json LearnedWork::identity() const {
  Json keys = Json::array();
  for (const std::string& key : keys_) keys.push(key);
  Json chosen = Json::array();
  for (const fs::path& path : args_.chosen) chosen.push(path.lexically_normal().native());
  const std::string greedy =
      args_.greedy.empty() ? "" : sha256(Json::read(args_.greedy / "result.json").dump());
  return Json::object({{"models", std::move(keys)},
                       {"preprocessing", describe(folders_.front().preprocessing)},
                       {"held_out", held_out_->set.examples_hash()},
                       {"rows", args_.rows},
                       {"form", args_.form},
                       {"temperature", !args_.no_temperature},
                       {"optimizer", args_.learner},
                       {"learning_rate", learning_rate()},
                       {"epochs", args_.epochs},
                       {"iterations", args_.iterations},
                       {"batch", args_.batch},
                       {"seed", args_.seed},
                       {"start", args_.start},
                       {"chosen", std::move(chosen)},
                       {"greedy", greedy},
                       {"logits", args_.logits.native()},
                       {"bn", args_.batchnorm},
                       {"keep", args_.keep},
                       {"device", device_.is_cpu() ? "cpu" : "cuda"},
                       {"bf16", line_.bf16},
                       {"dtype", args_.written.dtype},
                       {"torch", torch_version()},
                       {"stockpot", std::string(kVersion)}});
}

std::string LearnedWork::plan_text() const {
  const Json plan = plan_json();
  const auto bytes = [&](const char* name) { return human_bytes(plan.find(name)->as_unsigned()); };
  const auto count = [&](const char* name) { return grouped(plan.find(name)->as_integer()); };
  return "soup learned of " + grouped(static_cast<std::int64_t>(models_.size())) +
         " models: " + count("coefficients") + " " + args_.form + " coefficients in " +
         count("rows") + " rows (" + args_.rows + "), from " + args_.start + "\nlearn  " +
         args_.learner + " on " + count("pictures") + " held-out pictures, " + count("steps") +
         (args_.learner == "adamw" ? " steps of " + grouped(args_.batch) : " passes at least") +
         "\nread   " + bytes("bytes_a_step") +
         " a step unless the models fit on the device\nmemory " + bytes("memory") +
         " for one model, its gradient and tiles, and what a batch needs\nwrite  " +
         printable(args_.output.native()) + "\n";
}

Json LearnedWork::plan_json() const {
  std::vector<std::string> names;
  std::uint64_t elements = 0, bytes = 0;
  for (const PlannedTensor& tensor : plan_.tensors) {
    if (tensor.kind != PlannedTensor::Kind::merged) continue;
    names.push_back(tensor.output.name);
    elements += static_cast<std::uint64_t>(element_count(tensor.output.shape));
    for (const TensorView* view : tensor.job.models) bytes += view->bytes.size();
  }
  const auto rows = static_cast<std::int64_t>(rows_of(names, *rows_from(args_.rows)).names.size());
  const std::int64_t pictures = held_out_->set.size();
  const bool adamw = args_.learner == "adamw";
  constexpr std::uint64_t kTiles = 60'000'000;
  return Json::object({{"schema_version", 1},
                       {"command", "soup learned"},
                       {"dry_run", true},
                       {"models", static_cast<std::int64_t>(models_.size())},
                       {"rows", rows},
                       {"coefficients", rows * static_cast<std::int64_t>(models_.size())},
                       {"pictures", pictures},
                       {"steps", adamw ? args_.epochs * ((pictures + args_.batch - 1) / args_.batch)
                                       : args_.iterations},
                       {"bytes_a_step", 2 * bytes},
                       {"memory", 8 * elements + kTiles}});
}

// Whether the output is there already. Throws UsageError when it is something else.
bool LearnedWork::finished(const Json& identity) {
  std::error_code ignored;
  const std::string shown = printable(args_.output.native());
  if (fs::exists(args_.output, ignored) && !fs::is_directory(args_.output, ignored))
    throw UsageError(shown + " exists and is no folder; name another output");
  if (!fs::exists(result_file(), ignored)) {
    if (fs::exists(args_.output, ignored) && !fs::is_empty(args_.output, ignored) &&
        !fs::exists(state_folder(), ignored) && !fs::exists(start_file(), ignored))
      throw UsageError(shown +
                       " exists and holds no learned soup to go on with; name another output");
    return false;
  }
  const Json result = Json::read(result_file());
  const Json* before = result.find("identity");
  if (before == nullptr || before->find("rows") == nullptr)
    throw UsageError(shown + " holds the result of another command; name another output");
  if (args_.written.overwrite) {  // a finished soup; one that was begun goes on
    for (const fs::path& path : {result_file(), start_file()}) fs::remove(path, ignored);
    fs::remove_all(state_folder(), ignored);
    return false;
  }
  const std::vector<std::string> differences = identity_differences(*before, identity);
  if (!differences.empty())
    throw UsageError(shown + " holds a soup that was learned otherwise: " +
                     join(differences, "; ") + "; --overwrite replaces it");
  return fs::exists(model_folder(), ignored);  // else it is made again
}

// Found once, so that a run that goes on does not run the models again.
LearnedStart LearnedWork::start(const Json& identity) {
  std::error_code ignored;
  if (fs::exists(start_file(), ignored)) {
    const Json saved = Json::read(start_file());
    const Json *before = saved.find("identity"), *start = saved.find("start");
    if (before != nullptr && start != nullptr && *before == identity)
      return LearnedStart::from_json(*start);
  }
  const LearnedStart start =
      find_start({args_, folders_, keys_, *held_out_, device_, line_.bf16, progress_});
  write_file(start_file(),
             Json::object({{"identity", identity}, {"start", start.to_json()}}).dump(2) + "\n");
  return start;
}

LearnOptions LearnedWork::options(const Json& identity) const {
  LearnOptions options;
  options.learner = *learner_from(args_.learner);
  options.learning_rate = learning_rate();
  options.epochs = static_cast<int>(args_.epochs);
  options.iterations = static_cast<int>(args_.iterations);
  options.batch_size = args_.batch;
  options.seed = args_.seed;
  options.folder = state_folder();
  options.every_seconds = args_.save_every;
  options.identity = identity;
  options.on_warning = [this](const std::string& text) { progress_.say("warning: " + text); };
  return options;
}

LearnedScore LearnedWork::score(Classifier& model, const std::string& name, double beta) const {
  EvalOptions eval;
  eval.bf16 = line_.bf16;
  eval.on_batch = [&](std::int64_t done, std::int64_t total) {
    progress_.status("scoring the " + name + ": " + grouped(done) + "/" + grouped(total));
  };
  Predictions predictions = predict(model, held_out_->set, eval);
  for (float& logit : predictions.logits)
    logit = static_cast<float>(beta * static_cast<double>(logit));
  return {name, negative_log_likelihood(predictions), accuracy(predictions)};
}

// A model with NaN or Inf is the likeliest reason: say which and where.
void LearnedWork::explain_divergence(const Diverged& error) const {
  for (const Checkpoint& model : models_) require_finite(model);
  throw Diverged(error);
}

LearnResult LearnedWork::learn_from(const LearnedStart& from, MixedModel& model,
                                    Coefficients& coefficients, const Json& identity) const {
  coefficients.start_from(from.alpha, from.beta);
  try {
    return learn(model, *held_out_, coefficients, options(identity), progress_);
  } catch (const Diverged& error) {
    explain_divergence(error);
  }
}

// The soup from the original files.
void LearnedWork::write_soup(const MixedModel& model, const Coefficients& coefficients) const {
  std::vector<std::vector<std::string>> names;
  for (const std::vector<std::size_t>& row : model.tensors_by_row()) {
    std::vector<std::string>& here = names.emplace_back();
    for (const std::size_t i : row) here.push_back(model.ingredients().tensors()[i].name);
  }
  write_learned(args_, coefficients.form(),
                group_words(coefficients.alpha(), models_.size(), names), model_folder(),
                progress_);
}

void LearnedWork::add_notes(LearnedFacts& facts) const {
  facts.notes = notes_;
  if (facts.learned.accuracy.correct < facts.uniform.accuracy.correct)
    facts.notes.push_back(
        "the learned soup gets fewer held-out pictures right than the uniform one: its loss was "
        "lowered, not its errors");
  if (facts.best && facts.learned.accuracy.correct < facts.best->accuracy.correct)
    facts.notes.push_back("the best single model gets more held-out pictures right");
}

Json LearnedWork::learn_and_write(const Json& identity) {
  MixedModelOptions how;
  how.rows = *rows_from(args_.rows);
  how.device = device_;
  how.bf16 = line_.bf16;
  how.keep = keep_from(args_.keep);
  how.mapped = mapped_bytes(args_);
  const LearnedStart from = start(identity);
  std::optional<MixedModel> model(std::in_place, folders_.front(), plan_, how);
  Coefficients coefficients(*form_from(args_.form), model->row_names().size(), models_.size(),
                            !args_.no_temperature);
  const LearnResult learned = learn_from(from, *model, coefficients, identity);
  write_soup(*model, coefficients);

  LearnedFacts facts;
  for (const fs::path& path : args_.models) facts.models.push_back(path.native());
  facts.keys = keys_;
  facts.rows = model->row_names();
  facts.elements = model->ingredients().sizes();
  facts.alpha = coefficients.alpha();
  facts.beta = coefficients.beta();
  facts.settings = Json::object({{"rows", args_.rows},
                                 {"form", args_.form},
                                 {"optimizer", args_.learner},
                                 {"learning_rate", learning_rate()},
                                 {"kept", std::string(name_of(model->keep()))}});
  facts.start = from.description;
  facts.identity = identity;
  facts.losses = learned.losses;
  facts.steps = learned.steps;
  facts.model = model_folder().native();
  model->set(std::vector<double>(facts.alpha.size(), 1 / static_cast<double>(models_.size())));
  facts.uniform = score(model->classifier(), "uniform soup", 1);
  model.reset();  // one model at a time
  Classifier written = Classifier::load(ModelFolder::open(model_folder()));
  written.to(device_);
  facts.learned = score(written, "learned soup", facts.beta);
  if (from.best)
    facts.best = LearnedScore{"best single: " + facts.models[*from.best],
                              from.best_loss > 0 ? std::optional(from.best_loss) : std::nullopt,
                              from.best_accuracy};
  add_notes(facts);
  return learned_json(facts);
}

void LearnedWork::show(const Json& result) const {
  if (line_.json)
    std::cout << result.dump(2) << "\n";
  else
    std::cout << learned_text(result, static_cast<std::size_t>(terminal_width()));
}

int LearnedWork::run() {
  load_pictures();
  if (args_.written.dry_run) {
    std::cout << (line_.json ? plan_json().dump(2) + "\n" : plan_text());
    return 0;
  }
  for (std::size_t i = 0; i < models_.size(); ++i) {
    progress_.status("reading model " + std::to_string(i + 1) + " of " +
                     std::to_string(models_.size()));
    keys_.push_back(content_hash(models_[i]));
  }
  const Json identity = this->identity();
  if (finished(identity)) {
    show(Json::read(result_file()));
    return 0;
  }
  progress_.say(std::string(trim(plan_text())));
  fs::create_directories(args_.output);
  const Json result = learn_and_write(identity);
  write_file(result_file(), result.dump(2) + "\n");
  std::error_code ignored;
  fs::remove_all(state_folder(), ignored);
  fs::remove(start_file(), ignored);
  show(result);
  return 0;
}

}  // namespace

int cmd_soup_learned(const LearnedArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  return LearnedWork(args, line, progress).run();
}

}  // namespace stockpot::cli
