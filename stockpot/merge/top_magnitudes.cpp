#include "stockpot/merge/top_magnitudes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cmath>
#include <mutex>

#include "stockpot/base/file.h"
#include "stockpot/base/threads.h"
#include "stockpot/merge/combination.h"
#include "stockpot/merge/task_vector_kernels.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {
namespace {

using merge_kernels::kMagnitudeBits;
using merge_kernels::magnitude;

// A sample costs sorting it, a bad one another pass: these are a fair trade.
constexpr std::int64_t kSampleShare = 256;  // one element in so many
constexpr std::int64_t kLeastSample = 1 << 12, kLargestSample = 1 << 16;
constexpr std::int64_t kSampleRun = 16;  // neighbours that are read together
constexpr int kBinBits = 12;

// The tensors of all vectors end to end.
struct Vector {
  std::span<const TensorJob> jobs;
  std::vector<std::int64_t> starts;  // position of each job's first element; then the end
  std::vector<std::size_t> tiles;    // number of each job's first tile; then their number

  explicit Vector(std::span<const TensorJob> all) : jobs(all), starts{0}, tiles{0} {
    for (const TensorJob& job : jobs) {
      starts.push_back(starts.back() + job.elements());
      tiles.push_back(tiles.back() + static_cast<std::size_t>((job.elements() + kTileElements - 1) /
                                                              kTileElements));
    }
  }
};

// The place of a model in a job, or nothing.
const std::size_t* place_of(const TensorJob& job, std::size_t origin, std::size_t& storage) {
  const auto found = std::ranges::find(job.origin, origin);
  if (found == job.origin.end()) return nullptr;
  storage = static_cast<std::size_t>(found - job.origin.begin());
  return &storage;
}

struct Found {
  std::uint64_t magnitude;
  std::int64_t position;
};

// The search for the magnitude of one rank.
struct Search {
  std::size_t origin = 0;
  std::int64_t total = 0;             // elements of the vector
  std::int64_t wanted = 0;            // 1: the largest
  std::vector<std::uint64_t> sample;  // falling
  // The wanted magnitude is in outer_low..outer_high; the next pass looks into low..high.
  std::uint64_t outer_low = 0, outer_high = kMagnitudeBits, low = 0, high = kMagnitudeBits;
  int shift = 0;  // of a bin
  bool done = false;
  TopPart result;

  // What a pass counts.
  std::atomic<std::int64_t> above = 0, inside = 0;
  std::array<std::atomic<std::int64_t>, 1 << kBinBits> bins;
  std::mutex mutex;
  std::vector<Found> found;         // everything inside, unless that is too much
  std::vector<std::uint16_t> ties;  // when one magnitude is looked at: its number by tile
};

// Where the sample says that the wanted magnitude is, with room for chance: eight times the
// deviation of independent draws, because neighbours are alike.
void look_around_sample(Search& search) {
  const auto size = static_cast<double>(search.sample.size());
  const double share = static_cast<double>(search.wanted) / static_cast<double>(search.total);
  const double room = 8 * std::sqrt(size * share * (1 - share)) + 16;
  const double first = size * share - room, last = size * share + room;
  if (first >= 0) search.high = search.sample[static_cast<std::size_t>(first)];
  if (last < size) search.low = search.sample[static_cast<std::size_t>(last)];
}

// One magnitude that fills its neighbourhood (differences of bf16 numbers have few values) is
// looked at alone, instead of in ever smaller bins.
void look_at_common_value(Search& search) {
  const auto falling = std::greater<std::uint64_t>();
  const auto first = std::ranges::lower_bound(search.sample, search.high, falling);
  const auto last = std::ranges::upper_bound(search.sample, search.low, falling);
  if (last - first >= 16 && *first == *(last - 1)) search.low = search.high = *first;
}

std::uint64_t mixed(std::uint64_t x) {  // splitmix64 (Steele, Lea, Flood 2014)
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// The place of a sampled run: a random one in each of equal parts of the vector.
std::int64_t run_position(std::int64_t run, std::int64_t part) {
  return run * part + static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(run)) %
                                                static_cast<std::uint64_t>(part));
}

// With their neighbours, which the kernel maps too: a sample would map whole files.
void release(const TensorJob& job, std::int64_t first, std::int64_t end) {
  const auto let_go = [&](const TensorView& view) {
    release_pages(
        view.bytes.subspan(byte_count(view.dtype, first), byte_count(view.dtype, end - first)),
        kNeighbours);
  };
  for (const TensorView* model : job.models) let_go(*model);
  if (job.base != nullptr) let_go(*job.base);
}

