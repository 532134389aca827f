#include "stockpot/sweep/slurm.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "../base/message_of.h"
#include "stockpot/base/error.h"
#include "stockpot/sweep/child.h"

namespace stockpot {
namespace {

TEST(Slurm, ArraysAreWrittenAsRanges) {
  EXPECT_EQ(array_text({0, 1, 2, 3}), "0-3");
  EXPECT_EQ(array_text({9, 7, 0, 1}), "0-1,7,9");
}

TEST(Slurm, TheScriptsProcessBecomesTheWorker) {
  SlurmOptions options;
  options.command = {"/opt/stock pot/bin/stockpot", "sweep", "worker", "/data/it's", "--requeue"};
  options.partition = "gpu";
  options.time_limit = "4:00:00";
  options.cpus = 8;
  options.at_once = 4;
  options.lines = {"--gres=gpu:1"};
  EXPECT_EQ(slurm_script("/data/a sweep", options, {0, 1, 2, 5}),
            "#!/bin/bash\n"
            "#SBATCH --job-name=stockpot\n"
            "#SBATCH --array=0-2,5%4\n"
            "#SBATCH --requeue\n"
            "#SBATCH --open-mode=append\n"
            "#SBATCH --signal=B:USR1@120\n"
            "#SBATCH --output=\"/data/a sweep/slurm/%A_%a.log\"\n"
            "#SBATCH --partition=gpu\n"
            "#SBATCH --time=4:00:00\n"
            "#SBATCH --cpus-per-task=8\n"
            "#SBATCH --gres=gpu:1\n"
            "trap '' USR1\n"
            "exec '/opt/stock pot/bin/stockpot' 'sweep' 'worker' '/data/it'\\''s' '--requeue' "
            "--index \"$SLURM_ARRAY_TASK_ID\"\n");
}

TEST(Slurm, BashReadsTheCommandAsItWasMeant) {
  SlurmOptions options;
  options.command = {"/usr/bin/printf", "%s|", "a b", "$HOME", "it's", "`x`", "\\", "*"};
  const std::string script = slurm_script("/s", options, {3});
  const CommandOutput output =
      output_of({"/usr/bin/env", "SLURM_ARRAY_TASK_ID=3", "/bin/bash", "-c", script});
  EXPECT_EQ(output.out, "a b|$HOME|it's|`x`|\\|*|--index|3|");
}

TEST(Slurm, TextThatWouldEndALineIsRefused) {
  SlurmOptions options;
  options.command = {"stockpot"};
  options.lines = {"--comment=a\n#SBATCH --exclusive"};
  EXPECT_EQ(
      message_of<UsageError>([&] { slurm_script("/s", options, {0}); }),
      "'--comment=a\\x0a#SBATCH --exclusive' cannot stand in a batch script: it has a line end");
  options.lines = {};
  options.partition = "50%";
  EXPECT_THROW(slurm_script("/s", options, {0}), UsageError);
}

TEST(Slurm, ATaskOfAnArrayIsNamedByArrayAndIndex) {
  EXPECT_EQ(own_slurm_task(), std::nullopt);
  setenv("SLURM_JOB_ID", "17", 1);
  EXPECT_EQ(own_slurm_task(), "17");
  setenv("SLURM_ARRAY_JOB_ID", "17", 1);
  setenv("SLURM_ARRAY_TASK_ID", "5", 1);
  EXPECT_EQ(own_slurm_task(), "17_5");
  for (const char* name : {"SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"})
    unsetenv(name);
}

}  // namespace
}  // namespace stockpot
