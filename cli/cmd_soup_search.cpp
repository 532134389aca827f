// soup greedy and soup prune without LibTorch: scored by a program of the user's, or by a table.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "cli/soup_work.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/data/csv.h"
#include "stockpot/soup/external_scorer.h"
#include "stockpot/soup/table_scorer.h"

namespace stockpot::cli {
namespace {

double parse_duration(const std::string& text) {
  constexpr std::pair<const char*, double> kUnits[] = {
      {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(trim(std::string_view(end, text.data() + text.size())));
  if (error == std::errc() && std::isfinite(value) && value > 0)
    for (const auto& [name, seconds] : kUnits)
      if (unit == name || (unit.empty() && seconds == 1)) return value * seconds;
  throw UsageError("--timeout " + printable(text) + " is no duration; write 90s, 15m or 2h");
}

fs::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  fs::path cache = variable("XDG_CACHE_HOME");
  if (cache.empty() && !variable("HOME").empty()) cache = variable("HOME") / ".cache";
  return cache.empty() ? fs::path() : cache / "stockpot" / "evaluations";
}

EvaluatorOptions evaluator_options(const SoupArgs& args, const SoupPlace& place) {
  const EvaluatorFlags& flags = args.evaluator;
  EvaluatorOptions options;
  options.command = flags.command;
  if (!args.metric.empty()) options.metric = args.metric;
  options.timeout = parse_duration(flags.timeout);
  options.retries = static_cast<int>(flags.retries);
  options.repeat = static_cast<int>(flags.repeat);
  options.environment = flags.environment;
  options.fingerprint = flags.fingerprint;
  options.serve = flags.serve;
  options.result_on_stdout = flags.result == "stdout";
  options.folder = fs::absolute(place.evaluations);
  if (!flags.work_folder.empty()) options.work_folder = fs::absolute(flags.work_folder);
  if (!flags.no_cache) options.cache = cache_folder();
  return options;
}

// The command runs in a folder of its own: words that name files here are most often mistakes.
std::vector<std::string> relative_files(const EvaluatorFlags& flags) {
  std::vector<std::string> found;
  if (!flags.work_folder.empty()) return found;
  for (std::size_t i = 1; i < flags.command.size(); ++i) {
    const fs::path word = flags.command[i];
    std::error_code ignored;
    if (word.is_relative() && fs::is_regular_file(word, ignored))
      found.push_back(printable(flags.command[i]));
  }
  return found;
}

int external(const SoupArgs& args, const CommandLine& line, Progress& progress) {
  const std::vector<fs::path> models = soup_models(args);
  if (args.output.empty()) throw UsageError("-o OUT is missing: where the soup is written");
  ExternalEvaluator evaluator(evaluator_options(args, soup_place(args)));
  OpenOptions look = args.open.options();
  look.data = false;
  ExternalScorerOptions options;
  choose_form(evaluator, Checkpoint::open(models.front(), look), options);
  options.source = models.front();
  options.stop_on_failure = args.evaluator.on_failure == "stop";
  SoupWork work(args, line, models, options.container, progress);
  options.place = candidate_place(work.mixer().bytes(), args.evaluator.scratch,
                                  fs::absolute(work.place().evaluations));
  ExternalScorer scorer(work.mixer(), evaluator, options);

  SoupJudge judge;
  judge.score = [&](const SoupRequest& request) {
    progress.status("scoring " + printable(request.name));
    return scorer(request);
  };
  judge.description = evaluator.description();
  judge.description.set("direction", args.minimize ? "minimize" : "maximize");
  judge.metric = args.metric.empty() ? "/metrics/accuracy" : args.metric;
  if (args.minimize) judge.direction = Direction::minimize;
  judge.plan = {"by     " + printable(join(args.evaluator.command, " ")),
                "place  candidates of " + human_bytes(work.mixer().bytes()) + " in " +
                    printable(options.place.folder.native()) +
                    (options.place.in_memory ? " (memory)" : "") + ", one at a time",
                "note   no early rejection: a program scores all its examples"};
  for (const std::string& word : relative_files(args.evaluator))
    judge.plan.push_back("note   the evaluator runs in a scratch folder, where " + word +
                         " is not: give its full path, or --workdir .");
  judge.on_book = [&](const Scorebook& book) {
    if (const auto rows = book.rows()) evaluator.expect_rows(*rows);
  };
  return work.run(judge);
}

std::string place_in(const CsvTable& table, const CsvTable::Row& row) {
  return printable(table.origin.native()) + ":" + std::to_string(row.line) + ": ";
}

double number_in(const CsvTable& table, const CsvTable::Row& row, std::size_t column) {
  const std::string& text = row.fields[column];
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw FormatError(place_in(table, row) + "'" + printable(text) + "' in column '" +
                      printable(table.header[column]) + "' is no number");
  return value;
}

std::int64_t count_in(const CsvTable& table, const CsvTable::Row& row, std::size_t column) {
  const double value = number_in(table, row, column);
  if (!(value >= 0 && value <= 9e15 && value == std::floor(value)))
    throw FormatError(place_in(table, row) + "'" + printable(row.fields[column]) + "' in column '" +
                      printable(table.header[column]) + "' is no count");
  return static_cast<std::int64_t>(value);
}

Accuracy counts_in(const CsvTable& table, const CsvTable::Row& row, std::size_t correct,
                   std::size_t total) {
  const Accuracy counts{count_in(table, row, correct), count_in(table, row, total)};
  if (counts.correct > counts.total)
    throw FormatError(place_in(table, row) + std::to_string(counts.correct) + " of " +
                      std::to_string(counts.total) + " right cannot be");
  return counts;
}

Evaluation evaluation_in(const CsvTable& table, const CsvTable::Row& row,
                         const std::string& metric) {
  Evaluation evaluation;
  const auto correct = table.find_column("correct"), total = table.find_column("total");
  if (metric.empty() && correct && total)
    evaluation = counts_in(table, row, *correct, *total);
  else
    evaluation.value =
        number_in(table, row, table.column(metric.empty() ? std::string("accuracy") : metric));
  evaluation.metrics = Json::object({});
  for (std::size_t i = 0; i < table.header.size(); ++i)
    if (table.header[i] != "ingredients" && table.header[i] != "model" && !row.fields[i].empty())
      evaluation.metrics.set(table.header[i], number_in(table, row, i));
  if (evaluation.failed()) evaluation.failure = "the table has no finite number for it";
  return evaluation;
}

// Names in the table: those of the models, by path, file name or stem; without models every
// single ingredient is one.
class TableNames {
 public:
  TableNames(const std::vector<fs::path>& models, const CsvTable& table, std::size_t column)
      : models_(models) {
    for (const fs::path& model : models) all.push_back(model.native());
    if (!models.empty()) return;
    for (const CsvTable::Row& row : table.rows)
      if (row.fields[column].find('+') == std::string::npos) all.push_back(row.fields[column]);
  }

  // `where`: the row, for messages. Throws FormatError for a word that means several models.
  std::string full(const std::string& word, const std::string& where) const {
    std::vector<std::string> found;
    for (const fs::path& model : models_) {
      if (word == model.native()) return word;
      const bool meant = word == model.filename().native() || word == model.stem().native();
      if (meant && std::ranges::find(found, model.native()) == found.end())
        found.push_back(model.native());
    }
    if (found.size() > 1)
      throw FormatError(where + "'" + printable(word) + "' may be " + printable(found[0]) + " or " +
                        printable(found[1]) + ": write the path");
    return found.empty() ? word : found.front();
  }

  std::vector<std::string> all;

 private:
  const std::vector<fs::path>& models_;
};

TableScorer read_scores(const CsvTable& table, const TableNames& names, std::size_t column,
                        const std::string& metric) {
  TableScorer scorer(names.all);
  for (const CsvTable::Row& row : table.rows) {
    std::vector<std::string> ingredients;
    for (const std::string& word : split(row.fields[column], '+'))
      ingredients.push_back(names.full(std::string(trim(word)), place_in(table, row)));
    if (!scorer.add(ingredients, evaluation_in(table, row, metric)))
      throw FormatError(place_in(table, row) + "'" + printable(row.fields[column]) +
                        "' names a model that is none of the candidates, or a soup that has a row "
                        "already");
  }
  return scorer;
}

int by_table(const SoupArgs& args, const CommandLine& line, Progress& progress) {
  const CsvTable table = read_csv(args.table);
  const std::size_t column = table.column("ingredients");
  std::vector<fs::path> models;
  if (!args.models.empty()) models = soup_models(args);
  const TableNames names(models, table, column);
  if (names.all.size() < 2) throw UsageError("a soup needs two or more models");
  const TableScorer scorer = read_scores(table, names, column, args.metric);

  SoupJudge judge;
  judge.score = [&](const SoupRequest& request) { return scorer(request); };
  judge.metric = args.metric.empty() ? "accuracy" : args.metric;
  // With its contents: scores of a ledger are not those of a table that was edited since.
  judge.description = Json::object({{"table", fs::absolute(args.table).native()},
                                    {"sha256", sha256(read_file(args.table))},
                                    {"metric", judge.metric},
                                    {"direction", args.minimize ? "minimize" : "maximize"}});
  if (args.minimize) judge.direction = Direction::minimize;
  judge.plan = {"by     the table " + printable(args.table.native())};
  if (models.empty()) return SoupWork(args, line, names.all, progress).run(judge);
  return SoupWork(args, line, models, Container::safetensors, progress).run(judge);
}

}  // namespace

int cmd_soup_search(const SoupArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  const bool program = !args.evaluator.command.empty();
  if (!args.logits.empty())
    throw UsageError("--logits needs our own models on pictures: --val SOURCE or --recipe RUN");
  if (program && !args.table.empty())
    throw UsageError("--evaluator and --table contradict each other: one of them scores");
  if (!program && args.table.empty())
    throw UsageError(
        "how soups are scored is missing: --val SOURCE, --evaluator CMD... or "
        "--table CSV");
  return program ? external(args, line, progress) : by_table(args, line, progress);
}

}  // namespace stockpot::cli
