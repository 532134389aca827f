// soup uniform: the average of model folders that agree about their classes.
#include "cli/commands.h"
#include "cli/merge_request.h"
#include "cli/soup_args.h"
#include "stockpot/base/error.h"
#include "stockpot/checkpoint/model_folder.h"

namespace stockpot::cli {

int cmd_soup_uniform(const SoupArgs& args, const CommandLine& line) {
  if (args.models.size() < 2) throw UsageError("a soup needs two or more models");
  const ModelFolder first = ModelFolder::open(args.models.front());
  for (const fs::path& path : args.models) {
    const ModelFolder folder = ModelFolder::open(path);
    require_same_labels(first, folder);
    open_weights(folder);  // the tensors are those of the architecture
  }
  MergeRequest request;
  request.command = request.method = "average";
  // As greedy soups: every float averaged.
  request.batchnorm = args.batchnorm;
  request.flags = {"--bn", args.batchnorm};
  request.models = args.models;
  request.output = args.output;
  request.written = args.written;
  return cmd_merge(request, line);
}

}  // namespace stockpot::cli
