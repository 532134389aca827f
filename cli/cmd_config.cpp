// config check, show, schema and presets: recipes, without running them.
#include <iostream>

#include "cli/commands.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/recipe.h"
#include "stockpot/recipe/resolved.h"
#include "stockpot/recipe/schema.h"
#include "stockpot/sweep/preset.h"

namespace stockpot::cli {
namespace {

int check(const ConfigArgs& args, const CommandLine& line) {
  const Recipe recipe = Recipe::read(args.recipe, args.overrides);
  if (line.json)
    std::cout << Json::object({{"schema_version", 1}, {"identity", recipe.identity()}}).dump(2)
              << "\n";
  else
    std::cout << printable(args.recipe.string()) << ": fine\n";
  return 0;
}

// The origin of every value of the tree, by path.
void add_origins(const Recipe& recipe, const Json& tree, const std::string& path, Json& origins) {
  for (const auto& [key, value] : tree.members()) {
    const std::string inner = path.empty() ? key : path + "." + key;
    if (value.is_object() && !value.members().empty())
      add_origins(recipe, value, inner, origins);
    else
      origins.set(inner, origin_of(recipe, inner));
  }
}

int show(const ConfigArgs& args, const CommandLine& line) {
  const Recipe recipe = Recipe::read(args.recipe, args.overrides);
  if (!line.json) {
    std::cout << resolved_yaml(recipe, args.origin);
    return 0;
  }
  Json shown = Json::object({{"schema_version", 1}, {"recipe", resolved(recipe)}});
  if (args.origin) {
    Json origins = Json::object();
    add_origins(recipe, *shown.find("recipe"), "", origins);
    shown.set("origins", origins);
  }
  std::cout << shown.dump(2) << "\n";
  return 0;
}

const char* kind_of(const Preset& preset) {
  return preset.kind == Preset::Kind::search ? "search" : "method";
}

int list_presets(const CommandLine& line) {
  if (line.json) {
    Json list = Json::array();
    for (const Preset& preset : presets())
      list.push(Json::object({{"name", preset.name},
                              {"kind", kind_of(preset)},
                              {"summary", preset.summary},
                              {"source", preset.source},
                              {"caveat", preset.caveat},
                              {"yaml", preset.yaml}}));
    std::cout << Json::object({{"schema_version", 1}, {"presets", list}}).dump(2) << "\n";
    return 0;
  }
  for (const Preset& preset : presets()) {
    std::cout << preset.name << "  (" << kind_of(preset) << ") " << preset.summary
              << "\n  source: " << preset.source << "\n";
    if (!preset.caveat.empty()) std::cout << "  note: " << preset.caveat << "\n";
    for (const std::string& text : split(trim(preset.yaml), '\n'))
      std::cout << "    " << text << "\n";
    std::cout << "\n";
  }
  return 0;
}

}  // namespace

int cmd_config(const ConfigArgs& args, const CommandLine& line) {
  if (args.action == "check") return check(args, line);
  if (args.action == "show") return show(args, line);
  if (args.action == "presets") return list_presets(line);
  std::cout << recipe_schema().dump(2) << "\n";
  return 0;
}

}  // namespace stockpot::cli
