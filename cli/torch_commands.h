// The commands of stockpot-torch that are found by name. To add one: declare it here, name it in
// torch_commands.cpp, and let its callback set line.command to TorchCommand{name, args}.
#pragma once

#include "cli/commands.h"

namespace stockpot::cli {

struct AnglesArgs;    // analysis_commands.h
struct CompareArgs;   // cmd_compare.h
struct DiagnoseArgs;  // cmd_diagnose.h
struct GapArgs;       // analysis_commands.h
struct LearnedArgs;   // cmd_soup_learned.h
struct PlaneArgs;     // analysis_commands.h

int cmd_angles(const AnglesArgs& args, const CommandLine& line);  // with sets
int cmd_compare(const CompareArgs& args, const CommandLine& line);
int cmd_diagnose(const DiagnoseArgs& args, const CommandLine& line);
int cmd_gap(const GapArgs& args, const CommandLine& line);
int cmd_plane(const PlaneArgs& args, const CommandLine& line);
int cmd_soup_learned(const LearnedArgs& args, const CommandLine& line);

struct CalibrateArgs;  // mix_args.h
struct EnsembleArgs;
struct InterpolateArgs;
struct SoupCurveArgs;

int cmd_calibrate(const CalibrateArgs& args, const CommandLine& line);
int cmd_ensemble(const EnsembleArgs& args, const CommandLine& line);
int cmd_interpolate(const InterpolateArgs& args, const CommandLine& line);
int cmd_soup_curve(const SoupCurveArgs& args, const CommandLine& line);

int run_torch_command(const TorchCommand& command, const CommandLine& line);

}  // namespace stockpot::cli
