#include "cli/named_sets.h"

#include <algorithm>

#include "cli/recipe_sets.h"
#include "cli/sources.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {

std::vector<NamedSet> load_named_sets(const AnalysisSets& sets, const ModelFolder& model,
                                      Progress& progress) {
  for (const std::string& note : assumptions_about(model)) progress.say("note: " + note);
  std::vector<NamedSet> loaded;
  const auto add = [&](const std::string& name, SetRole role, DataSpec spec) {
    if (std::ranges::find(loaded, name, &NamedSet::name) != loaded.end())
      throw UsageError("two sets are called " + printable(name) + "; give one another name");
    spec.skip_unreadable = sets.skip_unreadable;
    LoadOptions options;
    options.classes = model.labels;
    progress.status("reading " + printable(name));
    loaded.push_back({name, role, ImageDataset::load(spec, options)});
    if (const std::int64_t skipped = loaded.back().set.skipped())
      progress.say(printable(name) + ": " + grouped(skipped) + " unreadable pictures left out");
  };
  if (!sets.recipe.empty()) {
    DataSets data = sets_of_recipe(sets.recipe, model.labels, progress);
    loaded.push_back({"val", SetRole::held_out, std::move(data.held_out.set)});
    for (TestSet& test : data.tests)
      loaded.push_back(
          {test.name, test.ood ? SetRole::ood : SetRole::id_test, std::move(test.set)});
  }
  if (!sets.train.empty()) add("train", SetRole::held_out, parse_sources(sets.train));
  if (!sets.held_out.empty()) add("val", SetRole::held_out, parse_sources(sets.held_out));
  if (!sets.id.empty()) add("id", SetRole::id_test, parse_sources(sets.id));
  for (const auto& [name, spec] : parse_named_sources(sets.ood)) add(name, SetRole::ood, spec);
  return loaded;
}

ImageDataset load_unlabelled(const std::vector<std::string>& sources, Progress& progress) {
  progress.status("reading the pictures for BatchNorm's statistics");
  return ImageDataset::load(parse_sources(sources), LoadOptions{});
}

std::size_t held_out_set(const std::vector<NamedSet>& sets, const std::string& why) {
  const auto place = std::ranges::find(sets, std::string("val"), &NamedSet::name);
  if (place == sets.end()) throw UsageError(why + " needs held-out pictures: --val SOURCE");
  return static_cast<std::size_t>(place - sets.begin());
}

std::vector<std::string> set_lines(const AnalysisSets& sets) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& name, const std::vector<std::string>& sources) {
    for (const std::string& source : sources)
      lines.push_back("read   " + name + " from " + printable(source));
  };
  if (!sets.recipe.empty())
    lines.push_back("read   the sets of " + printable(sets.recipe.string()));
  add("train", sets.train);
  add("val", sets.held_out);
  add("id", sets.id);
  add("ood", sets.ood);
  return lines;
}

}  // namespace stockpot::cli
