// The views that one tensor of a merge is made of: hashed while they are read, and let go of behind
// the reader.
#pragma once

#include <cstdint>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/content_hash.h"

namespace stockpot {

struct Sources {
  std::vector<const TensorView*> views;
  std::vector<std::vector<Hash128>*> hashes;  // of the blocks of each
  std::int64_t elements = 0;
  bool hashed = false;     // by an earlier pass
  bool mapped = false;     // an earlier pass has left the pages mapped
  std::uint64_t kept = 0;  // bytes that the method holds

  std::size_t blocks() const {
    return static_cast<std::size_t>((elements + kHashBlock - 1) / kHashBlock);
  }
};

// Hashes what one thread reads, while it is in the cache; nothing where that is done already.
class Hashing {
 public:
  explicit Hashing(Sources& sources)
      : sources_(sources), hashers_(sources.hashed ? 0 : sources.views.size()) {}
  // The tiles of a block come in their order, on one thread.
  void add(std::int64_t first, std::int64_t count);

 private:
  Sources& sources_;
  std::vector<BlockHasher> hashers_;
};

// Lets go of the memory behind these elements of all views (release_pages()), and around them: the
// kernel maps whole folios of a file, and what other threads still read comes back at a touch.
void release(const Sources& sources, std::int64_t begin, std::int64_t end,
             std::size_t margin = kNeighbours);

}  // namespace stockpot
