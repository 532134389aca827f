#include "stockpot/data/batch.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/random.h"

namespace stockpot {
namespace {

constexpr std::int64_t kChunk = 8;  // images that a thread takes at a time

void check_plan(const BatchPlan& plan) {
  if (plan.batch_size < 1) {
    throw UsageError("the batch size must be 1 or more, found " + std::to_string(plan.batch_size));
  }
  if (plan.loader_threads < 0) {
    throw UsageError("the number of loader threads must be 0 or more, found " +
                     std::to_string(plan.loader_threads));
  }
  if (plan.first_batch < 0) {
    throw UsageError("the first batch must be 0 or more, found " +
                     std::to_string(plan.first_batch));
  }
}

}  // namespace

std::vector<std::int64_t> row_order(const ImageDataset& set, const BatchPlan& plan) {
  if (plan.shuffle) {
    return random_order(set.size(), plan.seed, Purpose::shuffle,
                        static_cast<std::uint64_t>(plan.epoch));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(set.size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

// Threads work image by image on the batches of a window that slides with the consumer: the
// front batch is ready as early as possible, and memory stays bounded.
struct BatchLoader::State {
  struct Slot {
    Batch batch;
    bool allocated = false;
    std::int64_t taken = 0, done = 0;  // images
    std::int64_t bad = -1;             // the first image that failed
    std::exception_ptr error;
  };

  State(const ImageDataset& images, const Preprocessing& how, BatchPlan what)
      : set(images), preprocessing(how), plan(std::move(what)), order(row_order(set, plan)) {
    if (plan.augmentation && !plan.augmentation->any()) plan.augmentation.reset();
    batches = set.size() / plan.batch_size;
    if (!plan.drop_last && set.size() % plan.batch_size != 0) ++batches;
    consumed = next_slot = std::min(plan.first_batch, batches);
    if (plan.part && batches > 0) {
      full_part = plan.part(whole_size_of(0));
      last_part = plan.part(whole_size_of(batches - 1));
    }
    // Enough for every thread to have a chunk beyond the batch that is being waited for.
    window = 2 + plan.loader_threads * kChunk / plan.batch_size;
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  std::int64_t whole_size_of(std::int64_t index) const {
    return std::min(plan.batch_size, set.size() - index * plan.batch_size);
  }

  // The positions that are made here; with a plan.part only.
  const std::vector<std::int64_t>& part_of(std::int64_t index) const {
    return index == batches - 1 ? last_part : full_part;
  }

  std::int64_t size_of(std::int64_t index) const {
    return plan.part ? static_cast<std::int64_t>(part_of(index).size()) : whole_size_of(index);
  }

  Batch allocate(std::int64_t index) const {
    Batch batch;
    batch.size = size_of(index);
    batch.height = preprocessing.crop_height;
    batch.width = preprocessing.crop_width;
    batch.whole = whole_size_of(index);
    const auto first = order.begin() + index * plan.batch_size;
    batch.indices.assign(first, first + batch.whole);
    if (plan.part) {
      batch.positions = part_of(index);
      batch.indices.clear();
      for (const std::int64_t position : batch.positions) batch.indices.push_back(first[position]);
    }
    for (const std::int64_t row : batch.indices) batch.labels.push_back(set.label(row));
    batch.pixels.resize(static_cast<std::size_t>(batch.size * batch.height * batch.width * 3));
    return batch;
  }

  void fill(Batch& batch, std::int64_t position) const {
    const std::int64_t row = batch.indices[static_cast<std::size_t>(position)];
    std::shared_ptr<const Image> view;
    if (plan.augmentation) {
      const RandomStream random(plan.seed, Purpose::augment, static_cast<std::uint64_t>(plan.epoch),
                                static_cast<std::uint64_t>(row));
      view = std::make_shared<const Image>(
          augment(*set.image(row), *plan.augmentation, preprocessing, random));
    } else {
      view = set.view(row, preprocessing);
    }
    const auto bytes = static_cast<std::size_t>(batch.height * batch.width * 3);
    if (view->rgb.size() != bytes) throw RunError("a prepared image of an unexpected size");
    std::memcpy(batch.pixels.data() + static_cast<std::size_t>(position) * bytes, view->rgb.data(),
                bytes);
  }

  // What loader threads do. Memory is set up outside the lock and one batch ahead, since
  // clearing the pages of a large batch takes longer than preparing several images.
  void work() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (next_slot < std::min(batches, consumed + window)) {
        set_up(lock);
      } else if (Slot* slot = slot_with_work()) {
        prepare_chunk(*slot, lock);
      } else {
        changed.wait(lock);
      }
    }
  }

  void set_up(std::unique_lock<std::mutex>& lock) {
    const std::int64_t index = next_slot++;
    Slot& slot = slots.emplace_back();
    lock.unlock();
    std::exception_ptr error;
    Batch batch;
    try {
      batch = allocate(index);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    slot.batch = std::move(batch);
    slot.allocated = true;
    slot.error = error;
    if (error) slot.taken = slot.done = size_of(index);
    changed.notify_all();
  }

  Slot* slot_with_work() {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const std::int64_t size = size_of(consumed + static_cast<std::int64_t>(i));
      if (slots[i].allocated && slots[i].taken < size) return &slots[i];
    }
    return nullptr;
  }

  void prepare_chunk(Slot& slot, std::unique_lock<std::mutex>& lock) {
    const std::int64_t begin = slot.taken;
    const std::int64_t end = std::min(begin + kChunk, slot.batch.size);
    slot.taken = end;
    lock.unlock();
    std::exception_ptr error;
    std::int64_t i = begin;
    try {
      for (; i < end; ++i) fill(slot.batch, i);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && (slot.bad < 0 || i < slot.bad)) {
      slot.bad = i;
      slot.error = error;
    }
    slot.done += end - begin;
    if (slot.done == slot.batch.size) changed.notify_all();
  }

  Batch next_from_threads() {
    std::unique_lock lock(mutex);
    const std::int64_t size = size_of(consumed);
    changed.wait(lock, [&] {
      return !slots.empty() && slots.front().allocated && slots.front().done == size;
    });
    if (slots.front().error) std::rethrow_exception(slots.front().error);
    Batch batch = std::move(slots.front().batch);
    slots.pop_front();
    ++consumed;
    lock.unlock();
    changed.notify_all();
    return batch;
  }

  Batch next_here() {
    Batch batch = allocate(consumed);
    for (std::int64_t i = 0; i < batch.size; ++i) fill(batch, i);
    ++consumed;
    return batch;
  }

  const ImageDataset set;
  const Preprocessing preprocessing;
  BatchPlan plan;
  const std::vector<std::int64_t> order;
  std::int64_t batches = 0, window = 0;
  std::vector<std::int64_t> full_part, last_part;  // of the batches, with plan.part

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Slot> slots;  // the batches from `consumed` up to `next_slot`
  std::int64_t consumed = 0, next_slot = 0;
  bool stopping = false;
  std::vector<std::thread> threads;
};

BatchLoader::BatchLoader(const ImageDataset& set, const Preprocessing& preprocessing,
                         BatchPlan plan) {
  check_plan(plan);
  state_ = std::make_unique<State>(set, preprocessing, std::move(plan));
  State& state = *state_;
  for (int i = 0; i < state.plan.loader_threads; ++i) {
    state.threads.emplace_back([&state] { state.work(); });
  }
}

BatchLoader::~BatchLoader() = default;

std::optional<Batch> BatchLoader::next() {
  if (state_->consumed == state_->batches) return std::nullopt;
  return state_->plan.loader_threads == 0 ? state_->next_here() : state_->next_from_threads();
}

std::int64_t BatchLoader::batches() const { return state_->batches; }

}  // namespace stockpot
