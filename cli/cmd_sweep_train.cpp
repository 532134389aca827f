// sweep run and sweep worker: the training side.
#include <c10/util/Exception.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "cli/cmd_sweep.h"
#include "cli/terminal.h"
#include "stockpot/base/threads.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/sweep_training.h"
#include "stockpot/sweep/board.h"

namespace stockpot::cli {
namespace {

// Runs a trial. A failed device would fail all trials that this process takes from then on: the
// process ends, as if killed, and those who look after the sweep free its trials.
Json run_on(at::Device device, SweepTrainer& trainer, const Trial& trial, TrialRun& run) {
  try {
    return trainer(trial, run);
  } catch (const c10::Error& error) {
    if (answers(device)) throw;
    std::cerr << "stockpot: " << device << " has failed: " << error.what_without_backtrace()
              << std::endl;
    std::_Exit(1);
  }
}

// Takes trials one after another until none is left.
int work_alone(const SweepInputs& inputs, const std::string& device_name,
               const SweepWorkerArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  const at::Device device = parse_device(device_name);
  const OwnStream stream(device);
  SweepTrainer trainer(inputs, device_name, progress);
  const auto run = [&](const Trial& trial, TrialRun& attempt) {
    return run_on(device, trainer, trial, attempt);
  };
  return work_on_sweep(args, line, inputs.plan(), run, is_divergence);
}

bool finished(int code) { return code == 0 || code == 5; }

// Of threads that stopped each other: the one that says why.
int reason_of(const std::vector<int>& codes) {
  const auto rank = [](int code) { return code == 0 ? 0 : code == 5 ? 1 : code == 75 ? 2 : 3; };
  return *std::ranges::max_element(codes, {}, rank);
}

// In threads of this process, which share the device's context: kernels of one process run side by
// side, those of several take turns.
int work_side_by_side(const SweepInputs& inputs, const std::string& device,
                      const SweepWorkerArgs& args, int trials, int threads_each,
                      const CommandLine& line) {
  sleep_while_waiting_for(parse_device(device));
  std::vector<int> codes(static_cast<std::size_t>(trials));
  {
    std::vector<std::jthread> threads;
    for (int& code : codes)
      threads.emplace_back([&] {
        set_torch_threads(threads_each);  // OpenMP's number is that of the thread that sets it
        code = guarded([&] { return work_alone(inputs, device, args, line); });
        // The others would meet the same: they save their state.
        if (!finished(code)) std::raise(SIGTERM);
      });
  }
  return reason_of(codes);
}

bool in_threads(const SweepRunArgs& args, const CommandLine& line, const Recipe& recipe) {
  if (args.workers != "auto") return args.workers == "threads";
  const std::string device =
      args.devices.empty() ? line.device.value_or(recipe.device) : args.devices.front();
  return device.starts_with("cuda");
}

}  // namespace

int cmd_sweep_run(const SweepRunArgs& args, const CommandLine& line) {
  const SweepPlan plan = read_plan(args.sweep);
  if (scan(args.sweep, plan.trials, plan.retries).all_final()) return run_sweep_run(args, line);
  TerminalProgress progress(line.quiet);
  // Read once: the workers are forks.
  const SweepInputs inputs(args.sweep, progress);
  const auto work = [&](const WorkerSeat& seat) {
    return guarded([&] {
      set_threads(seat.threads);
      set_torch_threads(seat.threads);  // here first: LibTorch mends its pools after a fork
      CommandLine worker = line;
      worker.quiet = true;
      const std::string device =
          !seat.device.empty() ? seat.device : line.device.value_or(inputs.recipe().device);
      SweepWorkerArgs all;
      all.sweep = args.sweep;
      return seat.trials == 1
                 ? work_alone(inputs, device, all, worker)
                 : work_side_by_side(inputs, device, all, seat.trials, seat.threads, worker);
    });
  };
  return run_sweep_run(args, line, {work, in_threads(args, line, inputs.recipe())});
}

int cmd_sweep_worker(const SweepWorkerArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  const SweepInputs inputs(args.sweep, progress);
  return work_alone(inputs, line.device.value_or(inputs.recipe().device), args, line);
}

}  // namespace stockpot::cli
