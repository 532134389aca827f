#include "stockpot/evaluator/external.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/signals.h"
#include "stockpot/base/text.h"
#include "stockpot/evaluator/cached_score.h"
#include "stockpot/evaluator/failure.h"
#include "stockpot/evaluator/placeholders.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLargestResult = std::uint64_t{16} << 20;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json parse_result(const std::string& text, const std::string& where) {
  if (trim(text).empty()) throw EvaluatorFailure(where + " is empty");
  try {
    return Json::parse(text, where);
  } catch (const FormatError& error) {
    throw EvaluatorFailure(error.what());
  }
}

Json read_result(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) throw EvaluatorFailure("it wrote no result file");
  try {
    return parse_result(read_file(file, kLargestResult), "the result file");
  } catch (const FormatError& error) {
    throw EvaluatorFailure(error.what());
  }
}

// The end of what it printed: most often the reason.
std::string last_words(const fs::path& log) {
  std::string text;
  try {
    text = read_file(log, 2 * Child::kLogLimit);
  } catch (const FormatError&) {
    return "";
  }
  const std::string_view all = trim(text);
  const std::string_view line = all.substr(all.rfind('\n') + 1);
  return line.empty() ? "" : ": " + printable(line.substr(0, 200));
}

// A relative program would be looked for in the scratch folder.
void make_absolute(std::string& program) {
  const bool path = program.find('/') != std::string::npos;
  if (path && fs::path(program).is_relative()) program = fs::absolute(program).native();
}

}  // namespace

ExternalEvaluator::ExternalEvaluator(EvaluatorOptions options) : options_(std::move(options)) {
  if (options_.command.empty()) throw UsageError("--evaluator needs a command");
  if (!options_.metric.starts_with('/'))
    throw UsageError("the metric '" + printable(options_.metric) +
                     "' is no JSON pointer into the evaluator's result; write /metrics/NAME");
  make_absolute(options_.command.front());
  if (options_.serve)
    for (const std::string& word : options_.command)
      if (!placeholders_in(word).empty())
        throw UsageError("a persistent evaluator is told each model on its stdin: " +
                         placeholders_in(word).front() + " cannot be in its command");
  for (const std::string& line : options_.environment)
    if (line.find('=') == std::string::npos || line.starts_with('='))
      throw UsageError("--env " + printable(line) + ": write NAME=VALUE");
}

ExternalEvaluator::~ExternalEvaluator() {
  if (server_) server_->end(options_.grace);
}

bool ExternalEvaluator::wants_folder() const { return any_has(options_.command, "{model_dir}"); }

bool ExternalEvaluator::wants_file() const { return any_has(options_.command, "{model_file}"); }

Json ExternalEvaluator::description() const {
  Json command = Json::array(), environment = Json::array();
  for (const std::string& word : options_.command) command.push(word);
  for (const std::string& line : options_.environment) environment.push(line);
  return Json::object({{"protocol", 1},
                       {"command", std::move(command)},
                       {"environment", std::move(environment)},
                       {"metric", options_.metric},
                       {"result", options_.result_on_stdout ? "stdout" : "file"},
                       {"serve", options_.serve},
                       {"repeat", options_.repeat},
                       {"fingerprint", options_.fingerprint}});
}

fs::path ExternalEvaluator::cached(const EvaluatedModel& model) const {
  if (options_.cache.empty() || options_.fingerprint.empty() || model.hash.empty()) return {};
  return options_.cache / (sha256(description().dump() + "\n" + model.hash) + ".json");
}

ExternalScore ExternalEvaluator::score(const EvaluatedModel& model) {
  const fs::path cache = cached(model);
  if (auto known = read_score(cache)) {
    if (!rows_ || !known->n || *known->n == *rows_) return std::move(*known);
  }
  const Clock::time_point start = Clock::now();
  ExternalScore score;
  fs::create_directories(options_.folder);
  remove_leftovers(options_.folder);
  std::vector<ExternalResult> results;
  try {
    for (int seed = 0; seed < options_.repeat; ++seed)
      results.push_back(with_retries(model, seed, score));
    combine(results, score);
  } catch (const EvaluatorFailure& failure) {
    score.failure = failure.what();
  }
  score.seconds = since(start);
  if (score.failure.empty() && !cache.empty()) write_score(cache, score);
  return score;
}

void ExternalEvaluator::combine(const std::vector<ExternalResult>& results,
                                ExternalScore& score) const {
  const auto count = static_cast<double>(results.size());
  for (const ExternalResult& result : results) score.value += result.value / count;
  double squares = 0;
  for (const ExternalResult& result : results)
    squares += (result.value - score.value) * (result.value - score.value);
  if (results.size() > 1) score.deviation = std::sqrt(squares / (count - 1));
  const ExternalResult& first = results.front();
  // The mean of one is it: n * (x / n) may round.
  if (results.size() == 1) score.value = first.value;
  score.metrics = first.metrics;
  score.n = first.n;
  score.right = RightRows(first.per_example);
  if (results.size() == 1) score.counts = first.counts;
}

