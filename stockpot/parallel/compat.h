// LibTorch's process groups (c10d) behind two small interfaces, since they differ between 1.13
// and 2.x: the only place of the room with #if on versions and builds. The functions throw
// LibTorch's exceptions when they fail; World makes stockpot's errors of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stockpot {

using Milliseconds = std::chrono::milliseconds;

// A table of texts that all processes share (c10d's TCPStore); one of them keeps it. When that
// one hangs, a call may never return: bound the calls (deadline.h).
class SharedTable {
 public:
  virtual ~SharedTable() = default;
  virtual void set(const std::string& key, const std::string& value) = 0;
  // Sets the value when there is none yet; returns the one that is there afterwards.
  virtual std::string set_first(const std::string& key, const std::string& value) = 0;
  virtual bool has(const std::string& key) = 0;
  virtual std::string get(const std::string& key) = 0;  // waits until it is there
};

// Whether several processes can train together: whether LibTorch's process groups were there when
// stockpot was built.
bool has_process_groups();

// `serve`: this process keeps the table, listening on `port` of all its addresses; else it
// connects to `host`, repeatedly until the timeout. Keys are prefixed.
struct TableAddress {
  std::string host;
  std::uint16_t port = 0;
  bool serve = false;
  std::string prefix;
};
// Throws UsageError when stockpot was built without Gloo.
std::shared_ptr<SharedTable> open_table(const TableAddress& address, Milliseconds timeout);

// Operations in which all ranks take part, in the same order and with tensors of the same
// sizes. Each starts its operation and returns the function that waits for its end, at most the
// timeout; several may be under way. On a GPU it is this thread's current stream that waits, and
// the thread itself only for what was asked for long before. Tensors are contiguous.
class Collectives {
 public:
  using Wait = std::function<void()>;
  virtual ~Collectives() = default;
  virtual Wait sum(const at::Tensor& tensor) = 0;      // in place
  virtual Wait maximum(const at::Tensor& tensor) = 0;  // in place
  virtual Wait broadcast(const at::Tensor& tensor, int root) = 0;
  // sent[r] elements of `in` go to rank r, parts in rank order; received[r] of `out` are from it.
  virtual Wait exchange(const at::Tensor& out, const at::Tensor& in,
                        std::vector<std::int64_t> received, std::vector<std::int64_t> sent) = 0;
  // Waits here for the end of everything that was started, at most the timeout.
  virtual void settle() {}
};

struct Seat {
  int rank = 0, size = 1;
  Milliseconds timeout{};
};

// For CPU tensors. Uses the named network interfaces; with none named, the one that has this
// `address`; with "" the one that this machine's name resolves to.
std::shared_ptr<Collectives> join_gloo(SharedTable& table, const Seat& seat,
                                       const std::vector<std::string>& interfaces,
                                       const std::string& address);
// For tensors of one CUDA device. Waiting ends with an exception, too, soon after `lost` says that
// a rank has ended. Throws UsageError when stockpot was built without NCCL or there is no such
// device.
std::shared_ptr<Collectives> join_nccl(SharedTable& table, const Seat& seat, int device,
                                       std::function<bool()> lost);

}  // namespace stockpot
