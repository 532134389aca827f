// c10d's headers include all of ATen, which the rooms with tensors forbid themselves. Nothing
// else of the room does, so only this file pays for it.
#undef TORCH_ASSERT_ONLY_METHOD_OPERATORS
#include "stockpot/parallel/compat.h"

#include <torch/version.h>

#include "stockpot/base/error.h"

// Official builds of LibTorch carry Gloo but not its headers. Those of Debian's libgloo-dev do
// for all versions: Gloo is only called by LibTorch itself, here its types are only named.
#if defined(USE_C10D_GLOO) && __has_include(<gloo/context.h>)
#define STOCKPOT_GLOO 1
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif
#if defined(STOCKPOT_GLOO) && defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#define STOCKPOT_NCCL 1
#include <c10/cuda/CUDAFunctions.h>

#include <deque>
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace stockpot {

#ifdef STOCKPOT_GLOO

namespace {

#if TORCH_VERSION_MAJOR >= 2
using Group = c10d::Backend;
#else
using Group = c10d::ProcessGroup;
#endif

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

class StoreTable : public SharedTable {
 public:
  StoreTable(const TableAddress& address, Milliseconds timeout) {
    c10d::TCPStoreOptions options;
    options.port = address.port;
    options.isServer = address.serve;
    options.waitWorkers = false;
    options.timeout = timeout;
    store_ = c10::make_intrusive<c10d::PrefixStore>(
        address.prefix, c10::make_intrusive<c10d::TCPStore>(address.host, options));
  }
  void set(const std::string& key, const std::string& value) override {
    store_->set(key, bytes_of(value));
  }
  std::string set_first(const std::string& key, const std::string& value) override {
    return text_of(store_->compareSet(key, {}, bytes_of(value)));
  }
  bool has(const std::string& key) override { return store_->check({key}); }
  std::string get(const std::string& key) override { return text_of(store_->get(key)); }

  c10::intrusive_ptr<c10d::Store> part(const std::string& prefix) const {
    return c10::make_intrusive<c10d::PrefixStore>(prefix, store_);
  }

 private:
  c10::intrusive_ptr<c10d::Store> store_;
};

class GroupCollectives : public Collectives {
 public:
  GroupCollectives(c10::intrusive_ptr<Group> group, Milliseconds timeout)
      : group_(std::move(group)), timeout_(timeout) {}

  Wait sum(const at::Tensor& tensor) override { return reduce(tensor, c10d::ReduceOp::SUM); }
  Wait maximum(const at::Tensor& tensor) override { return reduce(tensor, c10d::ReduceOp::MAX); }

  Wait broadcast(const at::Tensor& tensor, int root) override {
    std::vector<at::Tensor> tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    options.timeout = timeout_;
    return wait_for(group_->broadcast(tensors, options), tensors);
  }

  Wait exchange(const at::Tensor& out, const at::Tensor& in, std::vector<std::int64_t> received,
                std::vector<std::int64_t> sent) override {
    at::Tensor to = out, from = in;
    c10d::AllToAllOptions options;
    options.timeout = timeout_;
    return wait_for(group_->alltoall_base(to, from, received, sent, options), {to, from});
  }

 protected:
  virtual void wait(const c10::intrusive_ptr<c10d::Work>& work) { work->wait(timeout_); }
  Milliseconds timeout() const { return timeout_; }

 private:
  Wait reduce(const at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
    std::vector<at::Tensor> tensors{tensor};
    c10d::AllreduceOptions options;
    options.reduceOp = operation;
    options.timeout = timeout_;
    return wait_for(group_->allreduce(tensors, options), tensors);
  }

  // The waiting function keeps the tensors alive.
  Wait wait_for(c10::intrusive_ptr<c10d::Work> work, std::vector<at::Tensor> tensors) {
    return [this, work = std::move(work), alive = std::move(tensors)] { wait(work); };
  }

  c10::intrusive_ptr<Group> group_;
  Milliseconds timeout_;
};

}  // namespace

std::shared_ptr<SharedTable> open_table(const TableAddress& address, Milliseconds timeout) {
  return std::make_shared<StoreTable>(address, timeout);
}

std::shared_ptr<Collectives> join_gloo(SharedTable& table, const Seat& seat,
                                       const std::vector<std::string>& interfaces,
                                       const std::string& address) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto options = Gloo::Options::create(seat.timeout);
  for (const std::string& interface : interfaces)
    options->devices.push_back(Gloo::createDeviceForInterface(interface));
  if (interfaces.empty())
    options->devices.push_back(address.empty() ? Gloo::createDefaultDevice()
                                               : Gloo::createDeviceForHostname(address));
  return std::make_shared<GroupCollectives>(
      c10::make_intrusive<Gloo>(dynamic_cast<StoreTable&>(table).part("gloo"), seat.rank, seat.size,
                                options),
      seat.timeout);
}

