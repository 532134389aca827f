#include "stockpot/base/text.h"
#include "stockpot/report/comparisons.h"
#include "stockpot/report/table.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

// Names may come from folders whose names are not UTF-8; JSON has to be.
Json text(const std::string& value) { return is_utf8(value) ? value : printable(value); }

Json counts(const Accuracy& accuracy) {
  return Json::object({{"correct", accuracy.correct}, {"total", accuracy.total}});
}

Json names(const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const std::string& value : values) list.push(text(value));
  return list;
}

Json pairs(const std::vector<std::pair<std::string, std::string>>& values) {
  Json list = Json::array();
  for (const auto& [name, value] : values) {
    list.push(Json::object({{"name", text(name)}, {"value", text(value)}}));
  }
  return list;
}

Json parts(const std::vector<std::pair<std::string, Accuracy>>& values) {
  Json list = Json::array();
  for (const auto& [name, accuracy] : values) {
    Json part = Json::object({{"name", text(name)}});
    part.set("correct", accuracy.correct);
    part.set("total", accuracy.total);
    list.push(std::move(part));
  }
  return list;
}

Json interval_json(const std::optional<Interval>& interval) {
  return interval ? Json(Json::Array{interval->low, interval->high}) : Json();
}

Json score_json(const std::string& set, const SetScore& score) {
  const Interval interval = score.interval();
  return Json::object({{"set", text(set)},
                       {"correct", score.accuracy.correct},
                       {"total", score.accuracy.total},
                       {"accuracy", score.accuracy.value()},
                       {"low95", interval.low},
                       {"high95", interval.high},
                       {"over_pictures", interval_json(score.over_pictures)},
                       {"classes", parts(score.classes)},
                       {"groups", parts(score.groups)}});
}

Json model_json(const ReportedModel& model, const RunReport& report) {
  Json scores = Json::array();
  for (const auto& [set, score] : model.scores) scores.push(score_json(set, score));
  return Json::object({{"name", text(model.name)},
                       {"kind", words(model.kind).json},
                       {"method", text(model.method)},
                       {"seed", model.seed},
                       {"inference_cost", model.inference_cost},
                       {"mean_ood", model.mean_ood(report.sets)},
                       {"mean_ood_over_pictures", interval_json(model.mean_ood_over_pictures)},
                       {"scores", std::move(scores)},
                       {"choices", pairs(model.choices)},
                       {"folder", text(model.folder)},
                       {"train_seconds", model.train_seconds},
                       {"warnings", names(model.warnings)}});
}

Json ledger_json(std::int64_t seed, const std::vector<LedgerLine>& lines) {
  Json list = Json::array();
  for (const LedgerLine& line : lines) {
    list.push(Json::object({{"rank", line.rank},
                            {"name", text(line.name)},
                            {"alone", counts(line.alone)},
                            {"before", counts(line.before)},
                            {"after", counts(line.after)},
                            {"accepted", line.accepted},
                            {"reason", text(line.reason)}}));
  }
  return Json::object({{"seed", seed}, {"lines", std::move(list)}});
}

// The rows of the table, for programs that want what a person sees.
Json summary_json(const RunReport& report) {
  const ResultTable table = result_table(report);
  Json rows = Json::array();
  for (const TableRow& row : table.rows) {
    Json columns = Json::array();
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const TableCell& cell = row.cells[c];
      Json column = Json::object({{"set", text(table.columns[c].set)},
                                  {"role", words(table.columns[c].role).json},
                                  {"accuracy", cell.value ? Json(*cell.value) : Json()}});
      column.set("low95", cell.interval ? Json(cell.interval->low) : Json());
      column.set("high95", cell.interval ? Json(cell.interval->high) : Json());
      column.set("low90", cell.interval90 ? Json(cell.interval90->low) : Json());
      column.set("high90", cell.interval90 ? Json(cell.interval90->high) : Json());
      columns.push(std::move(column));
    }
    rows.push(Json::object({{"name", text(row.name)},
                            {"kind", words(row.kind).json},
                            {"seeds", row.seeds},
                            {"inference_cost", row.cost},
                            {"columns", std::move(columns)}}));
  }
  return rows;
}

