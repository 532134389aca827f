// results.json back into numbers. The file may come from anywhere: every member is checked,
// and an error names the file and the place in it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/report/run_report.h"
#include "stockpot/report/words.h"

namespace stockpot {
namespace {

constexpr std::int64_t kSchema = 1;

// A value and where it stands, such as "models[3].scores[0].correct".
class Place {
 public:
  // `file` is for messages and outlives the place.
  Place(const Json& json, std::string where, const fs::path& file)
      : json_(json), where_(std::move(where)), file_(file) {}

  Place at(const char* key) const {
    const std::string place = where_.empty() ? key : where_ + "." + key;
    const Json* member = json_.find(key);
    if (!member) throw FormatError(file_, "'" + place + "' is missing");
    return {*member, place, file_};
  }

  // Members that came later than the first files; null is the same as none.
  std::optional<Place> maybe(const char* key) const {
    const Json* member = json_.find(key);
    if (!member || member->is_null()) return std::nullopt;
    return at(key);
  }
  const Json& json() const { return json_; }

  template <typename Read>
  auto list(const Read& read) const {
    if (!json_.is_array()) refuse("a list");
    std::vector<decltype(read(*this))> values;
    for (std::size_t i = 0; i < json_.items().size(); ++i) {
      values.push_back(
          read(Place(json_.items()[i], where_ + "[" + std::to_string(i) + "]", file_)));
    }
    return values;
  }

