#include "program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "stockpot/base/file.h"
#include "stockpot/base/hash.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

pid_t start(const fs::path& folder, const std::vector<std::string>& arguments,
            const std::vector<std::string>& environment, const fs::path& out, const fs::path& err) {
  const pid_t child = fork();
  if (child != 0) return child;
  if (chdir(folder.c_str()) != 0) _exit(120);
  for (const std::string& variable : environment) putenv(const_cast<char*>(variable.c_str()));
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  dup2(open(out.c_str(), flags, 0600), STDOUT_FILENO);
  dup2(open(err.c_str(), flags, 0600), STDERR_FILENO);
  const std::string program = std::string(STOCKPOT_BIN_DIR) + "/stockpot";
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(121);
}

Outcome finish(pid_t child, const fs::path& out, const fs::path& err) {
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), slurp(out), slurp(err)};
}

}  // namespace

std::string slurp(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

Outcome stockpot(const fs::path& folder, const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment) {
  TemporaryFolder output;
  const fs::path out = output.path() / "out", err = output.path() / "err";
  return finish(start(folder, arguments, environment, out, err), out, err);
}

Outcome stockpot_signalled(const fs::path& folder, const std::vector<std::string>& arguments,
                           const fs::path& file, int signal) {
  TemporaryFolder output;
  const fs::path out = output.path() / "out", err = output.path() / "err";
  const pid_t child = start(folder, arguments, {}, out, err);
  while (!fs::exists(file) && waitpid(child, nullptr, WNOHANG) == 0) usleep(2000);
  kill(child, signal);
  return finish(child, out, err);
}

SmallWorld::SmallWorld() {
  const fs::path fixtures = fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures";
  fs::copy(fixtures / "model" / "resnet18", path() / "model", fs::copy_options::recursive);
  fs::copy(fixtures / "train" / "images", path() / "train", fs::copy_options::recursive);
  // Two pictures of every class are held out.
  for (const auto& folder : fs::directory_iterator(path() / "train"))
    for (const char* name : {"2.webp", "3.webp"}) {
      const fs::path target = path() / "val" / folder.path().filename();
      fs::create_directories(target);
      fs::rename(folder.path() / name, target / name);
    }
  folder_.put("recipe.yaml", R"(version: 1
model: {from: model}
data:
  train: {imagefolder: train}
  val: {imagefolder: val}
  test:
    ood: {shifted: {imagefolder: val}}
train: {epochs: 2, batch: 4, augment: minimal}
methods:
  lp: {c: {logspace: [-2, 1, 4]}}
  ft: {lr: [1.0e-3, 3.0e-3], batchnorm: [frozen, live]}
  lpft: {lr: 1.0e-3}
search:
  runs: 3
  space: {lr: {loguniform: [1.0e-4, 3.0e-3]}, epochs: {int: [1, 3]}}
)");
}

void SmallWorld::edit(const std::string& file, const std::string& from,
                      const std::string& to) const {
  std::string text = slurp(path() / file);
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("no '" + from + "' in " + file);
  folder_.put(file, text.replace(at, from.size(), to));
}

std::vector<std::pair<std::string, std::string>> lasting_files(const fs::path& folder) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    const bool lasting = extension == ".safetensors" || extension == ".csv" ||
                         entry.path().filename() == "config.json" ||
                         entry.path().filename() == "ledger.json";
    // metrics.csv holds seconds.
    if (!entry.is_regular_file() || !lasting || entry.path().filename() == "metrics.csv") continue;
    files.emplace_back(fs::relative(entry.path(), folder).string(), sha256(slurp(entry.path())));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace stockpot
