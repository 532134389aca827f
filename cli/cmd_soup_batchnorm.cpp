// soup uniform --bn recompute|compare: the mean of all with statistics from pictures.
#include <iostream>

#include "cli/merge_work.h"
#include "cli/soup_args.h"
#include "cli/soup_batchnorm.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/output_place.h"
#include "stockpot/model/runtime.h"

namespace stockpot::cli {
namespace {

void check(const SoupArgs& args) {
  if (args.models.size() < 2) throw UsageError("a soup needs two or more models");
  if (args.batchnorm == "compare" && args.held_out.empty())
    throw UsageError("--bn compare scores on held-out pictures: --val SOURCE");
  if (args.held_out.empty() && args.pictures.empty())
    throw UsageError("--bn recompute needs pictures: --bn-data SOURCE");
  args.written.options();  // a wrong size is told before anything is read
  output_place(args.output, args.models.front(), args.written.container(), args.written.overwrite);
}

void print_plan(const SoupArgs& args, const CommandLine& line) {
  if (line.json) {
    std::cout << Json::object({{"schema_version", 1},
                               {"command", "soup uniform"},
                               {"dry_run", true},
                               {"models", static_cast<std::int64_t>(args.models.size())},
                               {"batchnorm", args.batchnorm},
                               {"output", args.output.string()}})
                     .dump(2)
              << "\n";
    return;
  }
  const auto& pictures = args.pictures.empty() ? args.held_out : args.pictures;
  std::cout << "average of " << args.models.size() << " models, BatchNorm's statistics by "
            << args.batchnorm << "\nread   pictures of " << printable(join(pictures, " "))
            << " for them\n";
  if (args.batchnorm == "compare")
    std::cout << "score  " << kBatchNormPolicies.size() << " soups on "
              << printable(join(args.held_out, " ")) << "\n";
  std::cout << "write  " << printable(args.output.string()) << "\n";
}

}  // namespace

int cmd_soup_uniform_pictures(const SoupArgs& args, const CommandLine& line) {
  check(args);
  TerminalProgress progress(line.quiet);
  const at::Device device = parse_device(line.device.value_or("cpu"));
  ImageDataset held_out, pictures;
  if (args.written.dry_run) {
    SoupBatchNorm(args.models, nullptr, pictures, device, line.bf16, progress).check();
    print_plan(args, line);
    return 0;
  }
  const ModelFolder first = ModelFolder::open(args.models.front());
  LoadOptions labelled;
  labelled.classes = first.labels;
  progress.status("reading pictures");
  if (!args.held_out.empty()) {
    held_out = ImageDataset::load(parse_sources(args.held_out), labelled);
    pictures = held_out;
  }
  if (!args.pictures.empty())
    pictures = ImageDataset::load(parse_sources(args.pictures), LoadOptions{});
  SoupBatchNorm soup(args.models, args.held_out.empty() ? nullptr : &held_out, pictures, device,
                     line.bf16, progress);
  std::string policy = args.batchnorm;
  Json scores;
  if (policy == "compare") {
    soup.score(kBatchNormPolicies);
    policy = soup.best().policy;
    scores = soup.to_json();
    if (!line.json) std::cout << soup.text() << "\n";
  }
  if (policy == "recompute") {
    soup.save_recomputed(args.output, args.written);
  } else {
    MergeRequest request = average_request(policy, args.output, args.written);
    request.models = args.models;
    write_merge(request, args.models, std::nullopt, progress);
  }
  if (!line.json) {
    std::cout << "average of " << args.models.size() << " models, BatchNorm's statistics by "
              << policy << ": " << printable(args.output.string()) << "\n";
    return 0;
  }
  std::cout << Json::object({{"schema_version", 1},
                             {"command", "soup uniform"},
                             {"models", static_cast<std::int64_t>(args.models.size())},
                             {"batchnorm", policy},
                             {"comparison", std::move(scores)},
                             {"output", args.output.string()}})
                   .dump(2)
            << "\n";
  return 0;
}

}  // namespace stockpot::cli
