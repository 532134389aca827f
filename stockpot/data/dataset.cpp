#include "stockpot/data/dataset.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <mutex>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"
#include "stockpot/data/pool.h"
#include "stockpot/data/transform.h"

namespace stockpot {

struct ImageDataset::Data {
  std::shared_ptr<const Pool> pool;
  std::vector<std::size_t> rows;  // of the pool
  mutable std::once_flag hashed = {};
  mutable std::string examples_hash = {};

  std::size_t pool_row(std::int64_t index) const {
    assert(index >= 0 && static_cast<std::size_t>(index) < rows.size());
    return rows[static_cast<std::size_t>(index)];
  }
  const PoolRow& row(std::int64_t index) const { return pool->rows[pool_row(index)]; }
};

ImageDataset ImageDataset::load(const DataSpec& spec, const LoadOptions& options) {
  auto data = std::make_shared<Data>();
  data->pool = load_pool(spec, options);
  data->rows.resize(data->pool->rows.size());
  std::iota(data->rows.begin(), data->rows.end(), std::size_t{0});
  ImageDataset set;
  set.data_ = std::move(data);
  return set;
}

ImageDataset ImageDataset::subset(std::span<const std::int64_t> indices) const {
  auto data = std::make_shared<Data>();
  data->pool = data_->pool;
  data->rows.reserve(indices.size());
  for (const std::int64_t index : indices) data->rows.push_back(data_->pool_row(index));
  ImageDataset set;
  set.data_ = std::move(data);
  return set;
}

std::int64_t ImageDataset::size() const { return static_cast<std::int64_t>(data_->rows.size()); }
const std::vector<std::string>& ImageDataset::classes() const { return data_->pool->classes; }
const std::vector<std::string>& ImageDataset::groups() const { return data_->pool->groups; }
std::int64_t ImageDataset::label(std::int64_t index) const { return data_->row(index).label; }
std::int64_t ImageDataset::group(std::int64_t index) const { return data_->row(index).group; }
const std::string& ImageDataset::id(std::int64_t index) const { return data_->row(index).id; }
std::int64_t ImageDataset::skipped() const { return data_->pool->skipped; }

std::uint64_t ImageDataset::content_hash(std::int64_t index) const {
  return data_->row(index).hash;
}

const std::string& ImageDataset::examples_hash() const {
  std::call_once(data_->hashed, [&] {
    std::string text;
    for (const std::string& name : classes()) text += name + "\n";
    for (std::int64_t i = 0; i < size(); ++i)
      text += std::to_string(content_hash(i)) + " " + std::to_string(label(i)) + "\n";
    data_->examples_hash = sha256(text);
  });
  return data_->examples_hash;
}

std::shared_ptr<const Image> ImageDataset::image(std::int64_t index) const {
  const PoolRow& row = data_->row(index);
  return row.image ? row.image : std::make_shared<const Image>(row.decode());
}

std::shared_ptr<const Image> ImageDataset::view(std::int64_t index,
                                                const Preprocessing& preprocessing) const {
  ViewCache& views = *data_->pool->views;
  if (auto kept = views.find(data_->pool_row(index), preprocessing)) return kept;
  const std::shared_ptr<const Image> picture = image(index);
  auto made = std::make_shared<const Image>(prepare(*picture, preprocessing));
  std::uint64_t cost = made->rgb.size();
  // A kept picture that already has the wanted size serves as its own view.
  if (data_->row(index).image && made->height == picture->height && made->rgb == picture->rgb) {
    made = picture;
    cost = 0;
  }
  return views.keep(data_->pool_row(index), std::move(made), cost, preprocessing);
}

std::int64_t shared_images(const ImageDataset& train, const ImageDataset& test) {
  std::unordered_set<std::uint64_t> seen;
  for (std::int64_t i = 0; i < train.size(); ++i) seen.insert(train.content_hash(i));
  std::int64_t shared = 0;
  for (std::int64_t i = 0; i < test.size(); ++i) shared += seen.contains(test.content_hash(i));
  return shared;
}

void ImageDataset::require_different_pictures() const {
  std::unordered_map<std::string_view, const PoolRow*> seen;
  for (std::int64_t i = 0; i < size(); ++i) {
    const PoolRow& row = data_->row(i);
    const auto [other, is_new] = seen.emplace(row.picture(), &row);
    if (is_new) continue;
    throw UsageError("'" + printable(other->second->id) + "' and '" + printable(row.id) +
                     "' show the same picture: a part that is split off would hold copies of "
                     "what is trained on; name the held-out and the ID test set as sets");
  }
}

std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> split_indices(
    const ImageDataset& set, double fraction, std::uint64_t seed) {
  if (!(fraction > 0 && fraction < 1)) {
    throw UsageError("the held-out fraction must lie between 0 and 1, found " + shortest(fraction));
  }
  set.require_different_pictures();
  std::vector<std::vector<std::int64_t>> by_class(set.classes().size());
  for (std::int64_t i = 0; i < set.size(); ++i) {
    by_class[static_cast<std::size_t>(set.label(i))].push_back(i);
  }
  std::vector<bool> is_held_out(static_cast<std::size_t>(set.size()));
  for (std::size_t label = 0; label < by_class.size(); ++label) {
    const auto& rows = by_class[label];
    const auto n = static_cast<std::int64_t>(rows.size());
    if (n < 2) continue;
    const auto wanted = std::llround(fraction * static_cast<double>(n));
    const std::int64_t count = std::clamp<std::int64_t>(wanted, 1, n - 1);
    const auto order = random_order(n, seed, Purpose::split, label);
    for (std::int64_t k = 0; k < count; ++k) {
      is_held_out[static_cast<std::size_t>(
          rows[static_cast<std::size_t>(order[static_cast<std::size_t>(k)])])] = true;
    }
  }
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> parts;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    (is_held_out[static_cast<std::size_t>(i)] ? parts.second : parts.first).push_back(i);
  }
  if (parts.second.empty()) {
    throw UsageError("nothing can be held out of the training set: " + std::to_string(set.size()) +
                     " pictures of " + std::to_string(by_class.size()) +
                     " classes, and no class has two");
  }
  return parts;
}

}  // namespace stockpot
