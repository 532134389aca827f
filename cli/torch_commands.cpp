#include "cli/torch_commands.h"

#include <map>

#include "cli/analysis_commands.h"
#include "cli/cmd_compare.h"
#include "cli/cmd_diagnose.h"
#include "cli/cmd_soup_learned.h"
#include "cli/mix_args.h"
#include "stockpot/base/error.h"

namespace stockpot::cli {
namespace {

using Run = std::function<int(const std::any&, const CommandLine&)>;

template <typename Args>
Run bind(int (*command)(const Args&, const CommandLine&)) {
  return [command](const std::any& args, const CommandLine& line) {
    return command(std::any_cast<const Args&>(args), line);
  };
}

}  // namespace

int run_torch_command(const TorchCommand& command, const CommandLine& line) {
  static const std::map<std::string, Run> commands = {
      {"angles", bind(cmd_angles)},
      {"compare", bind(cmd_compare)},
      {"diagnose distortion", bind(cmd_diagnose)},
      {"calibrate", bind(cmd_calibrate)},
      {"ensemble", bind(cmd_ensemble)},
      {"interpolate", bind(cmd_interpolate)},
      {"soup curve", bind(cmd_soup_curve)},
      {"gap", bind(cmd_gap)},
      {"plane", bind(cmd_plane)},
      {"soup learned", bind(cmd_soup_learned)},
  };
  return commands.at(command.name)(command.args, line);
}

}  // namespace stockpot::cli
