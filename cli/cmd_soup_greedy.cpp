// soup greedy and soup prune on pictures: our own models are run here.
#include "cli/logits_of_models.h"
#include "cli/recipe_sets.h"
#include "cli/soup_batchnorm.h"
#include "cli/soup_work.h"
#include "cli/sources.h"
#include "cli/terminal.h"
#include "cli/training_overlap.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/eval/evaluate.h"
#include "stockpot/eval/set_rows.h"
#include "stockpot/model/runtime.h"
#include "stockpot/pipeline/picture_scorer.h"

namespace stockpot::cli {
namespace {

MetricKind metric_of(const SoupArgs& args) {
  if (args.metric.empty()) return MetricKind::accuracy;
  if (const auto kind = metric_from(args.metric)) return *kind;
  const std::vector<std::string> names = metric_names();
  const std::string near = nearest(args.metric, names);
  throw UsageError("--metric " + printable(args.metric) + ": there are " + join(names, ", ") +
                   (near.empty() ? "" : "; did you mean " + near + "?"));
}

}  // namespace

int cmd_soup_greedy(const SoupArgs& args, const CommandLine& line) {
  TerminalProgress progress(line.quiet);
  if (!args.evaluator.command.empty() || !args.table.empty())
    throw UsageError("--val, --evaluator and --table contradict each other: one of them scores");
  const at::Device device = parse_device(line.device.value_or("cpu"));
  const MetricKind metric = metric_of(args);
  const std::vector<fs::path> paths = soup_models(args);
  const ModelFolder first = ModelFolder::open(paths.front());
  std::vector<ModelFolder> folders;
  for (const fs::path& path : paths) {
    folders.push_back(ModelFolder::open(path));
    require_same_labels(first, folders.back());
    open_weights(folders.back());  // the tensors are those of the architecture
  }
  SoupWork work(args, line, paths, Container::safetensors, progress);
  std::vector<std::string> warnings;
  const HeldOut held_out = held_out_pictures(args.recipe, args.held_out, first, warnings, progress);

  PictureScorerOptions how;
  how.metric = metric;
  how.device = device;
  how.bf16 = line.bf16;
  how.shelf = work.place().logits;
  if (!args.written.dry_run) how.keys = work.keys();
  Predictions wanted = set_rows(held_out.set);
  wanted.arithmetic = arithmetic_of(device, line.bf16);
  LogitsOfModels logits(args.logits, std::move(folders), how.keys, std::move(wanted), progress);
  if (!how.keys.empty())
    how.known = [&](std::size_t model) -> std::optional<ShelvedLogits> {
      auto known = logits(model);
      if (!known) return std::nullopt;
      return ShelvedLogits{known->classes, std::move(known->logits)};
    };
  PictureScorer scorer(work.mixer(), first, held_out, how, progress);
  SoupJudge judge;
  judge.score = [&](const SoupRequest& request) { return scorer(request); };
  judge.description = scorer.description();
  judge.pictures = scorer.pictures();
  judge.metric = row(metric).words;
  judge.direction = args.minimize ? Direction::minimize : row(metric).direction;
  judge.plan = {"by     " + grouped(held_out.set.size()) + " held-out pictures",
                args.full ? "note   whole passes for every soup (--full)"
                : scorer.can_stop()
                    ? "note   a soup is rejected as soon as its errors prove it"
                    : "note   no early rejection: " + std::string(row(metric).words) +
                          " has no bound from a part of the pictures"};
  if (args.recipe.empty() || !args.train.empty())
    for (std::string& warning : overlap_warnings(
             args.train, paths, held_out,
             "models look better on them than they are, and the soup is chosen for it", progress))
      warnings.push_back(std::move(warning));
  judge.warnings = warnings;
  ImageDataset pictures = held_out.set;
  if (!args.pictures.empty() && args.recomputes())
    pictures = ImageDataset::load(parse_sources(args.pictures), LoadOptions{});
  if (args.recomputes())
    judge.batchnorm = [&](const std::vector<fs::path>& ingredients, const fs::path& model,
                          SoupFacts& facts) {
      SoupBatchNorm soup(ingredients, &held_out.set, pictures, device, line.bf16, progress);
      std::string policy = args.batchnorm;
      if (policy == "compare") {
        soup.score(kBatchNormPolicies);
        policy = soup.best().policy;
        facts.batchnorm = soup.to_json();
        facts.batchnorm_text = soup.text();
      }
      if (policy != "recompute") return policy;
      soup.save_recomputed(model, args.written);
      return std::string();
    };
  return work.run(judge);
}

}  // namespace stockpot::cli
