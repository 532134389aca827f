#include "stockpot/merge/run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <mutex>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/merge/finite.h"
#include "stockpot/merge/integers.h"
#include "stockpot/merge/kernels.h"
#include "stockpot/merge/sources.h"
#include "stockpot/merge/statistics.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using Kind = PlannedTensor::Kind;
using Clock = std::chrono::steady_clock;

// What the program itself, its buffers and the pages around a block need.
constexpr std::uint64_t kOwnMemory = 24'000'000;

// The hashes of the blocks of each tensor that was read on the way, by tensor; what a merge does
// not read (skipped tensors) is hashed afterwards.
using BlockHashes = std::map<const TensorView*, std::vector<Hash128>>;

// The pages and numbers of a tensor that may be held at once, without a bound by the user.
constexpr std::uint64_t kPages = 16'000'000;
constexpr std::uint64_t kKept = 36'000'000;

class Run {
 public:
  Run(const MergePlan& plan, MergeMethod& method, const MergeSink& sink, const RunLimits& limits,
      Progress& progress)
      : plan_(plan), method_(method), sink_(sink), limits_(limits), progress_(progress) {
    total_ = plan.bytes_to_read();
  }

  MergeOutcome run() {
    const int before = threads();
    set_threads(allowed_threads());
    survey();
    written_.resize(plan_.tensors.size());
    for (std::size_t i = 0; i < plan_.tensors.size(); ++i)
      if (!plan_.tensors[i].output.tied_to) write(i);
    for (std::size_t i = 0; i < plan_.tensors.size(); ++i) {
      const OutputTensor& output = plan_.tensors[i].output;
      if (!output.tied_to) continue;
      written_[i] = written_[*output.tied_to];
      written_[i].name = output.name;
    }
    set_threads(before);
    return finish();
  }

 private:
  // Threads whose blocks fit into the memory allowed.
  int allowed_threads() const {
    if (limits_.max_memory == 0) return threads();
    const std::uint64_t each = memory_of_a_thread();
    const std::uint64_t room =
        limits_.max_memory > kOwnMemory ? (limits_.max_memory - kOwnMemory) / each : 0;
    if (room == 0)
      throw UsageError("--max-memory " + human_bytes(limits_.max_memory) + " is too little for " +
                       std::to_string(model_count()) + " models: at least " +
                       human_bytes(kOwnMemory + each) + " is needed");
    return static_cast<int>(std::min<std::uint64_t>(room, static_cast<std::uint64_t>(threads())));
  }

  std::uint64_t model_count() const {
    return plan_.models.size() + (plan_.base != nullptr ? 1 : 0);
  }

  std::uint64_t memory_of_a_thread() const {
    return (model_count() + 2) * byte_count(Dtype::f64, kHashBlock);
  }

  void survey() {
    std::vector<TensorJob> jobs;
    for (const PlannedTensor& tensor : plan_.tensors)
      if (tensor.kind == Kind::merged && !tensor.output.tied_to) jobs.push_back(tensor.job);
    method_.survey(jobs, progress_);
  }

  Sources sources_of(const PlannedTensor& tensor) {
    Sources sources;
    sources.views = tensor.sources;
    if (tensor.kind == Kind::merged) {
      sources.views = tensor.job.models;
      if (tensor.job.base != nullptr) sources.views.push_back(tensor.job.base);
    }
    sources.elements = element_count(tensor.output.shape);
    for (const TensorView* view : sources.views) {
      sources.hashes.push_back(&read_[view]);
      sources.hashes.back()->resize(sources.blocks());
    }
    return sources;
  }

  // What a method reads before the values of a tensor.
  class Study : public TensorPass {
   public:
    Study(const Run& run, Sources& sources) : run_(run), sources_(sources) {}

    bool may_keep(std::uint64_t bytes) override {
      if (sources_.kept + bytes > run_.room()) return false;
      sources_.kept += bytes;
      return true;
    }

    void for_each_tile(const TileBody& body) override {
      std::uint64_t all = 0;
      for (const TensorView* view : sources_.views) all += view->bytes.size();
      sources_.mapped = sources_.kept + all <= run_.room();
      parallel_for(sources_.elements, run_.task_elements(sources_),
                   [&](std::int64_t begin, std::int64_t end) {
                     Hashing hashing(sources_);
                     for (std::int64_t first = begin; first < end; first += kTileElements) {
                       const std::int64_t count = std::min(kTileElements, end - first);
                       hashing.add(first, count);
                       body(first, count);
                       if (!sources_.mapped) run_.release_some(sources_, begin, first + count);
                     }
                     if (!sources_.mapped) release(sources_, begin, end);
                   });
      sources_.hashed = true;
    }

