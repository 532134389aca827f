#include "cli/soup_text.h"

#include "cli/write_commands.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/base/version.h"
#include "stockpot/soup/evaluation_json.h"
#include "stockpot/soup/verdict.h"

namespace stockpot::cli {
namespace {

Json names_of(const SearchResult& result, const std::vector<std::size_t>& members) {
  Json names = Json::array();
  for (const std::size_t i : members) names.push(result.candidates[i].name);
  return names;
}

Json walk_json(const SearchResult& result, const Walk& walk) {
  Json ledger = Json::array();
  for (const LedgerEntry& entry : walk.ledger) ledger.push(entry.to_json());
  return Json::object({{"name", walk.name},
                       {"ingredients", names_of(result, walk.ingredients)},
                       {"held_out", brief(walk.held_out)},
                       {"ledger", std::move(ledger)}});
}

Json evaluations_json(const Scorebook::Counts& counts) {
  return Json::object({{"evaluated", counts.evaluated},
                       {"reused", counts.reused},
                       {"failed", counts.failed},
                       {"examples", counts.examples},
                       {"of", counts.of},
                       {"seconds", counts.seconds}});
}

Json duplicates_json(const SearchResult& result, const SoupFacts& facts) {
  Json list = Json::array();
  for (const Duplicates& group : find_duplicates(result.candidates, facts.keys))
    list.push(Json::object(
        {{"names", names_of(result, group.candidates)}, {"same_contents", group.same_contents}}));
  return list;
}

std::string mark_of(const LedgerEntry& entry) {
  if (entry.removal) return entry.accepted ? "out" : "kept";
  return entry.accepted ? "in" : "";
}

std::string after_text(const Evaluation& evaluation) {
  if (evaluation.failed()) return "-";
  return (evaluation.stopped ? "< " : "") + score_text(evaluation);
}

}  // namespace

Json soup_json(const SearchResult& result, const Scorebook& book, const SoupFacts& facts) {
  Json candidates = Json::array(), walks = Json::array();
  for (std::size_t i = 0; i < result.candidates.size(); ++i) {
    Json candidate = Json::object({{"name", result.candidates[i].name},
                                   {"content", facts.keys[i]},
                                   {"alone", brief(result.candidates[i].alone)}});
    if (!result.candidates[i].alone.failure.empty())
      candidate.set("failure", result.candidates[i].alone.failure);
    if (!result.candidates[i].alone.metrics.is_null())
      candidate.set("metrics", result.candidates[i].alone.metrics);
    candidates.push(std::move(candidate));
  }
  for (const Walk& walk : result.walks) walks.push(walk_json(result, walk));
  const Walk& soup = result.soup();
  const Json best = walk_json(result, soup);
  const Acceptances found = acceptances(result);
  Json optimism = nullptr;
  if (const auto estimate = split_half(result, facts.seed))
    optimism = Json::object({{"soups", static_cast<std::int64_t>(estimate->soups)},
                             {"splits", estimate->splits},
                             {"half", estimate->half},
                             {"whole", estimate->whole}});
  return Json::object(
      {{"schema_version", 1},
       {"stockpot", std::string(kVersion)},
       {"command", facts.command},
       {"method", facts.method},
       {"metric", facts.metric},
       {"direction", facts.rule.direction == Direction::maximize ? "maximize" : "minimize"},
       {"accept", facts.rule.accept == Accept::ties ? "ties" : "strict"},
       {"evaluator", facts.evaluator},
       {"held_out", *best.find("held_out")},
       {"ingredients", *best.find("ingredients")},
       {"ledger", *best.find("ledger")},
       {"candidates", std::move(candidates)},
       {"walks", std::move(walks)},
       {"evaluations", evaluations_json(book.counts())},
       {"acceptances", Json::object({{"total", found.total},
                                     {"tested", found.tested},
                                     {"below_noise", found.below_noise}})},
       {"optimism", std::move(optimism)},
       {"duplicates", duplicates_json(result, facts)},
       {"verdict", json_list(facts.sentences)},
       {"notes", json_list(facts.notes)},
       {"batchnorm", facts.batchnorm},
       {"output", facts.output.native()},
       {"model", facts.model.empty() ? Json(nullptr) : Json(facts.model.native())},
       {"ledger_file", facts.ledger.empty() ? Json(nullptr) : Json(facts.ledger.native())}});
}

std::string soup_text(const SearchResult& result, const SoupFacts& facts, std::size_t width) {
  TextTable table({{"", true},
                   {""},
                   {"model", false, true},
                   {"alone", true},
                   {"soup", true},
                   {"change"},
                   {"p", true},
                   {"angle", true},
                   {"looked at", true}});
  for (const LedgerEntry& entry : result.soup().ledger) {
    const Evaluation& after = entry.after;
    const bool seen = !entry.before.failed() && after.total > 0;
    table.add(
        {std::to_string(entry.rank), mark_of(entry), printable(entry.name), after_text(entry.alone),
         after_text(after), after.stopped ? "stopped early" : printable(entry.reason),
         entry.test ? significant(entry.test->p, 2) : "",
         after.geometry ? fixed(after.geometry->angle(), 1) : "",
         seen
             ? fixed(100.0 * static_cast<double>(after.examples) / static_cast<double>(after.total),
                     0) +
                   " %"
             : ""});
  }
  std::string text = table.text(width) + "\n";
  for (const std::string& sentence : facts.sentences) text += sentence + "\n";
  if (!facts.batchnorm_text.empty()) text += facts.batchnorm_text + "\n";
  for (const std::string& note : facts.notes) text += "Note: " + note + "\n";
  if (!facts.model.empty()) text += "Written to " + printable(facts.model.native()) + "\n";
  return text;
}

std::string entry_line(const LedgerEntry& entry) {
  const std::string word =
      entry.removal ? (entry.accepted ? "out  " : "kept ") : (entry.accepted ? "in   " : "out  ");
  std::string more;
  if (entry.test) more += "p " + significant(entry.test->p, 2);
  if (entry.after.geometry)
    more += (more.empty() ? "" : ", ") + fixed(entry.after.geometry->angle(), 0) + " degrees";
  return word + printable(entry.name) + ": " + printable(entry.reason) +
         (more.empty() ? "" : " (" + more + ")");
}

}  // namespace stockpot::cli
