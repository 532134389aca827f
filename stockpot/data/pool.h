// The rows of a data set as they were loaded, shared by all its subsets. Internal to this
// room: callers use ImageDataset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/data/dataset.h"
#include "stockpot/data/image.h"

namespace stockpot {

struct PoolRow {
  std::int64_t label = 0, group = 0;
  std::string id;
  std::string origin;            // for messages
  std::filesystem::path file;    // empty: the encoded picture is in `bytes`
  std::vector<std::byte> bytes;  // freed once the decoded picture is kept
  std::optional<Corruption> corruption;
  std::shared_ptr<const Image> image;  // null beyond the budget
  std::uint64_t hash = 0;

  // The picture with its corruption, if any. Throws FormatError naming the origin.
  Image decode() const;
  // The id that it has, or would have, without a corruption.
  std::string_view picture() const;
};

// Prepared views of a pool's rows, one per row and geometry, made on first use. Thread-safe.
// What is kept depends on the order of the calls; what is returned does not.
class ViewCache {
 public:
  ViewCache(std::size_t rows, std::uint64_t budget) : rows_(rows), left_(budget) {}

  // The view if it is kept, else null.
  std::shared_ptr<const Image> find(std::size_t row, const Preprocessing& preprocessing);
  // Keeps the view when `cost` bytes of the budget are left. Returns the one to use: another
  // thread's, if it was faster.
  std::shared_ptr<const Image> keep(std::size_t row, std::shared_ptr<const Image> view,
                                    std::uint64_t cost, const Preprocessing& preprocessing);

 private:
  struct Geometry {
    Preprocessing preprocessing;
    std::vector<std::shared_ptr<const Image>> views;
  };
  Geometry& geometry(const Preprocessing& preprocessing);

  std::size_t rows_;
  std::uint64_t left_;
  std::mutex mutex_;
  std::list<Geometry> geometries_;
};

struct Pool {
  std::vector<std::string> classes, groups;
  std::vector<PoolRow> rows;
  std::int64_t skipped = 0;
  std::unique_ptr<ViewCache> views;
};

// What ImageDataset::load does.
std::shared_ptr<const Pool> load_pool(const DataSpec& spec, const LoadOptions& options);

// What is wrong with the first unreadable picture, in row order, of each label that has one.
using Unreadable = std::map<std::int64_t, std::string>;

// Decodes all rows on all threads. Keeps pictures while they fit into `budget`, in row order,
// and returns what is left of it. An unreadable picture is removed, and told to `unreadable`, when
// `skip`, else the first one in row order is thrown; neither depends on the number of threads.
std::uint64_t decode_rows(std::vector<PoolRow>& rows, std::uint64_t budget, bool skip,
                          Unreadable& unreadable);

}  // namespace stockpot