   private:
    const Run& run_;
    Sources& sources_;
  };

  void write(std::size_t index) {
    const PlannedTensor& tensor = plan_.tensors[index];
    Sources sources = sources_of(tensor);
    if (tensor.kind == Kind::merged) {
      Study study(*this, sources);
      method_.study(tensor.job, study);
    }
    const std::int64_t elements = sources.elements;
    std::vector<Hash128> written(sources.blocks());
    parallel_for(elements, task_elements(sources), [&](std::int64_t begin, std::int64_t end) {
      Hashing hashing(sources);
      const auto bytes = std::make_unique_for_overwrite<std::byte[]>(
          byte_count(tensor.output.dtype, std::min(kHashBlock, elements)));
      for (std::int64_t first = begin; first < end; first += kHashBlock) {
        const std::int64_t count = std::min(kHashBlock, end - first);
        const std::span block(bytes.get(), byte_count(tensor.output.dtype, count));
        fill_block(tensor, first, count, sources, hashing, block);
        written[static_cast<std::size_t>(first / kHashBlock)] = hash_bytes(block);
        sink_(index, byte_count(tensor.output.dtype, first), block);
      }
      release(sources, begin, end);
      report(sources.views.size() * byte_count(tensor.output.dtype, end - begin));
    });
    // Small tensors leave less than a page to let go of, but the kernel mapped their neighbours.
    release(sources, 0, elements);
    written_[index] = {tensor.output.name, tensor.output.dtype, tensor.output.shape,
                       tensor_hash(written, byte_count(tensor.output.dtype, elements))};
  }

  // Bytes that may be held of one tensor besides what the threads work on.
  std::uint64_t room() const {
    if (limits_.max_memory == 0) return kKept;
    const std::uint64_t busy =
        kOwnMemory + static_cast<std::uint64_t>(threads()) * memory_of_a_thread();
    return limits_.max_memory > busy ? limits_.max_memory - busy : 0;
  }

  // What a thread works on before it lets go of the pages: the more at once, the less the threads
  // interrupt each other, within a bound for all models and threads together.
  std::int64_t task_elements(const Sources& sources) const {
    std::uint64_t block = 0;
    for (const TensorView* view : sources.views) block += byte_count(view->dtype, kHashBlock);
    const std::uint64_t all = block * static_cast<std::uint64_t>(threads());
    const std::uint64_t pages = kPages - std::min(sources.kept, kPages);
    const std::uint64_t blocks =
        limits_.max_memory > 0
            ? 1
            : std::clamp<std::uint64_t>(pages / std::max<std::uint64_t>(all, 1), 1, 16);
    return static_cast<std::int64_t>(blocks) * kHashBlock;
  }

  // Of begin..end, which a thread has read of a block: lets go of the last part on the way when
  // there are so many models that the threads may not hold a whole block of each.
  void release_some(const Sources& sources, std::int64_t begin, std::int64_t end) const {
    std::uint64_t tile = 0;
    for (const TensorView* view : sources.views) tile += byte_count(view->dtype, kTileElements);
    const std::uint64_t all = tile * static_cast<std::uint64_t>(threads());
    const std::int64_t resident =
        kTileElements * static_cast<std::int64_t>(std::clamp<std::uint64_t>(
                            kPages / std::max<std::uint64_t>(all, 1), 1, 32));
    if (resident < kHashBlock && (end - begin) % resident == 0)
      release(sources, end - resident, end, 0);
  }

  // One block of the output, tile by tile.
  void fill_block(const PlannedTensor& tensor, std::int64_t begin, std::int64_t elements,
                  const Sources& sources, Hashing& hashing, std::span<std::byte> bytes) {
    for (std::int64_t first = begin; first < begin + elements; first += kTileElements) {
      const std::int64_t count = std::min(kTileElements, begin + elements - first);
      hashing.add(first, count);
      fill(tensor, first, count,
           bytes.subspan(byte_count(tensor.output.dtype, first - begin),
                         byte_count(tensor.output.dtype, count)));
      release_some(sources, begin, first + count);
    }
  }

