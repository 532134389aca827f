// interpolate A B with sets: every point of the line is evaluated, an alpha is chosen.
#include <algorithm>

#include "cli/analysis_page.h"
#include "cli/curve_page.h"
#include "cli/merge_work.h"
#include "cli/mix_args.h"
#include "cli/named_sets.h"
#include "cli/soup_batchnorm.h"
#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/model/runtime.h"

namespace stockpot::cli {
namespace {

// What the evaluation has no counterpart for.
void check(const InterpolateArgs& args) {
  const MergeRequest& request = args.request;
  if (!request.output.empty() && !args.sets.has_held_out())
    throw UsageError(
        "with sets, -o takes the model of the alpha that is chosen: give --val SOURCE");
  std::error_code ignored;
  if (!request.output.empty() && !request.written.overwrite && fs::exists(request.output, ignored))
    throw UsageError(printable(request.output.string()) +
                     " exists already; --overwrite replaces it");
  if (!request.groups.empty() || !request.head.empty() || !request.backbone.empty() ||
      !request.depth.empty() || request.intersection)
    throw UsageError(
        "with sets, all tensors are interpolated alike: leave out --group, --head, --backbone, "
        "--depth and --intersection, or write the models and use eval");
}

// The alphas in order, and the ends, without which there is no barrier.
std::vector<double> alphas_of(const MergeRequest& request) {
  std::vector<double> alphas = request.alphas;
  alphas.insert(alphas.end(), {0.0, 1.0});
  std::ranges::sort(alphas);
  const auto [first, last] = std::ranges::unique(alphas);
  alphas.erase(first, last);
  return alphas;
}

CurveStudy measure(const InterpolateArgs& args, const std::vector<double>& alphas,
                   Mixtures& mixtures, Progress& progress) {
  CurveStudy study;
  study.first = args.request.models[0].string();
  study.second = args.request.models[1].string();
  study.level = args.level;
  if (mixtures.has_batchnorm()) study.batchnorm = args.request.batchnorm;
  for (const NamedSet& set : mixtures.sets()) study.sets.push_back({set.name, set.role});
  std::vector<HeldOutPoint> held_out;
  Pictures pictures;  // that the held-out rows show: the same at every point
  for (const double alpha : alphas) {
    CurvePoint point;
    point.alpha = alpha;
    const std::vector<double> weights{1 - alpha, alpha};
    for (const Predictions& predictions : mixtures.on_all(weights)) {
      if (mixtures.sets()[point.scores.size()].role == SetRole::held_out) {
        if (held_out.empty()) pictures = pictures_of(predictions.ids);
        held_out.push_back({RightRows(predictions), negative_log_likelihood(predictions)});
      }
      point.scores.push_back({accuracy(predictions), negative_log_likelihood(predictions)});
    }
    progress.say("alpha " + significant(alpha, 4) + ": " +
                 fixed(100 * point.scores.front().accuracy.value(), 2) + " % on " +
                 printable(study.sets.front().name));
    study.points.push_back(std::move(point));
  }
  if (!held_out.empty()) study.choice = choose_alpha(held_out, args.level, pictures);
  return study;
}

// The model of the chosen alpha: as `interpolate` alone would write it, or with the statistics that
// were measured for it.
void write_chosen(const InterpolateArgs& args, double alpha, Mixtures& mixtures,
                  Progress& progress) {
  const MergeRequest& request = args.request;
  const std::vector<double> weights{1 - alpha, alpha};
  if (request.batchnorm == "recompute")
    return save_model(mixtures.model(weights), request.output, request.written, progress);
  write_merge(request, request.models, alpha, progress);
}

}  // namespace

int cmd_interpolate(const InterpolateArgs& args, const CommandLine& line) {
  check(args);
  check_analysis_place(args.place, "interpolation", "--report");
  TerminalProgress progress(line.quiet);
  const std::vector<double> alphas = alphas_of(args.request);
  if (args.request.written.dry_run) {
    std::vector<std::string> lines = {"interpolate " + std::to_string(alphas.size()) +
                                      " points, each evaluated on every set"};
    for (const std::string& text : set_lines(args.sets)) lines.push_back(text);
    if (!args.request.output.empty())
      lines.push_back("write  " + printable(args.request.output.string()));
    print_analysis_plan("interpolate", lines, line);
    return 0;
  }
  MixtureOptions options;
  options.device = parse_device(line.device.value_or("cpu"));
  options.bf16 = line.bf16;
  options.batchnorm = batchnorm_policy(args.request.batchnorm);
  const ModelFolder first = ModelFolder::open(args.request.models[0]);
  std::vector<NamedSet> sets = load_named_sets(args.sets, first, progress);
  ImageDataset pictures;
  if (options.batchnorm == BatchNormPolicy::recompute) {
    if (args.pictures.empty()) throw UsageError("--bn recompute needs pictures: --bn-data SOURCE");
    pictures = load_unlabelled(args.pictures, progress);
    options.pictures = &pictures;
  }
  Mixtures mixtures(args.request.models, std::move(sets), options, progress);
  const CurveStudy study = measure(args, alphas, mixtures, progress);
  if (!args.request.output.empty())
    write_chosen(args, study.points[study.choice->best].alpha, mixtures, progress);
  publish_analysis(args.place, "interpolation", to_json(study), curve_page(study),
                   curve_text(study, static_cast<std::size_t>(terminal_width())), line);
  return 0;
}

}  // namespace stockpot::cli
