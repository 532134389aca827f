// The processes that train one model together. Every rank calls the same functions in the same
// order; each call returns on all of them or throws on all of them.
//
// A rank that was killed, was stopped, hangs or cannot be reached makes every call on the other
// ranks throw RunError before the timeout is over, naming that rank when it can be known. After
// that the World is broken: further calls throw the same again.
//
// Not for use by several threads at once. Only root() writes files.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/parallel/launch_variables.h"

namespace stockpot {

struct WorldOptions {
  // For the start, and for every call: how long a rank waits for the slowest one. A rank that
  // computes or writes longer than that between two calls counts as lost.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  bool gpu = false;  // all_reduce of tensors on this rank's GPU, by NCCL
};

enum class SumOrder {
  fast,  // as the library likes; the same for the same number of ranks and length
  rank,  // ((rank 0 + rank 1) + rank 2) + ..., bit for bit
};

class World {
 public:
  // A process by itself: sums return their input, nothing waits.
  static World alone();

  // Meets the other ranks at the address in `variables`; alone() when there are none. The
  // network interfaces in GLOO_SOCKET_IFNAME (names with commas) are used when set, otherwise
  // loopback by the ranks of one machine, else the interface on the way to rank 0. Throws
  // UsageError when ranks do not fit together (different world sizes, one rank twice), the port is
  // taken or the build has no process groups; RunError naming the ranks that did not come before
  // the timeout.
  static World join(const LaunchVariables& variables, const WorldOptions& options = {});

  World(World&&) noexcept;
  World& operator=(World&&) noexcept;
  ~World();

  int rank() const;
  int size() const;
  int local_rank() const;  // the index of this rank's GPU
  bool root() const { return rank() == 0; }

  // The sum over all ranks, in place: a contiguous vector of one dimension, of the same type and
  // length on every rank, on the CPU or this rank's GPU. Goes in buckets of 2^20 elements. On a GPU
  // it may still be on its way afterwards: call settle() before anything that waits for the device,
  // which would wait for a lost rank forever.
  void all_reduce(const at::Tensor& flat, SumOrder order = SumOrder::fast);
  // Waits for all sums on the GPU.
  void settle();
  // Rank 0's values for everyone, in place.
  void broadcast(const at::Tensor& flat);

  // Every rank's text, in rank order, on every rank.
  std::vector<std::string> gather(std::string_view mine);
  // The highest number of all ranks, such as 0: go on, 1: save, 2: stop.
  int highest(int mine);
  // True on every rank when it is on one: a loss that is not finite.
  bool any(bool mine) { return highest(mine ? 1 : 0) != 0; }
  void barrier();

  // Throws UsageError on every rank when they do not bring the same text, naming the ranks and
  // what each has. `what` is for the message: "the recipe".
  void agree(std::string_view what, std::string_view mine);

  // Runs `body` on rank 0 while the others wait. When it throws there, every rank throws an
  // error of the same kind (exit code) with the same text. `body` must not use this World.
  void on_root(const std::function<void()>& body);

  // Runs `body` on every rank. When it throws on some, every rank throws: those their own error,
  // the others one of the same kind and text as the first rank's that failed. For what one rank
  // alone may fail at, such as opening its files. `body` must not use this World.
  void on_all(const std::function<void()>& body);

  // Before this rank leaves because of an error of its own: tells the others why, so that they
  // can say so. Does nothing when the World is broken. Never throws.
  void leave(std::string_view why) noexcept;

 private:
  struct State;
  explicit World(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