  std::string text() const {
    if (!json_.is_string()) refuse("text");
    return json_.as_string();
  }
  bool boolean() const {
    if (!json_.is_bool()) refuse("true or false");
    return json_.as_bool();
  }
  // Numbers that are not finite were written as null.
  double number() const {
    if (json_.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!json_.is_number()) refuse("a number");
    return json_.as_number();
  }
  std::int64_t integer(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) const {
    if (!json_.is_integer()) refuse("an integer");
    const std::int64_t value = json_.as_integer();
    if (value < least || value > most) {
      refuse("an integer from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
  }
  // The entry of a table of words whose `json` this is.
  template <typename Table>
  const auto& word(const Table& table) const {
    const std::string value = text();
    std::string known;
    for (const auto& entry : table) {
      if (entry.json == value) return entry;
      known += (known.empty() ? "'" : ", '") + std::string(entry.json) + "'";
    }
    refuse("one of " + known);
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    throw FormatError(
        file_, "'" + where_ + "' should be " + expected + ", found " + json_.dump().substr(0, 60));
  }

 private:
  const Json& json_;
  std::string where_;
  const fs::path& file_;
};

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr int kMostInt = std::numeric_limits<int>::max();

Accuracy read_counts(const Place& place) {
  const std::int64_t total = place.at("total").integer(0, kMost);
  return {place.at("correct").integer(0, total), total};
}

std::string read_text(const Place& place) { return place.text(); }

std::pair<std::string, std::string> read_pair(const Place& place) {
  return {place.at("name").text(), place.at("value").text()};
}

std::pair<std::string, Accuracy> read_part(const Place& place) {
  return {place.at("name").text(), read_counts(place)};
}

ReportedSet read_set(const Place& place) {
  return {place.at("name").text(), place.at("role").word(kRoles).role,
          place.at("rows").integer(0, kMost), place.at("skipped").integer(0, kMost)};
}

double read_number(const Place& place) { return place.number(); }

std::optional<Interval> read_interval(const Place& parent, const char* key) {
  const std::optional<Place> place = parent.maybe(key);
  if (!place) return std::nullopt;
  const std::vector<double> ends = place->list(read_number);
  if (ends.size() != 2) place->refuse("two numbers");
  return Interval{ends[0], ends[1]};
}

std::pair<std::string, SetScore> read_score(const Place& place) {
  return {place.at("set").text(),
          {read_counts(place), place.at("classes").list(read_part),
           place.at("groups").list(read_part), read_interval(place, "over_pictures")}};
}

ReportedModel read_model(const Place& place) {
  ReportedModel model;
  model.name = place.at("name").text();
  model.kind = place.at("kind").word(kKinds).kind;
  model.method = place.at("method").text();
  model.seed = place.at("seed").integer();
  model.inference_cost = static_cast<int>(place.at("inference_cost").integer(1, kMostInt));
  for (auto& [set, score] : place.at("scores").list(read_score)) model.scores[set] = score;
  model.choices = place.at("choices").list(read_pair);
  model.folder = place.at("folder").text();
  model.train_seconds = place.at("train_seconds").number();
  model.warnings = place.at("warnings").list(read_text);
  model.mean_ood_over_pictures = read_interval(place, "mean_ood_over_pictures");
  return model;
}

LedgerLine read_line(const Place& place) {
  LedgerLine line;
  line.rank = static_cast<int>(place.at("rank").integer(1, kMostInt));
  line.name = place.at("name").text();
  line.reason = place.at("reason").text();
  line.alone = read_counts(place.at("alone"));
  line.before = read_counts(place.at("before"));
  line.after = read_counts(place.at("after"));
  line.accepted = place.at("accepted").boolean();
  return line;
}

std::pair<std::int64_t, std::vector<LedgerLine>> read_ledger(const Place& place) {
  return {place.at("seed").integer(), place.at("lines").list(read_line)};
}

std::int64_t read_integer(const Place& place) { return place.integer(); }

SetComparison read_set_comparison(const Place& place) {
  SetComparison set;
  set.set = place.at("set").text();
  set.role = place.at("role").word(kRoles).role;
  set.difference = place.at("difference").number();
  set.seeds90 = read_interval(place, "seeds90");
  set.seeds95 = read_interval(place, "seeds95");
  set.pictures95 = read_interval(place, "pictures95");
  set.mcnemar = place.at("mcnemar").list(read_number);
  return set;
}

MethodComparison read_comparison(const Place& place) {
  return {place.at("first").text(), place.at("second").text(), place.at("seeds").list(read_integer),
          place.at("sets").list(read_set_comparison)};
}

std::vector<std::string> read_texts(const Place& place) { return place.list(read_text); }

TitledTable read_table(const Place& place) {
  TitledTable table;
  table.title = place.at("title").text();
  table.columns = place.at("columns").list(read_text);
  const Place rows = place.at("rows");
  table.rows = rows.list(read_texts);
  for (const std::vector<std::string>& row : table.rows)
    if (row.size() != table.columns.size()) rows.refuse("rows of a cell for each column");
  table.names = static_cast<std::size_t>(place.at("names").integer(0, kMostInt));
  table.note = place.at("note").text();
  return table;
}

Mechanism read_mechanism(const Place& place) {
  return {place.at("reading").list(read_text), place.at("tables").list(read_table),
          place.at("numbers").json()};
}

ProbePathPoint read_path_point(const Place& place) {
  return {place.at("c").number(), place.at("converged").boolean(), read_counts(place.at("train")),
          place.at("scores").list(read_counts)};
}

ReportedProbePath read_probe_path(const Place& place) {
  ReportedProbePath path;
  path.scaling = place.at("scaling").text();
  path.sets = place.at("sets").list(read_text);
  const Place points = place.at("points");
  path.points = points.list(read_path_point);
  for (const ProbePathPoint& point : path.points)
    if (point.scores.size() != path.sets.size()) points.refuse("points of a score for each set");
  path.chosen = static_cast<std::size_t>(place.at("chosen").integer(
      0, std::max<std::int64_t>(0, static_cast<std::int64_t>(path.points.size()) - 1)));
  return path;
}

GalleryPicture read_picture(const Place& place) {
  return {place.at("set").text(),          place.at("id").text(),
          place.at("label").text(),        place.at("predicted").text(),
          place.at("confidence").number(), place.at("png_base64").text()};
}

}  // namespace

RunReport report_from_json(const Json& json, const fs::path& file) {
  if (!json.is_object()) throw FormatError(file, "expected an object");
  const Place root(json, "", file);
  const std::int64_t schema = root.at("schema_version").integer();
  if (schema != kSchema) {
    throw FormatError(file, "schema_version is " + std::to_string(schema) +
                                ", this program reads " + std::to_string(kSchema));
  }
  RunReport report;
  report.title = root.at("title").text();
  report.model = root.at("model").text();
  report.seconds = root.at("seconds").number();
  report.classes = root.at("classes").list(read_text);
  report.sets = root.at("sets").list(read_set);
  report.models = root.at("models").list(read_model);
  report.accept_rule = root.at("accept_rule").text();
  report.ledgers = root.at("ledgers").list(read_ledger);
  report.gallery_model = root.at("gallery_model").text();
  report.gallery = root.at("gallery").list(read_picture);
  report.recipe = root.at("recipe").text();
  report.versions = root.at("versions").list(read_pair);
  report.notes = root.at("notes").list(read_text);
  if (const auto place = root.maybe("lost")) report.lost = place->list(read_text);
  if (const auto place = root.maybe("out_of_protocol")) report.out_of_protocol = place->text();
  if (const auto place = root.maybe("comparisons"))
    report.comparisons = place->list(read_comparison);
  if (const auto place = root.maybe("probe_path")) report.probe_path = read_probe_path(*place);
  if (const auto place = root.maybe("mechanism")) report.mechanism = read_mechanism(*place);
  return report;
}

Mechanism mechanism_from_json(const Json& json, const fs::path& file) {
  return read_mechanism(Place(json, "", file));
}

fs::path results_file(const fs::path& run) {
  const fs::path file = run / "results.json";
  std::error_code ignored;
  if (fs::exists(file, ignored)) return file;
  throw UsageError(printable(run.string()) +
                   " is not the folder of a finished run: it holds no results.json, which "
                   "`stockpot run` writes at its end");
}

RunReport read_report(const fs::path& run) {
  const fs::path file = results_file(run);
  return report_from_json(Json::read(file), file);
}

}  // namespace stockpot
