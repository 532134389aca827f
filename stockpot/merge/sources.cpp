#include "stockpot/merge/sources.h"

#include "stockpot/base/pages.h"

namespace stockpot {

void Hashing::add(std::int64_t first, std::int64_t count) {
  const std::int64_t end = first + count;
  const bool complete = end % kHashBlock == 0 || end == sources_.elements;
  for (std::size_t i = 0; i < hashers_.size(); ++i) {
    hashers_[i].add(part_of(*sources_.views[i], first, count));
    if (complete)
      (*sources_.hashes[i])[static_cast<std::size_t>(first / kHashBlock)] = hashers_[i].take();
  }
}

void release(const Sources& sources, std::int64_t begin, std::int64_t end, std::size_t margin) {
  std::vector<std::span<const std::byte>> pieces;
  for (const TensorView* view : sources.views) pieces.push_back(part_of(*view, begin, end - begin));
  release_pages(pieces, margin);
}

}  // namespace stockpot
