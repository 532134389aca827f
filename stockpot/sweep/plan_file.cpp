#include "stockpot/sweep/plan_file.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/sweep/params_file.h"

namespace stockpot {
namespace {

constexpr const char* kFile = "sweep.json";
constexpr std::size_t kLongestId = 100;

bool is_plain_name(const std::string& id) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= kLongestId && id.front() != '.' && id.front() != '-' &&
         std::all_of(id.begin(), id.end(), plain);
}

const Json& need(const Json& json, const char* key) {
  if (const Json* value = json.find(key)) return *value;
  throw FormatError(std::string("no '") + key + "' in it");
}

double limited(double value, double low, double high) {
  if (!(value >= low && value <= high))
    throw FormatError(shortest(value) + " is out of range: " + shortest(low) + " to " +
                      shortest(high));
  return value;
}

double seconds_of(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::chrono::milliseconds milliseconds_of(const Json& seconds) {
  return std::chrono::milliseconds(std::llround(1000 * limited(seconds.as_number(), 0.001, 1e6)));
}

Json to_json(const Trial& trial) {
  Json needs = Json::array();
  for (const std::string& id : trial.needs) needs.push(id);
  return Json::object(
      {{"id", trial.id}, {"params", trial.params}, {"needs", needs}, {"cost", trial.cost}});
}

Trial trial_from(const Json& json) {
  Trial trial;
  trial.id = need(json, "id").as_string();
  trial.params = need(json, "params");
  for (const Json& id : need(json, "needs").items()) trial.needs.push_back(id.as_string());
  trial.cost = need(json, "cost").as_number();
  return trial;
}

void require_extension(const fs::path& sweep, const SweepPlan& there, const SweepPlan& plan) {
  for (const Trial& old : there.trials) {
    const auto same = std::find_if(plan.trials.begin(), plan.trials.end(),
                                   [&](const Trial& trial) { return trial.id == old.id; });
    const std::string problem =
        same == plan.trials.end()
            ? "trial " + old.id + " is there, absent here"
            : first_difference(to_json(old), Json::parse(to_json(*same).dump(), kFile));
    if (!problem.empty())
      throw UsageError(printable(sweep.string()) +
                       " holds another sweep: " + (same == plan.trials.end() ? "" : old.id + ": ") +
                       printable(problem) + "; name another folder");
  }
}

}  // namespace

void check_trials(const std::vector<Trial>& trials) {
  std::map<std::string, const Trial*> by_id;
  for (const Trial& trial : trials) {
    if (!is_plain_name(trial.id))
      throw UsageError("'" + printable(trial.id) + "' cannot be the id of a trial: letters, " +
                       "digits, '.', '_' and '-' make a folder's name everywhere");
    if (!by_id.emplace(trial.id, &trial).second)
      throw UsageError("two trials have the id " + trial.id);
  }
  for (const Trial& trial : trials)
    for (const std::string& id : trial.needs)
      if (!by_id.contains(id))
        throw UsageError("trial " + trial.id + " needs " + printable(id) + ", which is not there");
  // Each round settles the trials whose needs are settled; what is never settled is a circle.
  std::map<std::string, bool> settled;
  for (bool changed = true; changed;) {
    changed = false;
    for (const Trial& trial : trials) {
      if (settled[trial.id]) continue;
      const bool free = std::all_of(trial.needs.begin(), trial.needs.end(),
                                    [&](const std::string& id) { return settled[id]; });
      if (free) changed = settled[trial.id] = true;
    }
  }
  for (const Trial& trial : trials)
    if (!settled[trial.id]) throw UsageError("trial " + trial.id + " needs itself, in a circle");
}

void write_plan(const fs::path& sweep, const SweepPlan& plan) {
  check_trials(plan.trials);
  std::error_code error;
  const fs::path file = sweep / kFile;
  if (fs::exists(file, error)) require_extension(sweep, read_plan(sweep), plan);
  fs::create_directories(sweep / "runs", error);
  if (error) throw WriteError(sweep, "create", error.value());
  Json trials = Json::array();
  for (const Trial& trial : plan.trials) trials.push(to_json(trial));
  write_file(file, Json::object({{"schema_version", 1},
                                 {"stockpot", kVersion},
                                 {"origin", plan.origin},
                                 {"retries", plan.retries},
                                 {"heartbeat_seconds", seconds_of(plan.heartbeat.every)},
                                 {"stale_seconds", seconds_of(plan.heartbeat.stale_after)},
                                 {"trials", trials}})
                           .dump(1) +
                       "\n");
}

SweepPlan read_plan(const fs::path& sweep) {
  const fs::path file = sweep / kFile;
  std::error_code error;
  if (!fs::exists(file, error))
    throw UsageError(printable(sweep.string()) +
                     " is no sweep (there is no sweep.json); make one with stockpot sweep init");
  const Json json = Json::read(file);
  try {
    SweepPlan plan;
    if (need(json, "schema_version").as_integer() != 1)
      throw FormatError("made by a newer stockpot: its schema_version is not 1");
    plan.origin = need(json, "origin");
    plan.retries = static_cast<int>(limited(need(json, "retries").as_number(), 0, 1e6));
    plan.heartbeat.every = milliseconds_of(need(json, "heartbeat_seconds"));
    plan.heartbeat.stale_after = milliseconds_of(need(json, "stale_seconds"));
    for (const Json& trial : need(json, "trials").items()) plan.trials.push_back(trial_from(trial));
    check_trials(plan.trials);
    return plan;
  } catch (const FormatError& problem) {
    throw FormatError(file, problem.what());
  } catch (const UsageError& problem) {
    throw FormatError(file, problem.what());
  }
}

}  // namespace stockpot
