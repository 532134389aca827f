#include <iostream>

#include "cli/commands.h"
#include "stockpot/base/json.h"
#include "stockpot/base/version.h"

namespace stockpot::cli {

int cmd_version(const CommandLine& line) {
  if (line.json)
    std::cout << Json::object({{"schema_version", 1}, {"stockpot", kVersion}}).dump() << "\n";
  else
    std::cout << "stockpot " << kVersion << "\n";
  return 0;
}

}  // namespace stockpot::cli