  void fill(const PlannedTensor& tensor, std::int64_t first, std::int64_t count,
            std::span<std::byte> bytes) {
    if (tensor.kind == Kind::largest) return largest_integers(tensor.sources, first, bytes);
    const TensorView* const only = tensor.sources.empty() ? nullptr : tensor.sources.front();
    if (tensor.kind == Kind::copied && only->dtype == tensor.output.dtype) {
      std::ranges::copy(part_of(*only, first, count), bytes.begin());
      if (!row(only->dtype).floating || row(only->dtype).bits < 16) return;
    }
    TileBuffer buffer;
    const std::span values(buffer.data(), static_cast<std::size_t>(count));
    if (tensor.kind == Kind::merged)
      method_.fill(tensor.job, first, values);
    else if (tensor.kind == Kind::copied)
      read_values(*only, first, values);
    else
      total_variance(tensor.sources, plan_.models.size(), plan_.shares, first, values);
    check(tensor, values);
    if (tensor.kind != Kind::copied || only->dtype != tensor.output.dtype)
      write_values(values, tensor.output.dtype, bytes);
  }

  void check(const PlannedTensor& tensor, std::span<const double> values) const {
    const double largest = merge_kernels::largest_magnitude(values);
    if (largest < overflow_limit(tensor.output.dtype) || limits_.allow_nonfinite) return;
    // NaN and Inf survive every sum. Only now is it worth reading again to say whose they are.
    for (const TensorView* view : tensor.kind == Kind::merged ? tensor.job.models : tensor.sources)
      require_finite(*view);
    if (tensor.job.base != nullptr) require_finite(*tensor.job.base);
    throw FormatError("tensor " + in_quotes(tensor.output.name) + ": a merged value of " +
                      significant(largest, 3) + " does not fit the type " +
                      std::string(row(tensor.output.dtype).safetensors) + " (wider: --dtype)");
  }

  void require_finite(const TensorView& view) const {
    const std::int64_t bad = count_not_finite(view);
    if (bad == 0) return;
    throw FormatError(file_of(view), "tensor " + in_quotes(view.name) + " holds " + grouped(bad) +
                                         " values that are NaN or Inf, of " +
                                         grouped(element_count(view.shape)) +
                                         " (--allow-nonfinite lets them through)");
  }

  const fs::path& file_of(const TensorView& view) const {
    for (const Checkpoint* model : plan_.models)
      if (model->find(view.name) == &view) return model->path();
    return plan_.base->path();
  }

  void report(std::uint64_t bytes) {
    const std::uint64_t done = bytes_ += bytes;
    const std::unique_lock lock(report_mutex_, std::try_to_lock);
    if (!lock) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    progress_.status("merged " + human_bytes(std::min(done, total_)) + " of " +
                     human_bytes(total_) + ", " +
                     fixed(static_cast<double>(done) / 1e9 / std::max(seconds, 1e-3), 1) + " GB/s");
  }

  std::string hash_of(const Checkpoint& model) const {
    std::vector<HashedTensor> tensors;
    for (const TensorView& tensor : model.tensors()) {
      const auto known = read_.find(&tensor);
      tensors.push_back(known == read_.end()
                            ? hash_tensor(tensor)
                            : HashedTensor{tensor.name, tensor.dtype, tensor.shape,
                                           tensor_hash(known->second, tensor.bytes.size())});
    }
    return model_hash(std::move(tensors));
  }

  MergeOutcome finish() {
    MergeOutcome outcome;
    for (const Checkpoint* model : plan_.models) outcome.model_hashes.push_back(hash_of(*model));
    if (plan_.base != nullptr) outcome.base_hash = hash_of(*plan_.base);
    outcome.output_hash = model_hash(written_);
    outcome.bytes_read = total_;
    outcome.bytes_written = plan_.bytes_to_write();
    outcome.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return outcome;
  }

  const MergePlan& plan_;
  MergeMethod& method_;
  const MergeSink& sink_;
  const RunLimits& limits_;
  Progress& progress_;
  const Clock::time_point start_ = Clock::now();
  std::uint64_t total_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::mutex report_mutex_;
  BlockHashes read_;
  std::vector<HashedTensor> written_;
};

}  // namespace

MergeOutcome run_merge(const MergePlan& plan, MergeMethod& method, const MergeSink& sink,
                       const RunLimits& limits, Progress& progress) {
  return Run(plan, method, sink, limits, progress).run();
}

}  // namespace stockpot
