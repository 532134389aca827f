#include "stockpot/parallel/meeting.h"

#include <algorithm>
#include <functional>
#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/parallel/address.h"
#include "stockpot/parallel/deadline.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kAnswer = std::chrono::minutes(1);
constexpr Milliseconds kFarewell = std::chrono::seconds(2);

std::string seconds(Milliseconds time) {
  return human_duration(static_cast<double>(time.count()) / 1000);
}

// LibTorch appends a stack trace.
std::string first_line(const std::string& text) {
  return printable(text.substr(0, text.find('\n')));
}

std::string address_of(const LaunchVariables& variables) {
  return printable(variables.master_address) + ":" + std::to_string(variables.master_port);
}

bool serves(const LaunchVariables& variables) {
  return variables.rank == 0 && !variables.launcher_serves;
}

std::shared_ptr<SharedTable> open(const LaunchVariables& variables, Milliseconds timeout) {
  TableAddress address;
  address.host = variables.master_address;
  address.port = variables.master_port;
  address.serve = serves(variables);
  // A group that was started again must not meet what the one before it left.
  address.prefix = "stockpot/" + variables.run_id + "/" + std::to_string(variables.restart_count);
  try {
    return open_table(address, timeout);
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {
    const std::string what = error.what();
    if (address.serve &&
        (what.find("EADDRINUSE") != std::string::npos || what.find("in use") != std::string::npos))
      throw UsageError("port " + std::to_string(address.port) +
                       ", where the ranks were to meet, is taken by another program here; set "
                       "MASTER_PORT to a free one");
    throw RunError(
        address.serve ? "rank 0 cannot listen at " + address_of(variables) + ": " + first_line(what)
                      : "nobody answered at " + address_of(variables) + " within " +
                            seconds(timeout) + ", where rank " + std::to_string(variables.rank) +
                            " was to meet rank 0; did rank 0 start, and are MASTER_ADDR and "
                            "MASTER_PORT its own?");
  }
}

// Every rank ends with the error of the first one that refuses.
[[noreturn]] void throw_refusal(const std::string& refusal) {
  if (refusal.front() == 'u') throw UsageError(refusal.substr(1));
  throw RunError(refusal.substr(1));
}

enum class Refusal : char { usage = 'u', run = 'r' };

[[noreturn]] void refuse(SharedTable& table, Refusal kind, const std::string& why) {
  throw_refusal(table.set_first("refused", static_cast<char>(kind) + why));
}

std::string here(int rank) { return "here/" + std::to_string(rank); }

std::string told(const Peer& peer) {
  return "told/" + std::to_string(peer.rank) + "/" + std::to_string(peer.process);
}

// After a refusal: the keeper of the table stays until those who came have read it.
void leave(SharedTable& table, const Peer& self, bool keeper) {
  try {
    table.set(told(self), "yes");
    const auto deadline = Clock::now() + kFarewell;
    for (int rank = 1; keeper && rank < self.size; ++rank)
      while (Clock::now() < deadline && table.has(here(rank)) &&
             !table.has(told(Peer::from_text(table.get(here(rank))))))
        std::this_thread::sleep_for(Milliseconds(10));
  } catch (const std::exception&) {
    // The table is gone: nobody is left to tell.
  }
}

std::string sizes_differ(const Peer& one, const Peer& other) {
  return "the ranks do not agree on how many they are: " + one.name() + " was started as one of " +
         std::to_string(one.size) + ", " + other.name() + " as one of " +
         std::to_string(other.size);
}

void wait_for(SharedTable& table, const std::string& key, Clock::time_point deadline) {
  while (!table.has(key)) {
    if (table.has("refused")) throw_refusal(table.get("refused"));
    if (Clock::now() > deadline) return;
    std::this_thread::sleep_for(Milliseconds(10));
  }
}

std::vector<Peer> introduce(SharedTable& table, const Peer& self, const std::string& address,
                            Milliseconds timeout, Clock::time_point deadline) {
  const std::string first = table.set_first(here(self.rank), self.to_text());
  if (first != self.to_text())
    refuse(table, Refusal::usage,
           "two processes were started as the same rank: " + Peer::from_text(first).name() +
               " and " + self.name());
  std::vector<Peer> peers;
  std::vector<std::string> missing;
  for (int rank = 0; rank < self.size; ++rank) {
    wait_for(table, here(rank), deadline);
    if (!table.has(here(rank))) {
      missing.push_back(std::to_string(rank));
      continue;
    }
    peers.push_back(Peer::from_text(table.get(here(rank))));
    const Peer& peer = peers.back();
    if (peer.size != self.size)
      refuse(table, Refusal::usage,
             rank < self.rank ? sizes_differ(peer, self) : sizes_differ(self, peer));
  }
  if (!missing.empty())
    refuse(table, Refusal::run,
           "of " + std::to_string(self.size) + " ranks these did not come to " + address +
               " within " + seconds(timeout) + ": " + join(missing, ", "));
  return peers;
}

RunError no_answer(const LaunchVariables& variables) {
  return RunError("what listens at " + address_of(variables) + " does not answer as " +
                  (variables.launcher_serves
                       ? "torchrun of the same version as LibTorch does; use the torchrun of that "
                         "version, or `stockpot launch`"
                       : "rank 0 of this run does; is the port another program's, or is rank 0 "
                         "stopped?"));
}

}  // namespace

Meeting meet(const LaunchVariables& variables, Milliseconds timeout) {
  const auto meeting = std::make_shared<Meeting>();
  // The limit of the whole comes a little later than those inside, which can say more.
  const Milliseconds inside = timeout - timeout / 10;
  const auto deadline = Clock::now() + inside;
  const auto within = [&](Milliseconds limit, std::function<void()> body) {
    if (!ended_within(limit, std::move(body))) throw no_answer(variables);
  };
  try {
    within(timeout, [=] { meeting->table = open(variables, inside); });
    // Whoever accepts connections should answer soon.
    within(std::min<Milliseconds>(timeout, kAnswer), [=] { meeting->table->has("refused"); });
    Peer self = this_peer(variables.rank, variables.size);
    self.address = address_towards(variables.master_address, variables.master_port);
    within(timeout, [=] {
      SharedTable& table = *meeting->table;
      try {
        meeting->peers = introduce(table, self, address_of(variables), inside, deadline);
      } catch (const std::exception&) {
        leave(table, self, serves(variables));
        throw;
      }
    });
  } catch (const UsageError&) {
    throw;
  } catch (const RunError&) {
    throw;
  } catch (const std::exception& error) {
    throw RunError("what listens at " + address_of(variables) +
                   " went away while the ranks were meeting there: " + first_line(error.what()));
  }
  return std::move(*meeting);
}

}  // namespace stockpot
