// sweep status, retry and export: looking at a sweep, and putting trials back.
#include <unistd.h>

#include <iostream>
#include <thread>

#include "cli/cmd_sweep.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/export.h"
#include "stockpot/sweep/retry.h"

namespace stockpot::cli {
namespace {

Board look_once(const SweepStatusArgs& args, const CommandLine& line, const SweepPlan& plan) {
  LiveBoard live(line.quiet, args.every_trial);
  Board board = scan(args.sweep, plan.trials, plan.retries);
  SweepFollower(args.sweep, plan, args.targets, live).update_targets(board);
  return board;
}

Board follow(const SweepStatusArgs& args, const CommandLine& line, const SweepPlan& plan) {
  LiveBoard live(line.quiet, args.every_trial);
  SweepFollower follower(args.sweep, plan, args.targets, live);
  Board board;
  for (;;) {
    board = scan(args.sweep, plan.trials, plan.retries, &board);
    follower.show(board);
    if (board.all_final() || stop_requested()) return board;
    for (int i = 0; i < 20 && !stop_requested(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

int run_sweep_status(const SweepStatusArgs& args, const CommandLine& line) {
  const SweepPlan plan = read_plan(args.sweep);
  const Board board = args.watch ? follow(args, line, plan) : look_once(args, line, plan);
  if (line.json)
    std::cout << to_json(board).dump(2) << "\n";
  else if (args.watch && is_live_terminal(STDERR_FILENO) && isatty(STDOUT_FILENO))
    return 0;  // the last table is on the screen
  else
    std::cout << board_text(board, {.width = static_cast<std::size_t>(terminal_width()),
                                    .every_trial = args.every_trial});
  return 0;
}

int run_sweep_retry(const SweepRetryArgs& args, const CommandLine& line) {
  const SweepPlan plan = read_plan(args.sweep);
  const std::vector<std::string> ids = put_back(args.sweep, plan, args.ids);
  if (line.json) {
    Json list = Json::array();
    for (const std::string& id : ids) list.push(id);
    std::cout << Json::object({{"schema_version", 1}, {"put_back", list}}).dump(2) << "\n";
  } else if (ids.empty()) {
    std::cout << "no trial failed or diverged\n";
  } else {
    std::cout << "put back: " << join(ids, ", ") << "\n";
  }
  return 0;
}

int run_sweep_export(const SweepExportArgs& args, const CommandLine& line) {
  const SweepPlan plan = read_plan(args.sweep);
  const SweepTable table = sweep_table(args.sweep, plan);
  const std::string text = line.json ? to_json(table).dump(2) + "\n" : to_csv(table);
  if (args.output.empty())
    std::cout << text;
  else
    write_file(args.output, text);
  return 0;
}

}  // namespace stockpot::cli
