#include <iostream>

#include "cli/commands.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"
#include "stockpot/recipe/recipe.h"

namespace stockpot::cli {

int cmd_config(const ConfigArgs& args, const CommandLine& line) {
  const Recipe recipe = Recipe::read(args.recipe);
  if (line.json)
    std::cout << Json::object({{"schema_version", 1}, {"identity", recipe.identity()}}).dump(2)
              << "\n";
  else
    std::cout << printable(args.recipe.string()) << ": fine\n";
  return 0;
}

}  // namespace stockpot::cli