bool has_process_groups() { return true; }

#else

bool has_process_groups() { return false; }

std::shared_ptr<SharedTable> open_table(const TableAddress&, Milliseconds) {
  throw UsageError(
      "this stockpot was built without LibTorch's process groups, so it cannot train on several "
      "processes; install libgloo-dev and build it again");
}

std::shared_ptr<Collectives> join_gloo(SharedTable&, const Seat&, const std::vector<std::string>&,
                                       const std::string&) {
  return nullptr;  // there is no table to call this with
}

#endif

#ifdef STOCKPOT_NCCL

namespace {

// What a stream waits for is looked after here, too: whatever follows it on the stream would never
// run when a peer is lost.
class NcclCollectives : public GroupCollectives {
 public:
  using Nccl = c10d::ProcessGroupNCCL;

  NcclCollectives(c10::intrusive_ptr<Nccl> group, Milliseconds timeout, std::function<bool()> lost)
      : GroupCollectives(group, timeout), group_(std::move(group)), lost_(std::move(lost)) {}

  // Ends what is under way on the device, or nobody could wait for the device any more.
  ~NcclCollectives() override {
    if (under_way_.empty())
      group_->shutdown();
    else
      group_->abort();
  }

  void settle() override { keep_under_way(0); }

 protected:
  void wait(const c10::intrusive_ptr<c10d::Work>& work) override {
    work->wait();
    under_way_.push_back(work);
    keep_under_way(kUnderWay);
  }

 private:
  // The sums of one step, and more: the thread is ahead of its device by that much.
  static constexpr std::size_t kUnderWay = 16;

  void keep_under_way(std::size_t count) {
    while (under_way_.size() > count) {
      end_of(*under_way_.front());
      under_way_.pop_front();
    }
  }

  void end_of(c10d::Work& work) {
    using Clock = std::chrono::steady_clock;
    auto deadline = Clock::now() + timeout();
    auto next_look = Clock::now() + std::chrono::seconds(1);
    const char* why = "no answer in time";
    while (!work.isCompleted()) {
      const auto now = Clock::now();
      if (now > deadline) throw std::runtime_error(std::string("NCCL: ") + why);
      if (now > next_look) {
        next_look = now + std::chrono::seconds(1);
        if (lost_()) {
          // It may have ended after the last sum, of which this rank is about to hear.
          deadline = std::min(deadline, now + std::chrono::seconds(2));
          next_look = deadline;
          why = "a rank has ended";
        }
      }
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
    if (work.exception()) std::rethrow_exception(work.exception());
  }

  c10::intrusive_ptr<Nccl> group_;
  std::function<bool()> lost_;
  std::deque<c10::intrusive_ptr<c10d::Work>> under_way_;
};

}  // namespace

std::shared_ptr<Collectives> join_nccl(SharedTable& table, const Seat& seat, int device,
                                       std::function<bool()> lost) {
  using Nccl = c10d::ProcessGroupNCCL;
  const int devices = c10::cuda::device_count();
  if (device >= devices)
    throw UsageError("LOCAL_RANK=" + std::to_string(device) + " has no GPU: this host has " +
                     std::to_string(devices) + "; start at most one rank for each");
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
  const auto options = Nccl::Options::create();
  // LibTorch's own watchdog ends the process without a word: ours has to come first.
  options->timeout = 2 * seat.timeout;
  return std::make_shared<NcclCollectives>(
      c10::make_intrusive<Nccl>(dynamic_cast<StoreTable&>(table).part("nccl"), seat.rank, seat.size,
                                options),
      seat.timeout, std::move(lost));
}

#else

std::shared_ptr<Collectives> join_nccl(SharedTable&, const Seat&, int, std::function<bool()>) {
  throw UsageError(
      "this stockpot was built without NCCL, so it cannot train on several GPUs; it needs a "
      "LibTorch with CUDA and nccl.h when it is built");
}

#endif

}  // namespace stockpot
