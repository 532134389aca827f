#include "stockpot/parallel/launch_variables.h"

#include <gtest/gtest.h>

#include <map>

#include "../base/message_of.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

using Table = std::map<std::string, std::string>;

Environment environment(const Table& table) {
  return [table](const std::string& name) -> std::optional<std::string> {
    const auto at = table.find(name);
    return at == table.end() ? std::nullopt : std::optional(at->second);
  };
}

LaunchVariables read(const Table& table) { return launch_variables(environment(table)); }

std::string refusal(const Table& table) {
  return message_of<UsageError>([&] { read(table); });
}

const Table kTorchrun = {{"RANK", "3"},
                         {"WORLD_SIZE", "4"},
                         {"LOCAL_RANK", "1"},
                         {"LOCAL_WORLD_SIZE", "2"},
                         {"GROUP_RANK", "1"},
                         {"MASTER_ADDR", "gpu1"},
                         {"MASTER_PORT", "29400"},
                         {"TORCHELASTIC_RUN_ID", "job"},
                         {"TORCHELASTIC_RESTART_COUNT", "2"},
                         {"TORCHELASTIC_USE_AGENT_STORE", "True"}};

const Table kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "1"},
                        {"OMPI_COMM_WORLD_SIZE", "2"},
                        {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                        {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                        {"PMIX_NAMESPACE", "1154809857"}};

const Table kSlurm = {{"SLURM_JOB_ID", "77"},      {"SLURM_STEP_ID", "0"},
                      {"SLURM_PROCID", "2"},       {"SLURM_NTASKS", "3"},
                      {"SLURM_LOCALID", "1"},      {"SLURM_JOB_NODELIST", "node[07-08],gpu5"},
                      {"SLURM_RESTART_COUNT", "1"}};

Table changed(Table table, const Table& changes) {
  for (const auto& [name, value] : changes) table[name] = value;
  return table;
}

TEST(LaunchVariables, NoneAreAWorldOfOne) {
  const LaunchVariables variables = read({});
  EXPECT_EQ(variables.rank, 0);
  EXPECT_EQ(variables.size, 1);
  EXPECT_EQ(variables.launcher, "");
  EXPECT_EQ(read({{"RANK", ""}, {"WORLD_SIZE", ""}}).size, 1);
}

TEST(LaunchVariables, OfTorchrun) {
  const LaunchVariables variables = read(kTorchrun);
  EXPECT_EQ(variables.launcher, "torchrun");
  EXPECT_EQ(variables.rank, 3);
  EXPECT_EQ(variables.size, 4);
  EXPECT_EQ(variables.local_rank, 1);
  EXPECT_EQ(variables.master_address, "gpu1");
  EXPECT_EQ(variables.master_port, 29400);
  EXPECT_TRUE(variables.launcher_serves);
  EXPECT_EQ(variables.run_id, "job");
  EXPECT_EQ(variables.restart_count, 2);
  EXPECT_FALSE(
      read(changed(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "False"}})).launcher_serves);
}

TEST(LaunchVariables, OfOpenMpi) {
  const LaunchVariables variables = read(kOpenMpi);
  EXPECT_EQ(variables.launcher, "Open MPI");
  EXPECT_EQ(variables.rank, 1);
  EXPECT_EQ(variables.size, 2);
  EXPECT_EQ(variables.local_rank, 1);
  EXPECT_EQ(variables.master_address, "127.0.0.1");
  EXPECT_GE(variables.master_port, 20000);
  EXPECT_LT(variables.master_port, 32000);
  // Another job on the same machine meets elsewhere.
  EXPECT_NE(variables.master_port,
            read(changed(kOpenMpi, {{"PMIX_NAMESPACE", "1154809858"}})).master_port);
  EXPECT_EQ(read(changed(kOpenMpi, {{"MASTER_PORT", "1234"}, {"MASTER_ADDR", "a"}})).master_port,
            1234);
}

TEST(LaunchVariables, OfOpenMpiOnSeveralHostsNeedTheHostOfRankZero) {
  const Table hosts = changed(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}});
  EXPECT_EQ(refusal(hosts),
            "MASTER_ADDR is not set: Open MPI started 2 processes, which have to know the host of "
            "rank 0 (mpirun passes it on with -x MASTER_ADDR=host)");
  EXPECT_EQ(read(changed(hosts, {{"MASTER_ADDR", "gpu1"}})).master_address, "gpu1");
}

