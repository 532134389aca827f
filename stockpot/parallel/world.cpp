#include "stockpot/parallel/world.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <net/if.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/parallel/address.h"
#include "stockpot/parallel/deadline.h"
#include "stockpot/parallel/lost.h"
#include "stockpot/parallel/meeting.h"
#include "stockpot/parallel/sums.h"

namespace stockpot {
namespace {

std::string first_line(const std::string& text) {
  return printable(text.substr(0, text.find('\n')));
}

std::vector<std::string> named_interfaces() {
  const char* variable = std::getenv("GLOO_SOCKET_IFNAME");
  if (!variable || !*variable) return {};
  const std::vector<std::string> names = split(variable, ',');
  for (const std::string& name : names)
    if (if_nametoindex(name.c_str()) == 0)
      throw UsageError("GLOO_SOCKET_IFNAME names '" + printable(name) +
                       "', which is no network interface of this machine (`ip link` lists them)");
  return names;
}

// Where this rank listens for the others.
std::string listening_address(const std::vector<Peer>& peers, int rank, std::uint16_t port) {
  const Peer& self = peers[static_cast<std::size_t>(rank)];
  const auto near = [&](const Peer& peer) { return peer.network == self.network; };
  if (std::all_of(peers.begin(), peers.end(), near)) return "127.0.0.1";
  if (!is_loopback(self.address)) return self.address;
  for (const Peer& peer : peers)
    if (!near(peer) && !is_loopback(peer.address)) return address_towards(peer.address, port);
  return "";
}

// How long each part of saying goodbye may take.
Milliseconds farewell(Milliseconds timeout) {
  return std::min<Milliseconds>(timeout / 10, Milliseconds(5000));
}

}  // namespace

struct World::State {
  LaunchVariables variables;
  Inquiry inquiry;
  std::shared_ptr<Collectives> cpu, gpu;
  std::string broken;  // why, once it is

  bool alone() const { return variables.size == 1; }

  // Takes part in an operation; whatever goes wrong in it is a lost rank.
  template <typename Operation>
  void together(const Operation& operation) {
    if (!broken.empty()) throw RunError(broken);
    try {
      operation();
    } catch (const std::exception& error) {
      const std::string reason = first_line(error.what());
      disconnect();
      broken = who_is_lost(inquiry, reason) + "; this run ends on all " +
               std::to_string(variables.size) + " ranks, start it again to continue";
      try {
        stay_for_others(inquiry);
      } catch (const std::exception&) {
        // They find out by themselves.
      }
      throw RunError(broken);
    }
  }

  // Taking connections down waits for operations under way, perhaps for as long as the timeout:
  // they are left to a thread then.
  void disconnect() {
    ended_within(inquiry.limit, [first = std::move(cpu), second = std::move(gpu)]() mutable {
      first.reset();
      second.reset();
    });
  }