Json table_json(const TitledTable& table) {
  Json rows = Json::array();
  for (const std::vector<std::string>& row : table.rows) rows.push(names(row));
  return Json::object({{"title", text(table.title)},
                       {"columns", names(table.columns)},
                       {"rows", std::move(rows)},
                       {"names", static_cast<std::int64_t>(table.names)},
                       {"note", text(table.note)}});
}

Json gallery_json(const RunReport& report) {
  Json list = Json::array();
  for (const GalleryPicture& picture : report.gallery) {
    list.push(Json::object({{"set", text(picture.set)},
                            {"id", text(picture.id)},
                            {"label", text(picture.label)},
                            {"predicted", text(picture.predicted)},
                            {"confidence", picture.confidence},
                            {"png_base64", text(picture.png_base64)}}));
  }
  return list;
}

}  // namespace

Json to_json(const MethodComparison& comparison) {
  Json seeds = Json::array(), sets = Json::array();
  for (const std::int64_t seed : comparison.seeds) seeds.push(seed);
  for (const SetComparison& set : comparison.sets) {
    Json p = Json::array();
    for (const double value : set.mcnemar) p.push(value);
    sets.push(Json::object({{"set", text(set.set)},
                            {"role", words(set.role).json},
                            {"difference", set.difference},
                            {"seeds90", interval_json(set.seeds90)},
                            {"seeds95", interval_json(set.seeds95)},
                            {"pictures95", interval_json(set.pictures95)},
                            {"mcnemar", std::move(p)}}));
  }
  return Json::object({{"first", text(comparison.first)},
                       {"second", text(comparison.second)},
                       {"seeds", std::move(seeds)},
                       {"sets", std::move(sets)}});
}

Json to_json(const Mechanism& mechanism) {
  Json tables = Json::array();
  for (const TitledTable& table : mechanism.tables) tables.push(table_json(table));
  return Json::object({{"reading", names(mechanism.reading)},
                       {"tables", std::move(tables)},
                       {"numbers", mechanism.numbers}});
}

Json to_json(const RunReport& report) {
  Json sets = Json::array(), models = Json::array(), ledgers = Json::array();
  for (const ReportedSet& set : report.sets) {
    sets.push(Json::object({{"name", text(set.name)},
                            {"role", words(set.role).json},
                            {"rows", set.rows},
                            {"skipped", set.skipped}}));
  }
  for (const ReportedModel& model : report.models) models.push(model_json(model, report));
  for (const auto& [seed, lines] : report.ledgers) ledgers.push(ledger_json(seed, lines));

  Json json = Json::object({{"schema_version", 1}});
  json.set("title", text(report.title));
  json.set("model", text(report.model));
  json.set("seconds", report.seconds);
  json.set("classes", names(report.classes));
  json.set("sets", std::move(sets));
  json.set("summary", summary_json(report));
  json.set("models", std::move(models));
  json.set("accept_rule", text(report.accept_rule));
  json.set("ledgers", std::move(ledgers));
  json.set("gallery_model", text(report.gallery_model));
  json.set("gallery", gallery_json(report));
  json.set("recipe", text(report.recipe));
  json.set("versions", pairs(report.versions));
  json.set("out_of_protocol", text(report.out_of_protocol));
  Json comparisons = Json::array();
  for (const MethodComparison& one : report.comparisons) comparisons.push(to_json(one));
  json.set("comparisons", std::move(comparisons));
  json.set("mechanism", report.mechanism ? to_json(*report.mechanism) : Json());
  json.set("probe_path", report.probe_path ? to_json(*report.probe_path) : Json());
  json.set("notes", names(report.notes));
  json.set("lost", names(report.lost));
  return json;
}

}  // namespace stockpot
