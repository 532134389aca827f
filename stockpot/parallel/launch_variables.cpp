#include "stockpot/parallel/launch_variables.h"

#include <charconv>
#include <cstdlib>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/parallel/host_list.h"

namespace stockpot {
namespace {

struct Family {
  const char* launcher;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
  const char* job;  // a variable that names the job, or ""
};

constexpr Family kTorchrun = {
    "torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"};
constexpr Family kOpenMpi = {"Open MPI",
                             "OMPI_COMM_WORLD_RANK",
                             "OMPI_COMM_WORLD_SIZE",
                             "OMPI_COMM_WORLD_LOCAL_RANK",
                             "OMPI_COMM_WORLD_LOCAL_SIZE",
                             "PMIX_NAMESPACE"};
constexpr Family kPmi = {"PMI", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", ""};
constexpr Family kSlurm = {"Slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID",
                           "",      "SLURM_JOB_ID"};

constexpr int kMostRanks = 65536;
constexpr int kDefaultPort = 29500;  // torchrun's

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::string text(const std::string& name) const {
    return name.empty() ? "" : environment_(name).value_or("");
  }
  bool has(const std::string& name) const { return !text(name).empty(); }

  // A number from `least` to `most`; nothing when the variable is not set.
  std::optional<int> number(const std::string& name, int least, int most) const {
    if (!has(name)) return std::nullopt;
    const std::string value = text(name);
    int parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc() || end != value.data() + value.size() || parsed < least ||
        parsed > most)
      throw UsageError(name + "=" + printable(value) + " must be a number from " +
                       std::to_string(least) + " to " + std::to_string(most));
    return parsed;
  }

  // Nothing when neither the rank nor the size is set.
  std::optional<LaunchVariables> family(const Family& names) const {
    const auto rank = number(names.rank, 0, kMostRanks - 1);
    const auto size = number(names.size, 1, kMostRanks);
    if (!rank && !size) return std::nullopt;
    if (!rank || !size) throw half_set(names, rank ? names.rank : names.size);
    if (*rank >= *size)
      throw UsageError(std::string(names.rank) + "=" + std::to_string(*rank) +
                       " must be less than " + names.size + "=" + std::to_string(*size));
    LaunchVariables variables;
    variables.launcher = names.launcher;
    variables.rank = *rank;
    variables.size = *size;
    variables.local_rank = number(names.local_rank, 0, kMostRanks - 1).value_or(0);
    variables.run_id = text(names.job);
    return variables;
  }

 private:
  static UsageError half_set(const Family& names, const std::string& set) {
    const std::string missing = set == names.rank ? names.size : names.rank;
    return UsageError(set + " is set but " + missing + " is not; " + names.launcher +
                      " sets both: unset it to run as a single process");
  }

  const Environment& environment_;
};

std::optional<LaunchVariables> slurm_step(const Reader& reader) {
  if (!reader.has("SLURM_STEP_ID")) return std::nullopt;
  // The size of the step, which may be smaller than that of the job.
  Family names = kSlurm;
  if (reader.has("SLURM_STEP_NUM_TASKS")) names.size = "SLURM_STEP_NUM_TASKS";
  auto variables = reader.family(names);
  if (variables) variables->run_id += "." + reader.text("SLURM_STEP_ID");
  return variables;
}

// Another family that is there must tell the same story.
void require_same(const LaunchVariables& set, const LaunchVariables& other, const Family& names) {
  if (set.rank == other.rank && set.size == other.size) return;
  throw UsageError("RANK=" + std::to_string(set.rank) +
                   " and WORLD_SIZE=" + std::to_string(set.size) + " contradict " + names.rank +
                   "=" + std::to_string(other.rank) + " and " + names.size + "=" +
                   std::to_string(other.size) + ": unset RANK and WORLD_SIZE");
}

// The same on all ranks, and another one for the job beside ours: from 20000 to 31999, below
// the ports that the system hands out.
std::uint16_t port_of_job(const std::string& job) {
  if (job.empty()) return kDefaultPort;
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char byte : job) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619u;
  return static_cast<std::uint16_t>(20000 + hash % 12000);
}

void find_master(const Reader& reader, const Family& names, LaunchVariables& variables) {
  const auto port = reader.number("MASTER_PORT", 1, 65535);
  variables.master_port = port ? static_cast<std::uint16_t>(*port) : port_of_job(variables.run_id);
  variables.master_address = reader.text("MASTER_ADDR");
  if (!variables.master_address.empty()) return;
  if (reader.number(names.local_size, 1, kMostRanks) == variables.size) {
    variables.master_address = "127.0.0.1";
    return;
  }
  if (variables.launcher == kSlurm.launcher)
    for (const char* list : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"})
      if (reader.has(list)) {
        variables.master_address = hosts_of(reader.text(list)).front();
        return;
      }
  throw UsageError("MASTER_ADDR is not set: " + std::string(names.launcher) + " started " +
                   std::to_string(variables.size) +
                   " processes, which have to know the host of rank 0 (mpirun passes it on with "
                   "-x MASTER_ADDR=host)");
}

LaunchVariables from_torchrun(const Reader& reader, LaunchVariables variables) {
  // A launcher inside of mpirun or srun sets LOCAL_RANK; what has none was set by hand.
  if (!reader.has("TORCHELASTIC_RUN_ID") && !reader.has(kTorchrun.local_rank)) {
    Family names = kSlurm;
    auto other = slurm_step(reader);
    for (const Family& mpi : {kPmi, kOpenMpi})
      if (const auto found = reader.family(mpi)) other = found, names = mpi;
    if (other) require_same(variables, *other, names);
  }
  variables.restart_count = reader.number("TORCHELASTIC_RESTART_COUNT", 0, 1 << 30).value_or(0);
  if (variables.size == 1) return variables;
  for (const char* name : {"MASTER_ADDR", "MASTER_PORT"})
    if (!reader.has(name))
      throw UsageError(std::string("RANK and WORLD_SIZE are set but ") + name +
                       " is not: torchrun sets all four");
  find_master(reader, kTorchrun, variables);
  variables.launcher_serves = reader.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  return variables;
}

}  // namespace

LaunchVariables launch_variables(const Environment& environment) {
  const Reader reader(environment);
  if (auto variables = reader.family(kTorchrun)) return from_torchrun(reader, *variables);
  const Family* names = &kOpenMpi;
  auto variables = reader.family(kOpenMpi);
  if (!variables) variables = reader.family(*(names = &kPmi));
  if (!variables) {
    variables = slurm_step(reader);
    names = &kSlurm;
    if (variables)
      variables->restart_count = reader.number("SLURM_RESTART_COUNT", 0, 1 << 30).value_or(0);
  }
  if (!variables) return {};
  if (variables->size > 1) find_master(reader, *names, *variables);
  return *variables;
}

LaunchVariables launch_variables() {
  return launch_variables([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
}

}  // namespace stockpot
