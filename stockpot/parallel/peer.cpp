#include "stockpot/parallel/peer.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "stockpot/base/json.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

struct ProcessState {
  char letter = '?';
  std::uint64_t started = 0;
};

// Fields 3 and 22 of /proc/<process>/stat; the name before them may hold anything.
std::optional<ProcessState> state_of(std::int64_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  if (!std::getline(file, text, '\0')) return std::nullopt;
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  ProcessState state;
  std::string skipped;
  fields >> state.letter;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> state.started;
  return fields ? std::optional(state) : std::nullopt;
}

// One boot of one machine and one of its namespaces: "pid" for the numbers of processes, "net"
// for network interfaces.
std::string place(const std::string& host, const std::string& kind) {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  std::error_code ignored;
  return host + " " + boot + " " +
         std::filesystem::read_symlink("/proc/self/ns/" + kind, ignored).string();
}

}  // namespace

Peer this_peer(int rank, int size) {
  Peer peer;
  peer.rank = rank;
  peer.size = size;
  std::array<char, 256> host{};
  peer.host = gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "unknown";
  peer.machine = place(peer.host, "pid");
  peer.network = place(peer.host, "net");
  peer.process = getpid();
  if (const auto state = state_of(peer.process)) peer.started = state->started;
  return peer;
}

std::string Peer::to_text() const {
  return Json::object({{"rank", rank},
                       {"size", size},
                       {"host", host},
                       {"machine", machine},
                       {"network", network},
                       {"address", address},
                       {"process", process},
                       {"started", started}})
      .dump();
}

Peer Peer::from_text(const std::string& text) {
  const Json json = Json::parse(text, "rank");
  const auto at = [&](const char* key) {
    const Json* value = json.find(key);
    return value ? *value : Json();
  };
  Peer peer;
  peer.rank = static_cast<int>(at("rank").as_integer());
  peer.size = static_cast<int>(at("size").as_integer());
  peer.host = at("host").as_string();
  peer.machine = at("machine").as_string();
  peer.network = at("network").as_string();
  peer.address = at("address").as_string();
  peer.process = at("process").as_integer();
  peer.started = at("started").as_unsigned();
  return peer;
}

std::string Peer::name() const {
  return "rank " + std::to_string(rank) + " (process " + std::to_string(process) + " on " +
         printable(host) + ")";
}

Life life_of(const Peer& peer, const Peer& self) {
  if (peer.machine != self.machine || self.started == 0) return Life::unknown;
  const auto state = state_of(peer.process);
  if (!state || state->started != peer.started) return Life::ended;
  if (state->letter == 'Z' || state->letter == 'X') return Life::ended;
  return state->letter == 'T' || state->letter == 't' ? Life::stopped : Life::running;
}

}  // namespace stockpot
