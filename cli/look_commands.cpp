#include "cli/look_commands.h"

#include "cli/checkpoint_commands.h"
#include "stockpot/base/threads.h"

namespace stockpot::cli {

void add_look_commands(CLI::App& app, CommandLine& line) {
  add_inspect(app, line);
  add_diff(app, line);
  add_doctor(app, line);
  add_verify(app, line);
}

void use_threads(const CommandLine& line) {
  if (line.threads > 0) set_threads(static_cast<int>(line.threads));
}

}  // namespace stockpot::cli
