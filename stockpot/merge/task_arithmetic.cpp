#include "stockpot/merge/task_arithmetic.h"

#include "stockpot/merge/task_vectors.h"

namespace stockpot {

std::unique_ptr<MergeMethod> task_arithmetic(const TaskArithmeticOptions& options) {
  ConsensusOptions consensus;
  consensus.normalize = options.normalize;
  consensus.lambda = options.lambda;
  return std::make_unique<TaskVectorMerge>("task arithmetic", nullptr, consensus);
}

}  // namespace stockpot