  Collectives& for_tensor(const at::Tensor& tensor) {
    if (!broken.empty()) throw RunError(broken);
    if (!tensor.is_cuda()) return *cpu;
    if (!gpu) throw UsageError("this World was not joined for GPUs");
    return *gpu;
  }
};

World::World(std::unique_ptr<State> state) : state_(std::move(state)) {}
World::World(World&&) noexcept = default;
World& World::operator=(World&&) noexcept = default;
World::~World() = default;

World World::alone() { return World(std::make_unique<State>()); }

World World::join(const LaunchVariables& variables, const WorldOptions& options) {
  auto state = std::make_unique<State>();
  state->variables = variables;
  if (variables.size == 1) return World(std::move(state));
  const std::vector<std::string> named = named_interfaces();
  Inquiry& inquiry = state->inquiry;
  inquiry.self = variables.rank;
  inquiry.rank_0_keeps_table = !variables.launcher_serves;
  inquiry.limit = farewell(options.timeout);
  inquiry.meeting = meet(variables, options.timeout);

  const Seat seat{variables.rank, variables.size, options.timeout - 3 * inquiry.limit};
  State& self = *state;
  state->together([&] {
    const auto made = std::make_shared<std::shared_ptr<Collectives>>();
    const auto table = self.inquiry.meeting.table;
    const std::string address =
        listening_address(self.inquiry.meeting.peers, variables.rank, variables.master_port);
    if (!ended_within(seat.timeout, [made, table, seat, named, address] {
          *made = join_gloo(*table, seat, named, address);
        }))
      throw std::runtime_error("the connections were not made in time");
    self.cpu = *made;
  });
  World world(std::move(state));
  if (options.gpu)
    world.on_all([&] {
      world.state_->gpu =
          join_nccl(*world.state_->inquiry.meeting.table, seat, variables.local_rank,
                    [inquiry = world.state_->inquiry] { return another_has_ended(inquiry); });
    });
  return world;
}

int World::rank() const { return state_->variables.rank; }
int World::size() const { return state_->variables.size; }
int World::local_rank() const { return state_->variables.local_rank; }

void World::all_reduce(const at::Tensor& flat, SumOrder order) {
  if (flat.dim() != 1 || !flat.is_contiguous())
    throw std::logic_error("all_reduce takes a contiguous vector");
  if (state_->alone()) return;
  Collectives& collectives = state_->for_tensor(flat);
  state_->together([&] {
    if (order == SumOrder::rank)
      sum_in_rank_order(collectives, flat, rank(), size());
    else
      sum_in_buckets(collectives, flat);
  });
}

void World::settle() {
  if (state_->gpu) state_->together([&] { state_->gpu->settle(); });
}

void World::broadcast(const at::Tensor& flat) {
  if (flat.dim() != 1 || !flat.is_contiguous())
    throw std::logic_error("broadcast takes a contiguous vector");
  if (state_->alone()) return;
  Collectives& collectives = state_->for_tensor(flat);
  state_->together([&] { collectives.broadcast(flat, 0)(); });
}

std::vector<std::string> World::gather(std::string_view mine) {
  if (state_->alone()) return {std::string(mine)};
  // Sums of vectors that are zero but for one rank's part.
  const at::Tensor lengths = at::zeros({size()}, at::TensorOptions(at::kLong));
  std::int64_t* length = lengths.data_ptr<std::int64_t>();
  length[rank()] = static_cast<std::int64_t>(mine.size());
  std::vector<std::string> texts;
  state_->together([&] {
    state_->cpu->sum(lengths)();
    std::int64_t total = 0, before = 0;
    for (int r = 0; r < size(); ++r) {
      if (r < rank()) before += length[r];
      total += length[r];
    }
    const at::Tensor bytes = at::zeros({total}, at::TensorOptions(at::kByte));
    char* text = reinterpret_cast<char*>(bytes.data_ptr<std::uint8_t>());
    std::memcpy(text + before, mine.data(), mine.size());
    if (total > 0) sum_in_buckets(*state_->cpu, bytes);
    for (int r = 0; r < size(); ++r) {
      texts.emplace_back(text, static_cast<std::size_t>(length[r]));
      text += length[r];
    }
  });
  return texts;
}

int World::highest(int mine) {
  if (state_->alone()) return mine;
  const at::Tensor number = at::empty({1}, at::TensorOptions(at::kInt));
  *number.data_ptr<int>() = mine;
  state_->together([&] { state_->cpu->maximum(number)(); });
  return *number.data_ptr<int>();
}

void World::barrier() { highest(0); }

void World::leave(std::string_view why) noexcept {
  if (state_->alone() || !state_->broken.empty()) return;
  state_->broken = "this rank has left";
  try {
    say_why(state_->inquiry, first_line(std::string(why)));
    state_->disconnect();
    stay_for_others(state_->inquiry);
  } catch (const std::exception&) {
    // They find out by themselves.
  }
}

}  // namespace stockpot