ExternalResult ExternalEvaluator::with_retries(const EvaluatedModel& model, int seed,
                                               ExternalScore& score) {
  const std::string name = file_stem_of(model) + (seed > 0 ? "-seed" + std::to_string(seed) : "");
  for (int again = 0;; ++again) {
    score.log =
        options_.folder / (name + (again > 0 ? "-again" + std::to_string(again) : "") + ".log");
    try {
      ++score.evaluations;
      return attempt(model, seed, score.log);
    } catch (const EvaluatorFailure& failure) {
      if (server_ && !server_->running()) server_.reset();
      // A program that should keep running and died is started once more in any case.
      if (again >= std::max(options_.retries, failure.died ? 1 : 0)) throw;
    }
  }
}

ExternalResult ExternalEvaluator::attempt(const EvaluatedModel& model, int seed,
                                          const fs::path& log) {
  const PendingFolder scratch(options_.folder / "scratch");  // never published: goes with us
  ExternalResult result = options_.serve ? ask(model, seed, log, scratch.path())
                                         : attempt_alone(model, seed, log, scratch.path());
  check_rows(result);
  if (!result.logits.empty())
    fs::copy_file(result.logits, fs::path(log).replace_extension(".logits.npy"),
                  fs::copy_options::overwrite_existing);
  return result;
}

void ExternalEvaluator::check_rows(const ExternalResult& result) {
  if (!result.n) return;
  if (rows_ && *rows_ != *result.n)
    throw EvaluatorFailure("it scored " + grouped(*result.n) + " examples, earlier models " +
                           grouped(*rows_) + ": score all of them on the same set");
  rows_ = result.n;
}

void ExternalEvaluator::wait_for(Child& child, const std::function<bool()>& done) const {
  const Clock::time_point start = Clock::now();
  while (child.running() && !done()) {
    if (stop_requested()) {
      child.end(options_.grace);
      throw Interrupted("stopped while an evaluator was running");
    }
    const double left = options_.timeout - since(start);
    if (left <= 0) {
      child.end(options_.grace);
      throw EvaluatorFailure("it ran longer than " + human_duration(options_.timeout) +
                             " and was ended (--timeout)");
    }
    child.listen(std::min(left, 1.0));
  }
}

ExternalResult ExternalEvaluator::attempt_alone(const EvaluatedModel& model, int seed,
                                                const fs::path& log, const fs::path& scratch) {
  const Places places{model, scratch / "result.json", seed};
  ChildOptions child_options;
  for (const std::string& word : options_.command)
    child_options.command.push_back(filled_in(word, places));
  child_options.environment = options_.environment;
  for (std::string& line : protocol_environment(places))
    child_options.environment.push_back(std::move(line));
  child_options.folder = options_.work_folder.empty() ? scratch : options_.work_folder;
  Child child(child_options, log);
  wait_for(child, [] { return false; });
  if (const std::string failure = child.failure(); !failure.empty())
    throw EvaluatorFailure(failure + last_words(log));
  const Json json = options_.result_on_stdout
                        ? parse_result(child.last_line(), "the last line of its output")
                        : read_result(places.result);
  return check_result(json, options_.metric, scratch);
}

ExternalResult ExternalEvaluator::ask(const EvaluatedModel& model, int seed, const fs::path& log,
                                      const fs::path& scratch) {
  const Places places{model, scratch / "result.json", seed};
  if (!server_ || !server_->running()) {
    ChildOptions child_options{
        options_.command, options_.environment,
        options_.work_folder.empty() ? options_.folder : options_.work_folder,
        /*talks=*/true};
    child_options.environment.emplace_back("STOCKPOT_EVALUATOR_PROTOCOL=1");
    server_ = std::make_unique<Child>(child_options, log);
  } else {
    server_->log_to(log);
  }
  const std::int64_t id = ++asked_;
  server_->say(request_line(id, places));
  std::optional<Json> reply;
  wait_for(*server_, [&] {
    // Programs also print other things: only a JSON object with our number is the answer.
    while (const auto line = server_->next_line()) {
      if (!trim(*line).starts_with('{')) continue;
      Json json = parse_result(*line, "its reply");
      if (const Json* number = json.find("id"); number && *number == Json(id)) reply = json;
    }
    return reply.has_value();
  });
  if (!reply) {
    const std::string failure = server_->failure();
    throw EvaluatorFailure("it ended without a reply, " +
                               (failure.empty() ? "exit status 0" : failure) + last_words(log),
                           /*program_died=*/true);
  }
  if (const Json* error = reply->find("error"); error != nullptr && !error->is_null())
    throw EvaluatorFailure("it replied with an error: " +
                           printable(error->is_string() ? error->as_string() : error->dump()));
  return check_result(reply->find("metrics") ? *reply : read_result(places.result), options_.metric,
                      scratch);
}

}  // namespace stockpot
