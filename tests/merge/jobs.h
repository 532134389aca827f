// Merges of tensors in memory, by hand: what the engine does with a method, without files.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "stockpot/base/random.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/content_hash.h"
#include "stockpot/merge/method.h"
#include "stockpot/merge/tiles.h"

namespace stockpot {

struct Silent : Progress {
  void say(const std::string&) override {}
  void status(const std::string&) override {}
};

inline OwnedTensor tensor_of(std::string name, Shape shape, const std::vector<double>& values,
                             Dtype dtype = Dtype::f64) {
  OwnedTensor tensor{std::move(name), dtype, std::move(shape), {}};
  tensor.bytes.resize(byte_count(dtype, static_cast<std::int64_t>(values.size())));
  write_values(values, dtype, tensor.bytes);
  return tensor;
}

inline std::vector<double> normal_values(std::int64_t count, std::uint64_t stream,
                                         double deviation = 1) {
  RandomStream random(5, Purpose::test, 0, stream);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& value : values) value = deviation * random.normal();
  return values;
}

// Models with the same tensors, and their jobs. Views must not move: add all, then jobs().
class Ingredients {
 public:
  // One tensor more: its values in the base (empty: no base) and in each model.
  void add(const std::string& name, const Shape& shape, const std::vector<double>& base,
           const std::vector<std::vector<double>>& models, Dtype dtype = Dtype::f64) {
    Entry entry;
    entry.has_base = models.front().empty() || !base.empty();
    if (entry.has_base) entry.tensors.push_back(tensor_of(name, shape, base, dtype));
    for (const std::vector<double>& model : models)
      entry.tensors.push_back(tensor_of(name, shape, model, dtype));
    entries_.push_back(std::move(entry));
  }

  void without_base() {
    for (Entry& entry : entries_) {
      if (entry.has_base) entry.tensors.erase(entry.tensors.begin());
      entry.has_base = false;
    }
  }

  // `order`: which model comes first and so on; empty: as they are. weights: in the order of
  // the models as added; empty: all 1.
  std::vector<TensorJob> jobs(const std::vector<double>& weights = {},
                              std::vector<std::size_t> order = {}) {
    views_.clear();
    for (const Entry& entry : entries_)
      for (const OwnedTensor& tensor : entry.tensors) views_.push_back(tensor.view());
    std::vector<TensorJob> jobs;
    const TensorView* next = views_.data();
    for (const Entry& entry : entries_) {
      TensorJob job;
      job.name = entry.tensors.front().name;
      if (entry.has_base) job.base = next++;
      const std::size_t count = entry.tensors.size() - (entry.has_base ? 1 : 0);
      if (order.empty())
        for (std::size_t i = 0; i < count; ++i) order.push_back(i);
      for (const std::size_t i : order) {
        job.models.push_back(next + i);
        job.weights.push_back(weights.empty() ? 1 : weights[i]);
        job.origin.push_back(i);
      }
      next += count;
      jobs.push_back(std::move(job));
    }
    return jobs;
  }

 private:
  struct Entry {
    std::vector<OwnedTensor> tensors;  // the base first
    bool has_base = false;
  };
  std::vector<Entry> entries_;
  std::vector<TensorView> views_;
};

// The engine's pass over tensors in memory.
class PassInMemory : public TensorPass {
 public:
  PassInMemory(const TensorJob& job, bool keeps) : job_(job), keeps_(keeps) {}
  bool may_keep(std::uint64_t) override { return keeps_; }
  void for_each_tile(const TileBody& body) override {
    parallel_for(job_.elements(), kHashBlock, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin; first < end; first += kTileElements)
        body(first, std::min(kTileElements, end - first));
    });
  }

 private:
  const TensorJob& job_;
  bool keeps_;
};

// The merged values of each job. Fills pieces of `piece` elements, and the method may keep what it
// likes or nothing: no value may depend on that.
inline std::vector<std::vector<double>> merged(MergeMethod& method,
                                               const std::vector<TensorJob>& jobs,
                                               std::int64_t piece = kTileElements,
                                               bool keeps = true) {
  Silent silent;
  method.survey(jobs, silent);
  std::vector<std::vector<double>> results;
  for (const TensorJob& job : jobs) {
    PassInMemory pass(job, keeps);
    method.study(job, pass);
    std::vector<double> values(static_cast<std::size_t>(job.elements()));
    parallel_for(job.elements(), piece, [&](std::int64_t begin, std::int64_t end) {
      method.fill(job, begin,
                  std::span(values).subspan(static_cast<std::size_t>(begin),
                                            static_cast<std::size_t>(end - begin)));
    });
    results.push_back(std::move(values));
  }
  return results;
}

}  // namespace stockpot
