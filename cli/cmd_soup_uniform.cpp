#include <iostream>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/merge/sum.h"

namespace stockpot::cli {

int cmd_soup_uniform(const SoupArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  if (args.models.size() < 2) throw UsageError("a soup needs two or more models");
  const ModelFolder first = ModelFolder::open(args.models.front());
  std::vector<Checkpoint> models;
  for (const fs::path& path : args.models) {
    const ModelFolder folder = ModelFolder::open(path);
    require_same_labels(first, folder);
    models.push_back(open_weights(folder));
  }
  progress.status("averaging " + std::to_string(models.size()) + " models");
  const std::vector<OwnedTensor> mean = uniform_average(models);
  std::vector<TensorView> views;
  for (const OwnedTensor& tensor : mean) views.push_back(tensor.view());
  PendingFolder pending(args.output);
  write_model_folder(pending.path(), first, views, first.labels);
  pending.publish();
  if (line.json)
    std::cout << Json::object({{"schema_version", 1},
                               {"method", "uniform"},
                               {"models", static_cast<std::int64_t>(models.size())},
                               {"output", args.output.string()}})
                     .dump(2)
              << "\n";
  else
    std::cout << "uniform soup of " << models.size()
              << " models: " << printable(args.output.string()) << "\n";
  return 0;
}

}  // namespace stockpot::cli