void sample_run(const TensorJob& job, std::int64_t first,
                std::vector<std::unique_ptr<Search>>& searches) {
  std::array<double, kSampleRun> base_buffer, buffer;
  const auto count = static_cast<std::size_t>(std::min(kSampleRun, job.elements() - first));
  const std::span base(base_buffer.data(), count), tau(buffer.data(), count);
  read_base(job, first, base);
  for (auto& search : searches) {
    std::size_t place;
    if (place_of(job, search->origin, place) == nullptr) continue;
    read_task_vector(job, place, first, base, tau);
    for (const double value : tau) search->sample.push_back(magnitude(value));
  }
  release(job, first, first + static_cast<std::int64_t>(count));
}

// Short runs of elements, from every part of the vector.
void draw_samples(const Vector& vector, std::vector<std::unique_ptr<Search>>& searches) {
  const std::int64_t total = vector.starts.back();
  const std::int64_t runs =
      std::clamp(total / kSampleShare, kLeastSample, kLargestSample) / kSampleRun;
  const std::int64_t part = total / runs;
  std::int64_t run = 0;
  for (std::size_t index = 0; index < vector.jobs.size(); ++index) {
    const TensorJob& job = vector.jobs[index];
    for (; run < runs && run_position(run, part) < vector.starts[index + 1]; ++run)
      sample_run(job, run_position(run, part) - vector.starts[index], searches);
  }
  parallel_for(static_cast<std::int64_t>(searches.size()), 1, [&](std::int64_t i, std::int64_t) {
    std::ranges::sort(searches[static_cast<std::size_t>(i)]->sample, std::greater());
  });
}

// Makes ready for a pass over low..high.
void start_pass(Search& search, std::size_t tiles) {
  search.above = search.inside = 0;
  for (auto& bin : search.bins) bin.store(0, std::memory_order_relaxed);
  search.found.clear();
  const int width = std::bit_width(search.high - search.low);
  search.shift = std::max(0, width - kBinBits);
  search.ties.assign(search.low == search.high ? tiles : 0, 0);
}

void count_tile(Search& search, std::span<const double> tau, std::int64_t position,
                std::size_t tile, std::size_t capacity) {
  std::array<std::uint16_t, kTileElements> buffer;
  std::int64_t above = 0;
  const std::size_t count =
      merge_kernels::find_in_range(tau, search.low, search.high, buffer, above);
  search.above.fetch_add(above, std::memory_order_relaxed);
  if (count == 0) return;
  const std::span places(buffer.data(), count);
  const std::int64_t before =
      search.inside.fetch_add(static_cast<std::int64_t>(count), std::memory_order_relaxed);
  if (before < static_cast<std::int64_t>(capacity)) {
    const std::scoped_lock lock(search.mutex);
    for (const std::uint16_t place : places)
      search.found.push_back({magnitude(tau[place]), position + place});
  }
  if (!search.ties.empty()) {
    search.ties[tile] = static_cast<std::uint16_t>(count);
    return;
  }
  for (const std::uint16_t place : places)
    search.bins[(magnitude(tau[place]) - search.low) >> search.shift].fetch_add(
        1, std::memory_order_relaxed);
}

void pass(const Vector& vector, std::vector<std::unique_ptr<Search>>& searches,
          std::size_t capacity) {
  for (auto& search : searches)
    if (!search->done) start_pass(*search, vector.tiles.back());
  for (std::size_t index = 0; index < vector.jobs.size(); ++index) {
    const TensorJob& job = vector.jobs[index];
    for_each_part(job, [&](std::int64_t first, std::int64_t elements) {
      TileBuffer base_buffer, buffer;
      const auto count = static_cast<std::size_t>(elements);
      const std::span base(base_buffer.data(), count), tau(buffer.data(), count);
      read_base(job, first, base);
      const std::size_t tile =
          vector.tiles[index] + static_cast<std::size_t>(first / kTileElements);
      std::size_t last = job.models.size(), place;  // of the task vector in the buffer
      for (auto& search : searches) {
        if (search->done || place_of(job, search->origin, place) == nullptr) continue;
        if (place != last) read_task_vector(job, place, first, base, tau);
        last = place;
        count_tile(*search, tau, vector.starts[index] + first, tile, capacity);
      }
    });
    release(job, 0, job.elements());  // what the kernel mapped beyond each part
  }
}

// The position of the nth value of the only magnitude looked at, n from 1.
std::int64_t tie_position(const Vector& vector, const Search& search, std::int64_t n) {
  std::size_t tile = 0;
  while (n > search.ties[tile]) n -= search.ties[tile++];
  const auto next = std::ranges::upper_bound(vector.tiles, tile);
  const auto index = static_cast<std::size_t>(next - vector.tiles.begin()) - 1;
  const TensorJob& job = vector.jobs[index];
  const std::int64_t first = static_cast<std::int64_t>(tile - vector.tiles[index]) * kTileElements;
  const auto count = static_cast<std::size_t>(std::min(kTileElements, job.elements() - first));
  TileBuffer base_buffer, buffer;
  const std::span base(base_buffer.data(), count), tau(buffer.data(), count);
  std::size_t place = 0;
  place_of(job, search.origin, place);
  read_base(job, first, base);
  read_task_vector(job, place, first, base, tau);
  std::size_t i = 0;
  while (magnitude(tau[i]) != search.low || --n > 0) ++i;
  return vector.starts[index] + first + static_cast<std::int64_t>(i);
}