TEST(LaunchVariables, OfMpich) {
  const LaunchVariables variables =
      read({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "2"}});
  EXPECT_EQ(variables.launcher, "PMI");
  EXPECT_EQ(variables.size, 2);
  EXPECT_EQ(variables.master_address, "127.0.0.1");
  EXPECT_EQ(variables.master_port, 29500);
}

TEST(LaunchVariables, OfSlurmMeetAtTheFirstHost) {
  const LaunchVariables variables = read(kSlurm);
  EXPECT_EQ(variables.launcher, "Slurm");
  EXPECT_EQ(variables.rank, 2);
  EXPECT_EQ(variables.size, 3);
  EXPECT_EQ(variables.local_rank, 1);
  EXPECT_EQ(variables.master_address, "node07");
  EXPECT_EQ(variables.run_id, "77.0");
  EXPECT_EQ(variables.restart_count, 1);
  EXPECT_EQ(read(changed(kSlurm, {{"SLURM_STEP_NODELIST", "gpu5"}})).master_address, "gpu5");
}

TEST(LaunchVariables, ACommandInABatchScriptIsAWorldOfOne) {
  Table batch = kSlurm;
  batch.erase("SLURM_STEP_ID");
  EXPECT_EQ(read(batch).size, 1);
}

TEST(LaunchVariables, TorchrunInsideOfSrunOrMpirunWins) {
  Table all = changed(kTorchrun, kSlurm);
  all.insert(kOpenMpi.begin(), kOpenMpi.end());
  EXPECT_EQ(read(all).launcher, "torchrun");
  EXPECT_EQ(read(changed(kSlurm, kOpenMpi)).launcher, "Open MPI");
}

TEST(LaunchVariables, HalfSetOnesAreRefusedByName) {
  EXPECT_EQ(refusal({{"RANK", "0"}}),
            "RANK is set but WORLD_SIZE is not; torchrun sets both: unset it to run as a single "
            "process");
  EXPECT_EQ(refusal({{"OMPI_COMM_WORLD_SIZE", "2"}}),
            "OMPI_COMM_WORLD_SIZE is set but OMPI_COMM_WORLD_RANK is not; Open MPI sets both: "
            "unset it to run as a single process");
  Table alone = kTorchrun;
  alone.erase("MASTER_PORT");
  EXPECT_EQ(refusal(alone),
            "RANK and WORLD_SIZE are set but MASTER_PORT is not: torchrun sets all four");
}

TEST(LaunchVariables, ContradictionsAreRefusedByName) {
  EXPECT_EQ(refusal(changed(kTorchrun, {{"RANK", "4"}})), "RANK=4 must be less than WORLD_SIZE=4");
  const Table by_hand = {{"RANK", "0"}, {"WORLD_SIZE", "4"}};
  EXPECT_EQ(refusal(changed(kOpenMpi, by_hand)),
            "RANK=0 and WORLD_SIZE=4 contradict OMPI_COMM_WORLD_RANK=1 and "
            "OMPI_COMM_WORLD_SIZE=2: unset RANK and WORLD_SIZE");
  EXPECT_EQ(refusal(changed(kSlurm, by_hand)),
            "RANK=0 and WORLD_SIZE=4 contradict SLURM_PROCID=2 and SLURM_NTASKS=3: unset RANK and "
            "WORLD_SIZE");
}

TEST(LaunchVariables, ValuesThatAreNoNumbersAreRefused) {
  EXPECT_EQ(refusal(changed(kTorchrun, {{"WORLD_SIZE", "4x"}})),
            "WORLD_SIZE=4x must be a number from 1 to 65536");
  EXPECT_EQ(refusal(changed(kTorchrun, {{"MASTER_PORT", "70000"}})),
            "MASTER_PORT=70000 must be a number from 1 to 65535");
  EXPECT_EQ(refusal({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}),
            "RANK=-1 must be a number from 0 to 65535");
}

}  // namespace
}  // namespace stockpot
