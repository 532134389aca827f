// A merging method: how the values of one tensor follow from its values in each model, and in
// the model that all were fine-tuned from. Methods know nothing of files, groups or outputs;
// plan.h makes the jobs and run.h runs them in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/tensor.h"

namespace stockpot {

// One floating-point tensor to merge. All views have the same shape and a type that
// read_values() knows; their values are finite unless the user allowed others.
struct TensorJob {
  std::string name;
  std::vector<const TensorView*> models;  // at least one, in an order that files don't decide
  const TensorView* base = nullptr;       // theta_0; there for methods that need it
  std::vector<double> weights;            // of the models, as given: not normalised
  double scale = 1;                       // the method's strength here (lambda, alpha), by group
  std::vector<std::size_t> origin;        // models[i] is the caller's model origin[i]

  std::int64_t elements() const { return element_count(models.front()->shape); }
};

using TileBody = std::function<void(std::int64_t first, std::int64_t count)>;

// A pass over all views of one tensor that comes before its values are asked for. The engine hashes
// what it reads on the way.
class TensorPass {
 public:
  virtual ~TensorPass() = default;
  // Whether the method may hold `bytes` until the pass over the next tensor. Decides about memory
  // and time only: results must not depend on it.
  virtual bool may_keep(std::uint64_t bytes) = 0;
  // body(first, count) for tiles of at most kTileElements, in parallel; it writes disjoint places.
  // The tiles of a block of kHashBlock elements follow each other on one thread.
  virtual void for_each_tile(const TileBody& body) = 0;
};

class MergeMethod {
 public:
  virtual ~MergeMethod() = default;
  virtual bool needs_base() const { return false; }
  // Called once with all jobs before anything else, for statistics of whole models.
  virtual void survey(std::span<const TensorJob> jobs, Progress& progress);
  // Called once for each job before its values are asked for, for statistics of the tensor; one
  // job at a time. Both may use the functions below, which are parallel inside.
  virtual void prepare(const TensorJob& job);
  // What is called in its stead, for methods that read all of a tensor by `pass`; else prepare().
  virtual void study(const TensorJob& job, TensorPass& pass);
  // The merged values first .. first + out.size() - 1 in double precision; called from several
  // threads at once, with out.size() <= kTileElements. Must depend on its arguments only, never
  // on the split into tiles.
  virtual void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const = 0;
  // Options and what was found (coefficients by tensor), for the manifest and the terminal.
  virtual Json options() const { return Json::object({}); }
  virtual Json findings() const { return nullptr; }
  // What is read besides models and base, such as their Fisher information.
  virtual std::span<const Checkpoint> statistics() const { return {}; }
};

// Walks over a tensor in tiles of at most kTileElements, in parallel, and lets go of the pages of
// all its views behind itself. body(first, count) writes disjoint places.
void for_each_part(const TensorJob& job, const TileBody& body);

// Sums over the elements of a tensor, the same for any number of threads: body adds the terms of
// its tile to `partial` (`count` numbers that start at 0 and are shared with the tiles before it);
// the partial sums are added up in the order of the elements.
using SumBody =
    std::function<void(std::int64_t first, std::int64_t elements, std::span<double> partial)>;
std::vector<double> ordered_sums(const TensorJob& job, std::size_t count, const SumBody& body);
// The same on the way of a pass.
std::vector<double> ordered_sums(const TensorJob& job, TensorPass& pass, std::size_t count,
                                 const SumBody& body);

}  // namespace stockpot