// Takes what the pass has counted: ends the search or makes its range smaller.
void conclude(const Vector& vector, Search& search, std::size_t capacity) {
  const std::int64_t rank = search.wanted - search.above;  // among what is inside, from 1
  if (rank <= 0) {
    search.low = search.outer_low = search.high + 1;
    search.high = search.outer_high;
  } else if (rank > search.inside) {
    search.high = search.outer_high = search.low - 1;
    search.low = search.outer_low;
  } else if (search.inside <= static_cast<std::int64_t>(capacity)) {
    const auto nth = search.found.begin() + (rank - 1);
    std::ranges::nth_element(search.found, nth, [](const Found& a, const Found& b) {
      return a.magnitude != b.magnitude ? a.magnitude > b.magnitude : a.position < b.position;
    });
    search.result = {nth->magnitude, nth->position};
    search.done = true;
  } else if (search.low == search.high) {
    search.result = {search.low, tie_position(vector, search, rank)};
    search.done = true;
  } else {
    std::uint64_t bin = std::bit_width(search.high - search.low) == 0
                            ? 0
                            : (search.high - search.low) >> search.shift;
    for (std::int64_t left = rank - search.bins[bin]; left > 0; left -= search.bins[bin]) --bin;
    search.low = search.outer_low = search.low + (bin << search.shift);
    search.high = search.outer_high =
        std::min(search.high, search.low + ((std::uint64_t{1} << search.shift) - 1));
    look_at_common_value(search);
  }
}

}  // namespace

std::vector<TopPart> top_magnitudes(std::span<const TensorJob> jobs,
                                    std::span<const TopRequest> requests) {
  const Vector vector(jobs);
  std::vector<std::unique_ptr<Search>> searches;
  for (const TopRequest& request : requests) {
    auto search = std::make_unique<Search>();
    search->origin = request.origin;
    search->wanted = request.count;
    std::size_t place;
    for (const TensorJob& job : jobs)
      if (place_of(job, request.origin, place) != nullptr) search->total += job.elements();
    search->done = request.count <= 0 || request.count >= search->total;
    search->result = request.count <= 0 ? TopPart::none() : TopPart::all();
    searches.push_back(std::move(search));
  }
  const std::size_t capacity = std::clamp<std::size_t>(
      (std::size_t{1} << 19) / std::max<std::size_t>(searches.size(), 1), 1 << 12, 1 << 16);
  if (vector.starts.back() > static_cast<std::int64_t>(capacity)) {
    draw_samples(vector, searches);
    for (auto& search : searches)
      if (!search->done && !search->sample.empty()) look_around_sample(*search);
  }
  while (std::ranges::any_of(searches, [](const auto& search) { return !search->done; })) {
    pass(vector, searches, capacity);
    for (auto& search : searches)
      if (!search->done) conclude(vector, *search, capacity);
  }
  std::vector<TopPart> parts;
  for (const auto& search : searches) parts.push_back(search->result);
  return parts;
}

namespace {

// How many of the values of a tile, from its start, are not after the part's last position.
std::size_t up_to_last(const TopPart& part, std::int64_t position, std::size_t count) {
  if (part.last < position) return 0;
  return static_cast<std::size_t>(std::min(static_cast<std::uint64_t>(part.last - position),
                                           static_cast<std::uint64_t>(count) - 1) +
                                  1);
}

}  // namespace

void keep_top(const TopPart& part, std::int64_t position, std::span<double> values) {
  if (values.empty() || part == TopPart::all()) return;
  const std::size_t split = up_to_last(part, position, values.size());
  merge_kernels::keep_from(values.first(split), part.magnitude);
  const std::uint64_t after = part.magnitude + (part.magnitude <= kMagnitudeBits ? 1 : 0);
  merge_kernels::keep_from(values.subspan(split), after);
}

void drop_top(const TopPart& part, std::int64_t position, std::span<double> values) {
  if (values.empty()) return;
  const std::size_t split = up_to_last(part, position, values.size());
  merge_kernels::drop_from(values.first(split), part.magnitude);
  const std::uint64_t after = part.magnitude + (part.magnitude <= kMagnitudeBits ? 1 : 0);
  merge_kernels::drop_from(values.subspan(split), after);
}

}  // namespace stockpot
