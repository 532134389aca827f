#include "cli/learned_plan.h"

#include "stockpot/base/text.h"
#include "stockpot/blend/coefficients.h"

namespace stockpot::cli {

Json learned_plan(const LearnedArgs& args, const MergePlan& merge, std::int64_t pictures) {
  std::vector<std::string> names;
  std::uint64_t elements = 0, bytes = 0;
  for (const PlannedTensor& tensor : merge.tensors) {
    if (tensor.kind != PlannedTensor::Kind::merged) continue;
    names.push_back(tensor.output.name);
    elements += static_cast<std::uint64_t>(element_count(tensor.output.shape));
    for (const TensorView* view : tensor.job.models) bytes += view->bytes.size();
  }
  const auto models = static_cast<std::int64_t>(args.models.size());
  const auto rows = static_cast<std::int64_t>(rows_of(names, *rows_from(args.rows)).names.size());
  const bool adamw = args.learner == "adamw";
  constexpr std::uint64_t kTiles = 60'000'000;
  return Json::object({{"schema_version", 1},
                       {"command", "soup learned"},
                       {"dry_run", true},
                       {"models", models},
                       {"rows", rows},
                       {"coefficients", rows * models},
                       {"pictures", pictures},
                       {"steps", adamw ? args.epochs * ((pictures + args.batch - 1) / args.batch)
                                       : args.iterations},
                       {"bytes_a_step", 2 * bytes},
                       {"memory", 8 * elements + kTiles}});
}

std::string learned_plan_text(const LearnedArgs& args, const Json& plan) {
  const auto bytes = [&](const char* name) { return human_bytes(plan.find(name)->as_unsigned()); };
  const auto count = [&](const char* name) { return grouped(plan.find(name)->as_integer()); };
  return "soup learned of " + count("models") + " models: " + count("coefficients") + " " +
         args.form + " coefficients in " + count("rows") + " rows (" + args.rows + "), from " +
         args.start + "\nlearn  " + args.learner + " on " + count("pictures") +
         " held-out pictures, " + count("steps") +
         (args.learner == "adamw" ? " steps of " + grouped(args.batch) : " passes at least") +
         "\nread   " + bytes("bytes_a_step") +
         " a step unless the models fit on the device\nmemory " + bytes("memory") +
         " for one model, its gradient and tiles, and what a batch needs\nwrite  " +
         printable(args.output.native()) + "\n";
}

}  // namespace stockpot::cli
