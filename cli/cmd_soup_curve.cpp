// soup curve MODELS: uniform and greedy soups of random subsets of them.
#include <algorithm>

#include "cli/analysis_page.h"
#include "cli/mix_args.h"
#include "cli/named_sets.h"
#include "cli/soup_curve_page.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/model/runtime.h"

namespace stockpot::cli {
namespace {

// 1, 2, 4, ... and all, or what was asked for.
std::vector<std::size_t> sizes_of(const SoupCurveArgs& args) {
  std::vector<std::size_t> sizes(args.sizes.begin(), args.sizes.end());
  if (sizes.empty()) {
    for (std::size_t size = 1; size < args.models.size(); size *= 2) sizes.push_back(size);
    sizes.push_back(args.models.size());
  }
  std::ranges::sort(sizes);
  const auto [first, last] = std::ranges::unique(sizes);
  sizes.erase(first, last);
  if (sizes.back() > args.models.size())
    throw UsageError("--sizes " + std::to_string(sizes.back()) + ": there are " +
                     std::to_string(args.models.size()) + " models");
  return sizes;
}

}  // namespace

int cmd_soup_curve(const SoupCurveArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  check_analysis_place(args.place, "curve");
  const std::vector<std::size_t> sizes = sizes_of(args);
  if (args.place.plan_only) {
    const auto walks = static_cast<std::int64_t>(sizes.size() + 1) * args.repeats;
    std::vector<std::string> lines = {
        "soup curve of " + std::to_string(args.models.size()) + " models in " +
            std::to_string(args.repeats) + " random orders, " + std::to_string(sizes.size()) +
            " sizes",
        "score  at most " + grouped(walks) + " greedy walks on held-out pictures"};
    for (const std::string& text : set_lines(args.sets)) lines.push_back(text);
    print_analysis_plan("soup curve", lines, line);
    return 0;
  }
  const ModelFolder first = ModelFolder::open(args.models.front());
  const std::vector<NamedSet> sets = load_named_sets(args.sets, first, progress);
  held_out_set(sets, "a greedy soup");
  SubsetOptions options;
  options.device = parse_device(line.device.value_or("cpu"));
  options.bf16 = line.bf16;
  options.sizes = sizes;
  options.repeats = static_cast<std::size_t>(args.repeats);
  options.seed = args.seed;
  options.rule.accept = args.accept == "strict" ? Accept::strict : Accept::ties;
  SoupCurveStudy study;
  for (const fs::path& path : args.models) study.models.push_back(path.string());
  for (const NamedSet& set : sets) study.sets.push_back({set.name, set.role});
  study.sizes = sizes;
  study.repeats = options.repeats;
  study.seed = args.seed;
  study.soups = soups_of_subsets(args.models, sets, options, progress);
  publish_analysis(args.place, "curve", to_json(study), soup_curve_page(study),
                   soup_curve_text(study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
