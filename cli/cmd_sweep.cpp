// The command surface of sweeps.
#include "cli/cmd_sweep.h"

#include <CLI/CLI.hpp>

#include "cli/checkpoint_commands.h"

namespace stockpot::cli {
namespace {

constexpr const char* kFolderHelp = "Folder that sweep init made";

// Binds a function and its arguments, which the callback keeps alive.
template <typename Args>
void bind(CLI::App& command, CommandLine& line, const std::shared_ptr<Args>& args,
          int (*run)(const Args&, const CommandLine&)) {
  command.callback([&line, args, run] {
    line.command =
        CheckpointCommand{[args, run](const CommandLine& parsed) { return run(*args, parsed); }};
  });
}

void add_targets(CLI::App& command, FollowTargets& targets) {
  command.add_option("--tensorboard", targets.tensorboard,
                     "Keep event files of every trial's metrics in this folder, for TensorBoard");
  command.add_option("--prometheus", targets.prometheus,
                     "Keep this text file up to date, for the node exporter's textfile collector");
}

void add_init(CLI::App& sweep, CommandLine& line) {
  CLI::App* command = sweep.add_subcommand("init", "Spell a recipe out into a folder of trials");
  add_common(*command, line);
  const auto args = std::make_shared<SweepInitArgs>();
  command->add_option("RECIPE", args->recipe, "A recipe (YAML)")->required();
  command
      ->add_option("-o,--out", args->out,
                   "Folder of the sweep; one that exists is extended by the trials it lacks")
      ->required();
  command->add_option("--set", args->overrides, "key=value on top of the recipe; repeat for more")
      ->allow_extra_args(false);
  command->add_flag("--dry-run,--plan", args->plan_only, "Print the trials and stop");
  bind(*command, line, args, run_sweep_init);
}

void add_run(CLI::App& sweep, CommandLine& line) {
  CLI::App* command =
      sweep.add_subcommand("run", "Work on the trials until all are done, here or on a cluster");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<SweepRunArgs>();
  command->add_option("DIR", args->sweep, kFolderHelp)->required();
  command->add_option("--launcher", args->launcher, "local or slurm")
      ->check(CLI::IsMember({"local", "slurm"}));
  command
      ->add_option("-j,--jobs", args->jobs,
                   "Workers at once, which share the threads (the recipe's, else 1); with slurm: "
                   "tasks at once")
      ->check(CLI::Range(1, 4096));
  command->add_option("--devices", args->devices, "cuda:0,cuda:1: dealt out to the workers in turn")
      ->delimiter(',');
  command
      ->add_option("--workers", args->workers,
                   "processes; threads of one process for each device, where the kernels of small "
                   "models run side by side; auto: threads on GPUs")
      ->check(CLI::IsMember({"auto", "processes", "threads"}));
  command->add_option("--worker", args->worker,
                      "Start this program in place of stockpot, with the same arguments");
  command->add_flag("--script,--dry-run", args->script_only,
                    "Print the batch script and stop (slurm)");
  command->add_option("--partition", args->partition, "Partition (slurm)");
  command->add_option("--time", args->time_limit, "Time limit of a task, as sbatch takes it");
  command->add_option("--mem", args->memory, "Memory of a task, as sbatch takes it");
  command->add_option("--cpus", args->cpus, "Cores of a task (slurm)")->check(CLI::Range(1, 4096));
  command
      ->add_option("--signal-before", args->signal_seconds,
                   "Seconds before the time limit at which a task saves its state and asks to be "
                   "started again (120)")
      ->check(CLI::Range(1, 86400));
  command->add_flag("--requeue,!--no-requeue", args->self_requeue,
                    "Whether tasks ask for that (they do)");
  command->add_option("--poll", args->ask_seconds, "Seconds between two looks at the queue (5)")
      ->check(CLI::Range(0.1, 3600.0));
  command->add_option("--sbatch", args->lines, "One more line behind #SBATCH; repeat for more");
  add_targets(*command, args->targets);
  command->footer(
      "Exit code 0: all done; 5: some trials were given up; 75: interrupted with the state saved, "
      "run the same command again.");
  command->callback([&line, args] { line.command = std::shared_ptr<const SweepRunArgs>(args); });
}

void add_worker(CLI::App& sweep, CommandLine& line) {
  CLI::App* command =
      sweep.add_subcommand("worker", "Work on the trials in this process, beside other workers");
  add_compute(*command, line);
  const auto args = std::make_shared<SweepWorkerArgs>();
  command->add_option("DIR", args->sweep, kFolderHelp)->required();
  command->add_option("--index", args->index, "Only this trial of the list, from 0, and its needs");
  command->add_option("--max-trials", args->max_trials, "End after that many")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command->add_flag("!--no-wait", args->wait,
                    "End with exit code 6 where others work on what is left");
  command->add_flag("--requeue", args->self_requeue,
                    "When Slurm announces the end of the time, ask for the job again");
  command->callback([&line, args] { line.command = *args; });
}

void add_status(CLI::App& sweep, CommandLine& line) {
  CLI::App* command = sweep.add_subcommand("status", "What is done, running, failed");
  add_common(*command, line);
  const auto args = std::make_shared<SweepStatusArgs>();
  command->add_option("DIR", args->sweep, kFolderHelp)->required();
  command->add_flag("-w,--watch", args->watch, "Follow until every trial has come to an end");
  command->add_flag("-a,--all", args->every_trial,
                    "Every trial, not the running and the best only");
  add_targets(*command, args->targets);
  bind(*command, line, args, run_sweep_status);
}

void add_retry(CLI::App& sweep, CommandLine& line) {
  CLI::App* command = sweep.add_subcommand("retry", "Put failed and diverged trials back");
  add_common(*command, line);
  const auto args = std::make_shared<SweepRetryArgs>();
  command->add_option("DIR", args->sweep, kFolderHelp)->required();
  command->add_option("IDS", args->ids, "Trials; default: all that failed or diverged");
  bind(*command, line, args, run_sweep_retry);
}

void add_export(CLI::App& sweep, CommandLine& line) {
  CLI::App* command = sweep.add_subcommand("export", "One table of parameters and results");
  add_common(*command, line);
  const auto args = std::make_shared<SweepExportArgs>();
  command->add_option("DIR", args->sweep, kFolderHelp)->required();
  command->add_option("-o,--output", args->output, "File to write; default: stdout (CSV)");
  bind(*command, line, args, run_sweep_export);
}

}  // namespace

void add_sweep_commands(CLI::App& app, CommandLine& line) {
  CLI::App* sweep = app.add_subcommand("sweep", "Many trials of one recipe, none lost");
  sweep->require_subcommand(1);
  add_init(*sweep, line);
  add_run(*sweep, line);
  add_worker(*sweep, line);
  add_status(*sweep, line);
  add_retry(*sweep, line);
  add_export(*sweep, line);
}

}  // namespace stockpot::cli
