#include "ranks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

#include "stockpot/parallel/compat.h"

extern char** environ;

namespace stockpot {
namespace {

bool of_a_launcher(const std::string& name) {
  for (const char* prefix : {"RANK", "WORLD_SIZE", "LOCAL_", "GROUP_", "MASTER_", "TORCHELASTIC_",
                             "OMPI_", "PMI", "MPI_", "SLURM_", "GLOO_"})
    if (name.rfind(prefix, 0) == 0) return true;
  return false;
}

std::vector<std::string> environment_with(EnvironmentMap more) {
  // Each rank is one thread: the machine is small.
  more.emplace("OMP_NUM_THREADS", "1");
  std::vector<std::string> lines;
  for (char** line = environ; *line; ++line) {
    const std::string text = *line, name = text.substr(0, text.find('='));
    if (!of_a_launcher(name) && !more.contains(name)) lines.push_back(text);
  }
  for (const auto& [name, value] : more) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

EnvironmentMap torchrun_variables(int rank, int size, int port) {
  return {{"RANK", std::to_string(rank)},       {"WORLD_SIZE", std::to_string(size)},
          {"LOCAL_RANK", std::to_string(rank)}, {"LOCAL_WORLD_SIZE", std::to_string(size)},
          {"MASTER_ADDR", "127.0.0.1"},         {"MASTER_PORT", std::to_string(port)},
          {"TORCHELASTIC_RUN_ID", "test"}};
}

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  socklen_t length = sizeof(address);
  bind(socket, reinterpret_cast<sockaddr*>(&address), length);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  close(socket);
  return ntohs(address.sin_port);
}

Process::Process(const std::vector<std::string>& command, const EnvironmentMap& environment)
    : folder_(std::make_unique<TemporaryFolder>()), start_(std::chrono::steady_clock::now()) {
  EnvironmentMap more = environment;
  more["STOCKPOT_TEST_READY"] = ready_file();
  const std::vector<std::string> lines = environment_with(more);
  const std::vector<char*> arguments = pointers(command), variables = pointers(lines);
  const std::string out = (folder_->path() / "out").string();
  number_ = fork();
  if (number_ != 0) return;
  const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execvpe(arguments[0], arguments.data(), variables.data());
  _exit(121);
}

Process::Process(Process&& other) noexcept
    : folder_(std::move(other.folder_)),
      number_(std::exchange(other.number_, -1)),
      start_(other.start_) {}

Process::~Process() {
  if (number_ <= 0) return;
  kill(number_, SIGKILL);
  waitpid(number_, nullptr, 0);
}

void Process::signal(int signal) const { kill(number_, signal); }

bool Process::wait_until_ready() const {
  for (int i = 0; i < 6000 && !std::filesystem::exists(ready_file()); ++i) usleep(10000);
  return std::filesystem::exists(ready_file());
}

RankEnd Process::wait(std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int status = 0;
  while (waitpid(number_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) kill(number_, SIGKILL);
    usleep(5000);
  }
  number_ = -1;
  RankEnd end;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  end.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::ostringstream text;
  text << std::ifstream(folder_->path() / "out").rdbuf();
  end.text = text.str();
  return end;
}

void JointTest::SetUp() {
  if (!has_process_groups()) GTEST_SKIP() << "this LibTorch came without the headers of Gloo";
}

std::vector<std::string> rank_command(const std::vector<std::string>& scenario) {
  std::vector<std::string> command{std::filesystem::read_symlink("/proc/self/exe").string(),
                                   "--rank"};
  command.insert(command.end(), scenario.begin(), scenario.end());
  return command;
}

std::vector<Process> start_ranks(int size, const std::vector<std::string>& scenario,
                                 const EnvironmentMap& more) {
  const int port = free_port();
  std::vector<Process> ranks;
  for (int rank = 0; rank < size; ++rank) {
    EnvironmentMap variables = torchrun_variables(rank, size, port);
    for (const auto& [name, value] : more) variables[name] = value;
    ranks.emplace_back(rank_command(scenario), variables);
  }
  return ranks;
}

std::vector<RankEnd> ends_of(std::vector<Process>& ranks) {
  std::vector<RankEnd> ends;
  for (Process& rank : ranks) ends.push_back(rank.wait());
  return ends;
}

std::vector<RankEnd> run_ranks(int size, const std::vector<std::string>& scenario,
                               const EnvironmentMap& more) {
  std::vector<Process> ranks = start_ranks(size, scenario, more);
  return ends_of(ranks);
}

}  // namespace stockpot
