#include "cli/learned_settings.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

std::uint64_t mapped_bytes(const LearnedArgs& args) {
  if (args.mapped == "0") return 0;
  const auto bytes = parse_bytes(args.mapped);
  if (!bytes)
    throw UsageError("--map " + printable(args.mapped) + " is no size; write 500MB or 8GiB");
  return *bytes;
}

}  // namespace

BatchNormPolicy policy_of(const LearnedArgs& args) {
  if (args.batchnorm == "average") return BatchNormPolicy::average;
  if (args.batchnorm == "keep") return BatchNormPolicy::keep;
  return args.batchnorm == "variance" ? BatchNormPolicy::variance : BatchNormPolicy::mixed;
}

double learning_rate_of(const LearnedArgs& args) {
  const bool free = args.form == "free";
  return args.learning_rate.value_or(0.05 / (free ? static_cast<double>(args.models.size()) : 1));
}

MixedModelOptions mixed_options(const LearnedArgs& args, at::Device device, bool bf16) {
  MixedModelOptions options;
  options.rows = *rows_from(args.rows);
  options.device = device;
  options.bf16 = bf16;
  options.keep = keep_from(args.keep);
  options.mapped = mapped_bytes(args);
  return options;
}

LearnOptions learn_options(const LearnedArgs& args) {
  LearnOptions options;
  options.learner = *learner_from(args.learner);
  options.learning_rate = learning_rate_of(args);
  options.epochs = static_cast<int>(args.epochs);
  options.iterations = static_cast<int>(args.iterations);
  options.batch_size = args.batch;
  options.seed = args.seed;
  options.every_seconds = args.save_every;
  return options;
}

}  // namespace stockpot::cli
