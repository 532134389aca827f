#include <iostream>

#include "cli/commands.h"
#include "stockpot/checkpoint/describe.h"

namespace stockpot::cli {

int cmd_inspect(const InspectArgs& args, const CommandLine& line) {
  const Json description = describe(args.path);
  std::cout << (line.json ? description.dump(2) + "\n" : describe_text(description));
  return 0;
}

}  // namespace stockpot::cli
