// soup learned: models and pictures, start, learning, the soup mixed from the original files,
// scores.
#include "cli/cmd_soup_learned.h"

#include <iostream>
#include <set>

#include "cli/learned_output.h"
#include "cli/learned_place.h"
#include "cli/learned_plan.h"
#include "cli/learned_settings.h"
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

namespace stockpot::cli {
namespace {

class LearnedWork {
 public:
  LearnedWork(const LearnedArgs& args, const CommandLine& line, TerminalProgress& progress)
      : args_(args),
        line_(line),
        progress_(progress),
        device_(parse_device(line.device.value_or("cpu"))),
        place_(args.output) {
    mixing_ = mixed_options(args, device_, line.bf16);  // tells of a wrong size before it reads
    open_models();
    MergeOptions options;
    options.batchnorm = policy_of(args);
    plan_ = plan_merge(models_, nullptr, false, options);
  }

  int run();

 private:
  void open_models();
  void load_pictures();
  Json identity() const;
  LearnedStart start(const Json& identity);
  LearnedScore score(Classifier& model, const std::string& name, double beta) const;
  [[noreturn]] void explain_divergence(const Diverged& error) const;
  LearnResult learn_from(const LearnedStart& from, MixedModel& model, Coefficients& coefficients,
                         const Json& identity) const;
  void write_soup(const MixedModel& model, const Coefficients& coefficients) const;
  void add_notes(LearnedFacts& facts) const;
  Json learn_and_write(const Json& identity);
  void show(const Json& result) const;

  const LearnedArgs& args_;
  const CommandLine& line_;
  TerminalProgress& progress_;
  at::Device device_;
  LearnedPlace place_;
  MixedModelOptions mixing_;
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
  held_out_.emplace(
      held_out_pictures(args_.recipe, args_.held_out, folders_.front(), notes_, progress_));
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
                       {"learning_rate", learning_rate_of(args_)},
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

LearnedStart LearnedWork::start(const Json& identity) {
  if (auto known = place_.start(identity)) return std::move(*known);
  const LearnedStart start =
      find_start({args_, folders_, keys_, *held_out_, device_, line_.bf16, progress_});
  place_.keep(start, identity);
  return start;
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
  LearnOptions options = learn_options(args_);
  options.folder = place_.state_folder();
  options.identity = identity;
  options.on_warning = [this](const std::string& text) { progress_.say("warning: " + text); };
  try {
    return learn(model, *held_out_, coefficients, options, progress_);
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
                group_words(coefficients.alpha(), models_.size(), names), place_.model_folder(),
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
  const LearnedStart from = start(identity);
  std::optional<MixedModel> model(std::in_place, folders_.front(), plan_, mixing_);
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
                                 {"learning_rate", learning_rate_of(args_)},
                                 {"kept", std::string(name_of(model->keep()))}});
  facts.start = from.description;
  facts.identity = identity;
  facts.losses = learned.losses;
  facts.steps = learned.steps;
  facts.model = place_.model_folder().native();
  model->set(std::vector<double>(facts.alpha.size(), 1 / static_cast<double>(models_.size())));
  facts.uniform = score(model->classifier(), "uniform soup", 1);
  model.reset();  // one model at a time
  Classifier written = Classifier::load(ModelFolder::open(place_.model_folder()));
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
  const Json plan = learned_plan(args_, plan_, held_out_->set.size());
  if (args_.written.dry_run) {
    std::cout << (line_.json ? plan.dump(2) + "\n" : learned_plan_text(args_, plan));
    return 0;
  }
  for (std::size_t i = 0; i < models_.size(); ++i) {
    progress_.status("reading model " + std::to_string(i + 1) + " of " +
                     std::to_string(models_.size()));
    keys_.push_back(content_hash(models_[i]));
  }
  const Json identity = this->identity();
  if (place_.finished(identity, args_.written.overwrite)) {
    show(Json::read(place_.result_file()));
    return 0;
  }
  progress_.say(std::string(trim(learned_plan_text(args_, plan))));
  fs::create_directories(args_.output);
  const Json result = learn_and_write(identity);
  place_.finish(result);
  show(result);
  return 0;
}

}  // namespace

int cmd_soup_learned(const LearnedArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  return LearnedWork(args, line, progress).run();
}

}  // namespace stockpot::cli
