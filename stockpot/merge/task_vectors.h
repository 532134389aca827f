// Methods of one form: theta_0 + lambda * consensus_i(w_i * sparsify(theta_i - theta_0)).
// task_arithmetic.h, ties.h, dare.h and sparsify.h say which parts make which published method.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stockpot/merge/method.h"

namespace stockpot {

// Sets a part of each task vector to zero, and may rescale the rest.
class Sparsifier {
 public:
  virtual ~Sparsifier() = default;
  // As MergeMethod's. prepare() may come again for the same job, or before survey() of others.
  virtual void survey(std::span<const TensorJob> jobs);
  virtual void prepare(const TensorJob& job);
  // tau: the values of model `model` of the job minus the base, from `first` on.
  virtual void apply(const TensorJob& job, std::size_t model, std::int64_t first,
                     std::span<double> tau) const = 0;
  // Adds its options to an object.
  virtual void describe(Json& options) const = 0;
};

// What becomes of an element whose weighted values add up to zero when signs are elected.
enum class ZeroSum {
  none,      // nothing: theta_0 stays
  positive,  // the positive values win (mergekit)
  majority,  // those of the sign that is elected for more elements of the model; none in a draw
  majority_or_negative,  // the same, the negative ones in a draw (the reference program of TIES)
};

struct ConsensusOptions {
  // Elect a sign for each element and take only the values that have it (TIES); else sum all.
  bool elect = false;
  ZeroSum zero_sum = ZeroSum::none;
  // Divide by the sum of the weights of the models that took part (of all without an election).
  bool normalize = false;
  double lambda = 1;
};

class TaskVectorMerge : public MergeMethod {
 public:
  // `sparsifier` may be null. Throws UsageError for a lambda that is not finite.
  TaskVectorMerge(std::string name, std::unique_ptr<Sparsifier> sparsifier,
                  ConsensusOptions consensus);
  bool needs_base() const override { return true; }
  void survey(std::span<const TensorJob> jobs, Progress& progress) override;
  void prepare(const TensorJob& job) override;
  void fill(const TensorJob& job, std::int64_t first, std::span<double> out) const override;
  Json options() const override;

 private:
  void read_sparse(const TensorJob& job, std::size_t model, std::int64_t first,
                   std::span<const double> base, std::span<double> out) const;
  void fill_sum(const TensorJob& job, std::int64_t first, std::span<const double> base,
                std::span<double> out) const;
  void fill_elected(const TensorJob& job, std::int64_t first, std::span<const double> base,
                    std::span<double> out) const;
  template <typename Use>
  void with_votes(const TensorJob& job, std::int64_t first, std::span<const double> base,
                  const Use& use) const;
  void find_majority(std::span<const TensorJob> jobs);

  std::string name_;
  std::unique_ptr<Sparsifier> sparsifier_;
  ConsensusOptions consensus_;
  int zero_sign_ = 0;
};

// Throws UsageError unless 0 < density <= 1.
void require_density(double density);

}  // namespace stockpot
