// Who am I among the processes that were started together? Launchers say it in environment
// variables: torchrun (and `stockpot launch`), Open MPI's mpirun, MPICH's mpiexec, Slurm's srun.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace stockpot {

struct LaunchVariables {
  std::string launcher;  // "torchrun", "Open MPI", "PMI", "Slurm"; "" for a process by itself
  int rank = 0, size = 1;
  int local_rank = 0;          // among the processes of this host; also the index of its GPU
  std::string master_address;  // the host of rank 0; empty for a world of one
  std::uint16_t master_port = 0;
  bool launcher_serves = false;  // torchrun keeps the shared table itself, there
  std::string run_id;            // the same for all ranks of a run
  int restart_count = 0;
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Reads the first family of variables that is there, in the order above: torchrun inside of
// srun, mpirun inside of a Slurm job. Slurm's count only inside of an srun step, so that a
// plain command in a batch script is a process by itself. Without MASTER_ADDR the ranks of one
// host meet at 127.0.0.1 and those of a Slurm step at its first host; without MASTER_PORT the
// port is a function of the job's number.
//
// Empty variables count as unset. Throws UsageError naming the variables when some are
// missing, are no numbers, or contradict each other: RANK and WORLD_SIZE that were set by hand
// (without LOCAL_RANK) must be those of mpirun or srun when these are there as well.
LaunchVariables launch_variables(const Environment& environment);
LaunchVariables launch_variables();  // of this process

}  // namespace stockpot
