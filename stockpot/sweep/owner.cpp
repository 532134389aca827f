#include "stockpot/sweep/owner.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <random>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr std::uint64_t kLargestSmallFile = 1 << 16;

std::string link_text(const char* link) {
  std::array<char, 128> text{};
  return ::readlink(link, text.data(), text.size() - 1) < 0 ? "" : text.data();
}

std::string file_text(const fs::path& file) {
  try {
    return std::string(trim(read_file(file, kLargestSmallFile)));
  } catch (const FormatError&) {
    return "";
  }
}

// The start of a process in ticks since the boot; nothing when there is no such process, or
// only what a dead one leaves until its parent has looked. "" when /proc does not tell.
std::optional<std::string> start_of(std::int64_t pid) {
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return std::nullopt;
  const std::string stat = file_text("/proc/" + std::to_string(pid) + "/stat");
  // The second field, the name in parentheses, may hold spaces and parentheses.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return "";
  const std::vector<std::string> fields = split(stat.substr(name_end + 2), ' ');
  if (fields[0] == "Z" || fields[0] == "X") return std::nullopt;
  constexpr std::size_t kStart = 22 - 3;  // the fields are counted from 1, fields[0] is the third
  return fields.size() > kStart ? fields[kStart] : "";
}

std::string new_nonce() {
  std::random_device device;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string nonce;
  for (int i = 0; i < 16; ++i) nonce += kDigits[device() % 16];
  return nonce;
}

}  // namespace

Json Owner::to_json() const {
  return Json::object({{"schema_version", 1},
                       {"host", host},
                       {"pid", pid},
                       {"boot", boot},
                       {"pid_space", pid_space},
                       {"started", started},
                       {"job", job},
                       {"restart", restart},
                       {"nonce", nonce},
                       {"since", since},
                       {"beat_seconds", beat_seconds}});
}

std::optional<Owner> Owner::parse(const std::string& text) {
  try {
    const Json json = Json::parse(text, "claim.json");
    const auto need = [&](const char* key) -> const Json& {
      if (const Json* value = json.find(key)) return *value;
      throw FormatError(std::string("no '") + key + "' in it");
    };
    Owner owner;
    owner.host = need("host").as_string();
    owner.pid = need("pid").as_integer();
    owner.boot = need("boot").as_string();
    owner.pid_space = need("pid_space").as_string();
    owner.started = need("started").as_string();
    owner.job = need("job").as_string();
    owner.restart = need("restart").as_integer();
    owner.nonce = need("nonce").as_string();
    owner.since = need("since").as_integer();
    owner.beat_seconds = need("beat_seconds").as_number();
    return owner;
  } catch (const FormatError&) {
    return std::nullopt;
  }
}

std::string Owner::describe() const {
  return printable(host) + " process " + std::to_string(pid) +
         (job.empty() ? "" : ", job " + printable(job));
}

Owner this_process() {
  Owner owner;
  std::array<char, 256> host{};
  owner.host = gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "unknown";
  owner.pid = getpid();
  owner.boot = file_text("/proc/sys/kernel/random/boot_id");
  owner.pid_space = link_text("/proc/self/ns/pid");
  owner.started = start_of(owner.pid).value_or("");
  if (const char* job = std::getenv("SLURM_JOB_ID")) owner.job = job;
  if (const char* count = std::getenv("SLURM_RESTART_COUNT")) owner.restart = std::atoll(count);
  owner.nonce = new_nonce();
  owner.since = static_cast<std::int64_t>(std::time(nullptr));
  return owner;
}

bool is_gone(const Owner& owner, const Owner& here) {
  if (!owner.job.empty() && owner.job == here.job && owner.restart < here.restart) return true;
  if (owner.host != here.host || owner.boot != here.boot || owner.pid_space != here.pid_space)
    return false;
  const std::optional<std::string> start = start_of(owner.pid);
  // Another start: the number was given to another process.
  return !start || (!start->empty() && !owner.started.empty() && *start != owner.started);
}

}  // namespace stockpot
