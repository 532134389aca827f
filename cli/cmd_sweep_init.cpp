#include <iostream>
#include <map>
#include <set>

#include "cli/cmd_sweep.h"
#include "cli/terminal.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/recipe/resolved.h"
#include "stockpot/recipe/trials.h"

namespace stockpot::cli {
namespace {

const Json* setting(const Trial& trial, const std::string& key) {
  const Json* settings = trial.params.find("settings");
  return settings ? settings->find(key) : nullptr;
}

// The settings in which the trials differ; what they share is in the recipe.
std::vector<std::string> varied_settings(const std::vector<Trial>& trials) {
  std::vector<std::string> names;
  std::map<std::string, std::set<std::string>> values;
  for (const Trial& trial : trials) {
    const Json* settings = trial.params.find("settings");
    if (!settings) continue;
    for (const auto& [key, value] : settings->members()) {
      if (!values.contains(key)) names.push_back(key);
      values[key].insert(value.dump());
    }
  }
  std::erase_if(names, [&](const std::string& name) { return values[name].size() < 2; });
  return names;
}

void print_trials(const SweepPlan& plan) {
  const std::vector<std::string> names = varied_settings(plan.trials);
  std::vector<TextColumn> columns{{"trial"}, {"needs"}};
  for (const std::string& name : names) columns.push_back({printable(name), true, true});
  TextTable table(std::move(columns));
  for (const Trial& trial : plan.trials) {
    std::vector<std::string> cells{trial.id, join(trial.needs, ", ")};
    for (const std::string& name : names) {
      const Json* value = setting(trial, name);
      cells.push_back(!value               ? ""
                      : value->is_string() ? printable(value->as_string())
                      : value->is_number() && !value->is_integer()
                          ? significant(value->as_number(), 4)
                          : value->dump());
    }
    table.add(std::move(cells));
  }
  std::cout << table.text(static_cast<std::size_t>(terminal_width()));
}

Json plan_json(const SweepPlan& plan) {
  Json trials = Json::array();
  for (const Trial& trial : plan.trials) {
    Json needs = Json::array();
    for (const std::string& id : trial.needs) needs.push(id);
    trials.push(Json::object(
        {{"id", trial.id}, {"params", trial.params}, {"needs", needs}, {"cost", trial.cost}}));
  }
  return Json::object({{"schema_version", 1}, {"trials", trials}});
}

}  // namespace

int run_sweep_init(const SweepInitArgs& args, const CommandLine& line) {
  const Recipe recipe = Recipe::read(args.recipe, args.overrides);
  const SweepPlan plan = sweep_plan(recipe);
  if (!args.plan_only) {
    write_plan(args.out, plan);
    // With everything written out and its paths absolute: workers need no other file.
    write_file(args.out / "recipe.yaml", resolved_yaml(recipe));
  }
  if (line.json)
    std::cout << plan_json(plan).dump(2) << "\n";
  else if (args.plan_only)
    print_trials(plan);
  else
    std::cout << printable(args.out.string()) << ": " << plan.trials.size()
              << " trials; stockpot sweep run " << printable(args.out.string()) << "\n";
  return 0;
}

}  // namespace stockpot::cli
