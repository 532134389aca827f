#include "stockpot/parallel/lost.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "stockpot/base/text.h"
#include "stockpot/parallel/deadline.h"

namespace stockpot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kVerdict = "verdict";

std::string key(const char* kind, int rank) { return kind + ("/" + std::to_string(rank)); }

void pause() { std::this_thread::sleep_for(Milliseconds(20)); }

const Peer& self_of(const Inquiry& inquiry) {
  return inquiry.meeting.peers[static_cast<std::size_t>(inquiry.self)];
}

bool gone(const Inquiry& inquiry, const Peer& peer) {
  const Life life = life_of(peer, self_of(inquiry));
  return life == Life::ended || life == Life::stopped;
}

// The ranks of this machine whose processes ended or are stopped; "" when there are none.
std::string gone_here(const Inquiry& inquiry) {
  std::vector<std::string> names;
  for (const Peer& peer : inquiry.meeting.peers) {
    if (peer.rank == inquiry.self || !gone(inquiry, peer)) continue;
    const bool ended = life_of(peer, self_of(inquiry)) == Life::ended;
    names.push_back(peer.name() + (ended ? " has ended" : " is stopped"));
    // The others end after the keeper of the table, because they can no longer ask.
    if (peer.rank == 0 && inquiry.rank_0_keeps_table) break;
  }
  return join(names, ", ");
}

std::string silent(const Inquiry& inquiry) {
  std::vector<std::string> names;
  for (const Peer& peer : inquiry.meeting.peers)
    if (peer.rank != inquiry.self && !inquiry.meeting.table->has(key("alive", peer.rank)))
      names.push_back(peer.name());
  return names.empty() ? "" : "no sign of life from " + join(names, ", ");
}

std::string ask(const Inquiry& inquiry, const std::string& reason) {
  const auto deadline = Clock::now() + inquiry.limit * 3 / 4;
  SharedTable& table = *inquiry.meeting.table;
  table.set(key("alive", inquiry.self), "yes");
  std::string blamed;
  while (blamed.empty() && Clock::now() < deadline && !table.has(kVerdict)) {
    blamed = gone_here(inquiry);
    if (blamed.empty()) pause();
  }
  if (blamed.empty() && !table.has(kVerdict)) blamed = silent(inquiry);
  if (blamed.empty()) blamed = "all ranks still run, but lost touch: " + reason;
  const std::string verdict = table.set_first(kVerdict, blamed);
  table.set(key("told", inquiry.self), "yes");
  return verdict;
}

}  // namespace

bool another_has_ended(const Inquiry& inquiry) {
  return std::ranges::any_of(inquiry.meeting.peers, [&](const Peer& peer) {
    return peer.rank != inquiry.self && life_of(peer, self_of(inquiry)) == Life::ended;
  });
}

std::string who_is_lost(const Inquiry& inquiry, const std::string& reason) {
  const auto verdict = std::make_shared<std::string>();
  try {
    const bool answered = ended_within(
        inquiry.limit, [verdict, inquiry, reason] { *verdict = ask(inquiry, reason); });
    if (answered) return *verdict;
  } catch (const std::exception&) {
    // The table is gone with its keeper: what this machine can see has to do.
  }
  std::string blamed = gone_here(inquiry);
  for (const auto deadline = Clock::now() + inquiry.limit;
       blamed.empty() && Clock::now() < deadline; blamed = gone_here(inquiry))
    pause();
  if (!blamed.empty()) return blamed;
  return inquiry.rank_0_keeps_table ? "no answer from " + inquiry.meeting.peers.front().name()
                                    : "neither the launcher nor the other ranks answer: " + reason;
}

void say_why(const Inquiry& inquiry, const std::string& why) {
  const auto table = inquiry.meeting.table;
  const std::string verdict = self_of(inquiry).name() + " stopped: " + why;
  ended_within(inquiry.limit, [table, verdict] { table->set_first(kVerdict, verdict); });
}

void stay_for_others(const Inquiry& inquiry) {
  if (inquiry.self != 0 || !inquiry.rank_0_keeps_table) return;
  ended_within(inquiry.limit, [inquiry] {
    const auto deadline = Clock::now() + inquiry.limit;
    for (const Peer& peer : inquiry.meeting.peers)
      while (peer.rank != inquiry.self && Clock::now() < deadline && !gone(inquiry, peer) &&
             !inquiry.meeting.table->has(key("told", peer.rank)))
        pause();
  });
}

}  // namespace stockpot
