#include "cli/soup_work.h"

#include <iostream>

#include "cli/merge_work.h"
#include "cli/model_choice.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/model_notes.h"
#include "stockpot/soup/class_names.h"
#include "stockpot/soup/verdict.h"

namespace stockpot::cli {
namespace {

std::string number(std::size_t count) { return grouped(static_cast<std::int64_t>(count)); }

AcceptRule rule_of(const SoupArgs& args, const SoupJudge& judge) {
  const bool strict = args.accept == "strict" || !args.compat.empty();
  return {strict ? Accept::strict : Accept::ties, judge.direction};
}

// What the numbers of a ledger depend on.
Json header_of(const SoupJudge& judge) {
  return Json::object({{"ledger", 1}, {"evaluator", judge.description}});
}

}  // namespace

std::vector<fs::path> soup_models(const SoupArgs& args) {
  MergeRequest request;
  request.command = "average";
  request.models = args.models;
  std::vector<fs::path> models = chosen_models(request);
  if (models.size() < 2) throw UsageError("a soup needs two or more models");
  return models;
}

SoupWork::SoupWork(const SoupArgs& args, const CommandLine& line, std::vector<std::string> names,
                   Progress& progress)
    : args_(args), line_(line), progress_(progress), names_(std::move(names)) {
  if (!args.output.empty()) place_ = soup_place(args);
  for (const std::string& name : names_) keys_.push_back("name:" + name);
}

SoupWork::SoupWork(const SoupArgs& args, const CommandLine& line, std::vector<fs::path> models,
                   Container container, Progress& progress)
    : args_(args), line_(line), progress_(progress), paths_(std::move(models)) {
  if (args.output.empty()) throw UsageError("-o OUT is missing: where the soup is written");
  place_ = soup_place(args);
  require_same_classes(paths_);
  for (const fs::path& path : paths_) {
    names_.push_back(path.native());
    models_.push_back(Checkpoint::open(path, args.open.options()));
  }
  if (!args.base.empty()) base_ = Checkpoint::open(args.base, args.open.options());
  plan_ = plan_soup(models_, container);
  mixer_ = std::make_unique<SoupMixer>(plan_, base_ ? &*base_ : nullptr);
}

const std::vector<std::string>& SoupWork::keys() {
  for (std::size_t i = keys_.size(); i < models_.size(); ++i) {
    progress_.status("reading model " + number(i + 1) + " of " + number(models_.size()));
    keys_.push_back(content_hash(models_[i]));
  }
  return keys_;
}

SearchOptions SoupWork::search_options(const SoupJudge& judge) const {
  SearchOptions options;
  options.rule = rule_of(args_, judge);
  options.later_first = !args_.compat.empty();
  if (args_.order == "random") options.order = WalkOrder::random;
  if (args_.order == "given") options.order = WalkOrder::given;
  options.seed = args_.seed;
  options.restarts = static_cast<int>(args_.restarts);
  options.prune = args_.prune;
  options.from_all = args_.method == "prune";
  options.stop_early = !args_.full;
  options.pictures = judge.pictures;
  options.on_alone = [this](const Candidate& candidate, std::size_t index) {
    progress_.say(printable(candidate.name) + ": " + score_text(candidate.alone) +
                  (candidate.alone.failed() ? ": " + printable(candidate.alone.failure) : "") +
                  " (" + number(index + 1) + " of " + number(names_.size()) + ")");
  };
  options.on_entry = [this](const LedgerEntry& entry) { progress_.say(entry_line(entry)); };
  return options;
}

std::string SoupWork::plan_text(const SoupJudge& judge) const {
  const std::size_t k = names_.size();
  std::string text = "soup " + args_.method + " of " + number(k) + " models by " + judge.metric +
                     (judge.direction == Direction::minimize ? ", smaller is better" : "") + "\n";
  if (mixer_) {
    std::uint64_t bytes = 0;
    for (const Checkpoint& model : models_) bytes += model.bytes();
    std::uint64_t elements = 0;
    for (const OutputTensor& tensor : mixer_->tensors())
      elements += static_cast<std::uint64_t>(element_count(tensor.shape));
    text += "read   " + human_bytes(bytes) + "; in memory " + human_bytes(8 * elements) +
            " for the sum\n";
  }
  const std::size_t walks = 1 + static_cast<std::size_t>(args_.restarts);
  text += "score  " + number(k) + " models alone and at most " + number(walks * (k - 1)) +
          " soups" + (args_.method == "prune" || args_.prune ? ", more for pruning" : "") + "\n";
  for (const std::string& line : judge.plan) text += line + "\n";
  for (const std::string& warning : judge.warnings) text += "warning: " + warning + "\n";
  if (!place_.output.empty())
    text += "write  " + printable(place_.output.native()) + ", ledger " +
            printable(place_.ledger.native()) + "\n";
  std::vector<const Checkpoint*> models;
  for (const Checkpoint& model : models_) models.push_back(&model);
  for (const std::string& note : notes_of_models(models)) text += "note   " + note + "\n";
  for (const std::string& note : plan_.notes) text += "note   " + note + "\n";
  return text;
}

// For the model, when a search that was killed left it without a result. In a folder of the search
// it can be nothing else; a file may be somebody's by now, unless it is this very soup.
void SoupWork::make_way(const SearchResult& result) const {
  std::error_code ignored;
  if (!place_.goes_on || !fs::exists(place_.model, ignored)) return;
  if (place_.folder || content_hash(Checkpoint::open(place_.model)) == result.soup().held_out.hash)
    fs::remove_all(place_.model);
}

void SoupWork::write_model(const SearchResult& result, const SoupJudge& judge, SoupFacts& facts) {
  std::vector<fs::path> chosen;
  for (const std::size_t i : result.soup().ingredients) chosen.push_back(paths_[i]);
  const std::string policy =
      judge.batchnorm ? judge.batchnorm(chosen, place_.model, facts) : args_.batchnorm;
  if (policy != "average")
    facts.notes.push_back(
        "soups were scored with averaged BatchNorm statistics, and written with "
        "others: " +
        (policy.empty() ? "recomputed" : policy));
  const auto add_type = [&] {
    if (args_.written.type())
      facts.notes.push_back("the soup was scored in the models' own type and written as " +
                            args_.written.dtype);
  };
  if (policy.empty()) return add_type();
  MergeRequest request = average_request(policy, place_.model, args_.written);
  request.open = args_.open;
  const Container usual = models_.front().format() == CheckpointFormat::safetensors
                              ? Container::safetensors
                              : Container::torch;
  const OutputPlace place = output_place(place_.model, chosen.front(), args_.written.container(),
                                         args_.written.overwrite, usual);
  const MergeWork work(request, chosen, std::nullopt, place.container);
  const Json manifest = write_merge(request, work, place, progress_);
  const std::string& scored = result.soup().held_out.hash;
  const std::string written = manifest.find("output")->find("hash")->as_string();
  if (!scored.empty() && scored != written && !args_.written.type() && policy == "average")
    facts.notes.push_back(
        "what was written differs in last bits from what was scored: some sums do not "
        "fit fp64");
  add_type();
}

void SoupWork::print_plan(const SoupJudge& judge) const {
  if (!line_.json) {
    std::cout << plan_text(judge);
    return;
  }
  std::cout << Json::object({{"schema_version", 1},
                             {"command", "soup " + args_.method},
                             {"dry_run", true},
                             {"models", static_cast<std::int64_t>(names_.size())},
                             {"evaluator", judge.description}})
                   .dump(2)
            << "\n";
}

std::unique_ptr<LedgerFile> SoupWork::open_ledger(const SoupJudge& judge) {
  if (place_.output.empty()) return nullptr;
  if (place_.folder) fs::create_directories(place_.output);
  auto file = std::make_unique<LedgerFile>(place_.ledger, header_of(judge), args_.rescore);
  if (file->warning()) progress_.say("warning: " + *file->warning());
  return file;
}

void SoupWork::publish(const SearchResult& result, const Scorebook& book, const SoupJudge& judge,
                       SoupFacts facts) {
  if (mixer_) {
    make_way(result);
    write_model(result, judge, facts);
    facts.model = place_.model;
  }
  const Json json = soup_json(result, book, facts);
  if (!place_.decisions.empty()) write_file(place_.decisions, json.find("ledger")->dump(2) + "\n");
  if (!place_.result.empty()) {
    write_file(place_.result, json.dump(2) + "\n");
    std::error_code ignored;
    fs::remove_all(place_.logits, ignored);  // they only put examples in order
  }
  if (line_.json)
    std::cout << json.dump(2) << "\n";
  else
    std::cout << soup_text(result, facts, static_cast<std::size_t>(terminal_width()));
}

int SoupWork::run(const SoupJudge& judge) {
  if (args_.recomputes() && !judge.batchnorm)
    throw UsageError("--bn " + args_.batchnorm + " needs our own models on pictures: --val SOURCE");
  if (args_.recomputes() && !place_.folder)
    throw UsageError("--bn " + args_.batchnorm +
                     " may write a model folder: name a folder with -o");
  if (line_.threads > 0) set_threads(static_cast<int>(line_.threads));
  if (args_.written.dry_run) {
    print_plan(judge);
    return 0;
  }
  progress_.say(std::string(trim(plan_text(judge))));
  keys();
  const std::unique_ptr<LedgerFile> file = open_ledger(judge);
  Scorebook book({names_, keys_, judge.score, file.get(), args_.retry_failed});
  if (judge.on_book) judge.on_book(book);
  const SearchResult result = search_soup(names_, book, search_options(judge));

  SoupFacts facts;
  facts.command = "soup " + args_.method;
  facts.method = args_.method;
  facts.metric = judge.metric;
  facts.rule = rule_of(args_, judge);
  facts.evaluator = judge.description;
  facts.keys = keys_;
  facts.seed = args_.seed;
  for (const std::string& warning : judge.warnings) facts.notes.push_back("warning: " + warning);
  facts.sentences = verdict(result, facts.rule, keys_, book, args_.seed);
  facts.output = place_.output;
  facts.ledger = place_.ledger;
  publish(result, book, judge, std::move(facts));
  return 0;
}

}  // namespace stockpot::cli
