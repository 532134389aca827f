#include "stockpot/data/pool.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/config_formats.h"
#include "stockpot/data/sources.h"

namespace stockpot {
namespace {

void sort_samples(std::vector<Sample>& samples) {
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return std::tie(a.class_name, a.source, a.id) < std::tie(b.class_name, b.source, b.id);
  });
}

void check_ids(const std::vector<Sample>& samples) {
  std::unordered_map<std::string_view, const Sample*> seen;
  seen.reserve(samples.size());
  for (const Sample& sample : samples) {
    const auto [other, is_new] = seen.emplace(sample.id, &sample);
    if (is_new) continue;
    throw FormatError("two samples have the id '" + printable(sample.id) +
                      "': " + other->second->origin + " and " + sample.origin +
                      "; remove one, or rename one of the sources");
  }
}

[[noreturn]] void refuse_class(const Sample& sample, const std::vector<std::string>& unknown,
                               const std::vector<std::string>& classes) {
  const std::string name = printable(sample.class_name);
  const std::string near = printable(nearest(sample.class_name, classes));
  throw UsageError(
      sample.origin + ": the class '" + name + "' is none of the model's " +
      std::to_string(classes.size()) + " classes" +
      (near.empty() ? ": " + quoted_list(classes) : "; the nearest is '" + near + "'") +
      (unknown.size() == 1
           ? ""
           : ". Also unknown: " + quoted_list({unknown.begin() + 1, unknown.end()})) +
      ". Say which class of the model it is with class_map: {'" + name + "': '" +
      (near.empty() ? printable(classes.front()) : near) +
      "'}, or leave it out with class_map: {'" + name + "': ''}");
}

struct Classes {
  std::vector<std::string> names;       // that labels are indices into
  std::vector<std::string> of_samples;  // the same classes as the samples call them
};

// Every sample's class is one of them.
Classes choose_classes(const std::vector<Sample>& samples, const std::vector<std::string>& given) {
  std::vector<std::string> found;  // in byte order, as the samples are
  for (const Sample& sample : samples) {
    if (found.empty() || found.back() != sample.class_name) found.push_back(sample.class_name);
  }
  if (given.empty()) {
    if (found.size() == 1) {
      throw UsageError("the only class is '" + printable(found.front()) + "' (" +
                       samples.front().origin + "); a classifier needs two or more");
    }
    return {found, found};
  }
  const std::set<std::string> known(given.begin(), given.end());
  std::vector<std::string> unknown;
  for (const std::string& name : found) {
    if (!known.contains(name)) unknown.push_back(name);
  }
  if (unknown.empty()) return {given, given};
  if (unknown.size() == found.size()) {
    if (found.size() == given.size() && are_numbered(given)) return {given, found};
    throw UsageError(
        "the set of " + samples.front().origin + " has no class in common with the model: it has " +
        quoted_list(found) + ", the model has " + quoted_list(given) +
        ". Say which of the model's classes each is with class_map: {'" + printable(found.front()) +
        "': '" + printable(given.front()) + "'}, or name another set");
  }
  const auto first = std::find_if(samples.begin(), samples.end(), [&](const Sample& sample) {
    return sample.class_name == unknown.front();
  });
  refuse_class(*first, unknown, given);
}

std::map<std::string, std::int64_t> positions(const std::vector<std::string>& names) {
  std::map<std::string, std::int64_t> result;
  for (std::size_t i = 0; i < names.size(); ++i) {
    result.emplace(names[i], static_cast<std::int64_t>(i));
  }
  return result;
}

void fill_rows(Pool& pool, std::vector<Sample>& samples, const std::vector<std::string>& classes) {
  std::set<std::string> groups;
  for (const Sample& sample : samples) groups.insert(sample.group);
  pool.groups.assign(groups.begin(), groups.end());
  const auto labels = positions(classes), group_indices = positions(pool.groups);
  pool.rows.reserve(samples.size());
  for (Sample& sample : samples) {
    PoolRow& row = pool.rows.emplace_back();
    row.label = labels.at(sample.class_name);
    row.group = group_indices.at(sample.group);
    row.id = std::move(sample.id);
    row.origin = std::move(sample.origin);
    row.file = std::move(sample.file);
    row.bytes = std::move(sample.bytes);
    row.corruption = sample.corruption;
  }
}

// Skipping unreadable pictures must not make a class disappear unnoticed.
void check_remaining(const Pool& pool, bool classes_given, const Unreadable& unreadable) {
  if (pool.skipped == 0) return;
  if (pool.rows.empty()) {
    throw FormatError("none of the set's images can be read; the first: " +
                      unreadable.begin()->second);
  }
  if (classes_given) return;
  std::vector<bool> present(pool.classes.size());
  for (const PoolRow& row : pool.rows) present[static_cast<std::size_t>(row.label)] = true;
  const auto missing = std::find(present.begin(), present.end(), false);
  if (missing == present.end()) return;
  const auto label = missing - present.begin();
  throw FormatError("none of the images of the class '" +
                    printable(pool.classes[static_cast<std::size_t>(label)]) +
                    "' can be read; the first: " + unreadable.at(label));
}

// Views differ by their geometry alone; mean and std come in later.
Preprocessing geometry_of(Preprocessing preprocessing) {
  preprocessing.mean = {};
  preprocessing.std = {};
  return preprocessing;
}

}  // namespace

std::string_view PoolRow::picture() const {
  const std::size_t suffix = corruption ? 1 + to_text(*corruption).size() : 0;  // "@" and its name
  return std::string_view(id).substr(0, id.size() - suffix);
}

ViewCache::Geometry& ViewCache::geometry(const Preprocessing& preprocessing) {
  const Preprocessing key = geometry_of(preprocessing);
  for (Geometry& known : geometries_) {
    if (known.preprocessing == key) return known;
  }
  geometries_.push_back({key, std::vector<std::shared_ptr<const Image>>(rows_)});
  return geometries_.back();
}

std::shared_ptr<const Image> ViewCache::find(std::size_t row, const Preprocessing& preprocessing) {
  const std::lock_guard lock(mutex_);
  return geometry(preprocessing).views[row];
}

std::shared_ptr<const Image> ViewCache::keep(std::size_t row, std::shared_ptr<const Image> view,
                                             std::uint64_t cost,
                                             const Preprocessing& preprocessing) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Image>& kept = geometry(preprocessing).views[row];
  if (kept) return kept;
  if (cost > left_) return view;
  left_ -= cost;
  return kept = std::move(view);
}

std::shared_ptr<const Pool> load_pool(const DataSpec& spec, const LoadOptions& options) {
  std::vector<Sample> samples = find_samples(spec);
  sort_samples(samples);
  check_ids(samples);
  auto pool = std::make_shared<Pool>();
  const Classes classes = choose_classes(samples, options.classes);
  pool->classes = classes.names;
  fill_rows(*pool, samples, classes.of_samples);
  const std::size_t found = pool->rows.size();
  Unreadable unreadable;
  const std::uint64_t left =
      decode_rows(pool->rows, options.memory_budget, spec.skip_unreadable, unreadable);
  pool->skipped = static_cast<std::int64_t>(found - pool->rows.size());
  check_remaining(*pool, !options.classes.empty(), unreadable);
  pool->views = std::make_unique<ViewCache>(pool->rows.size(), left);
  return pool;
}

}  // namespace stockpot
