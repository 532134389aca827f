#include "cli/merge_methods.h"

#include <map>

#include "stockpot/base/error.h"
#include "stockpot/merge/dare.h"
#include "stockpot/merge/fisher.h"
#include "stockpot/merge/linear.h"
#include "stockpot/merge/model_stock.h"
#include "stockpot/merge/regmean.h"
#include "stockpot/merge/spherical.h"
#include "stockpot/merge/task_arithmetic.h"
#include "stockpot/merge/ties.h"

namespace stockpot::cli {
namespace {

using Method = std::unique_ptr<MergeMethod>;

// Flags come one by one and never as a pair with "no-": a manifest repeats them by name.
void add_lambda(CLI::App& app, double& lambda) {
  app.add_option("--lambda", lambda, "Factor of what is added to the base")->capture_default_str();
}

void add_density(CLI::App& app, double& density) {
  app.add_option("--density", density, "Share of each task vector that stays, above 0 up to 1")
      ->capture_default_str();
}

void add_normalize(CLI::App& app, bool& normalize) {
  app.add_flag("--normalize", normalize, "Divide by the sum of the weights that took part");
}

template <typename Enum>
CLI::Option* add_choice(CLI::App& app, const std::string& flag, Enum& value,
                        const std::map<std::string, Enum>& names, const std::string& help) {
  // Not a transformer: those show numbers in the help.
  std::vector<std::string> words;
  for (const auto& [name, ignored] : names) words.push_back(name);
  return app
      .add_option_function<std::string>(
          flag, [&value, names](const std::string& word) { value = names.at(word); }, help)
      ->check(CLI::IsMember(words));
}

BuildMethod add_linear(CLI::App&) {
  return [](const MethodInputs&) { return linear_method(); };
}

BuildMethod add_task(CLI::App& app) {
  auto options = std::make_shared<TaskArithmeticOptions>();
  add_lambda(app, options->lambda);
  add_normalize(app, options->normalize);
  return [options](const MethodInputs&) { return task_arithmetic(*options); };
}

const std::map<std::string, TrimScope> kScopes = {{"global", TrimScope::global},
                                                  {"tensor", TrimScope::tensor}};

struct TiesFlags {
  std::string preset = "paper";
  TiesOptions given;
  CLI::Option *trim = nullptr, *zero_sum = nullptr;
  bool no_normalize = false;

  TiesOptions options() const {
    TiesOptions options = ties_preset(preset);
    options.trim.density = given.trim.density;
    options.lambda = given.lambda;
    if (trim->count() > 0) options.trim.scope = given.trim.scope;
    if (zero_sum->count() > 0) options.zero_sum = given.zero_sum;
    options.normalize = !no_normalize;
    return options;
  }
};

BuildMethod add_ties(CLI::App& app) {
  auto flags = std::make_shared<TiesFlags>();
  app.add_option("--preset", flags->preset,
                 "paper; reference (the authors' program); mergekit: what the other flags start "
                 "from")
      ->check(CLI::IsMember({"paper", "reference", "mergekit"}))
      ->capture_default_str();
  add_density(app, flags->given.trim.density);
  flags->trim = add_choice(app, "--trim", flags->given.trim.scope, kScopes,
                           "Rank magnitudes over the whole model (global) or in each tensor");
  flags->zero_sum = add_choice<ZeroSum>(
      app, "--zero-sum", flags->given.zero_sum,
      {{"none", ZeroSum::none}, {"positive", ZeroSum::positive}, {"majority", ZeroSum::majority}},
      "Sign of elements whose values add up to zero");
  app.add_flag("--no-normalize", flags->no_normalize,
               "The sum of the values that agree instead of their mean");
  add_lambda(app, flags->given.lambda);
  return [flags](const MethodInputs&) { return ties(flags->options()); };
}

struct DareFlags {
  DareOptions drop;
  DareMergeOptions merge;
  bool no_rescale = false;
};

BuildMethod add_dare(CLI::App& app) {
  auto flags = std::make_shared<DareFlags>();
  add_density(app, flags->drop.density);
  app.add_option("--seed", flags->drop.seed, "Of the random choice")->capture_default_str();
  app.add_flag("--no-rescale", flags->no_rescale, "Do not divide what stays by the density");
  app.add_flag("--elect", flags->merge.elect, "TIES' election of signs instead of the sum");
  add_normalize(app, flags->merge.normalize);
  add_lambda(app, flags->merge.lambda);
  return [flags](const MethodInputs& inputs) {
    DareOptions drop = flags->drop;
    drop.rescale = !flags->no_rescale;
    return dare(drop, flags->merge, inputs.model_keys);
  };
}

void add_sparse_merge(CLI::App& app, SparseMergeOptions& options) {
  app.add_flag("--elect", options.elect, "TIES' election of signs instead of the sum");
  add_normalize(app, options.normalize);
  add_lambda(app, options.lambda);
}

BuildMethod add_magnitude(CLI::App& app) {
  auto trim = std::make_shared<TrimOptions>();
  auto merge = std::make_shared<SparseMergeOptions>();
  add_density(app, trim->density);
  add_choice(app, "--trim", trim->scope, kScopes,
             "Rank magnitudes over the whole model (global, the default) or in each tensor");
  add_sparse_merge(app, *merge);
  return [trim, merge](const MethodInputs&) { return magnitude_merge(*trim, *merge); };
}

BuildMethod add_breadcrumbs(CLI::App& app) {
  auto trim = std::make_shared<BreadcrumbsOptions>();
  auto merge = std::make_shared<SparseMergeOptions>();
  add_density(app, trim->density);
  app.add_option("--gamma", trim->gamma, "Share of the largest values that is dropped")
      ->capture_default_str();
  add_choice<TrimCount>(app, "--preset", trim->count,
                        {{"paper", TrimCount::rounded}, {"mergekit", TrimCount::truncated}},
                        "mergekit rounds the number of values that stay down");
  add_sparse_merge(app, *merge);
  return [trim, merge](const MethodInputs&) { return breadcrumbs_merge(*trim, *merge); };
}

struct StockFlags {
  ModelStockOptions options;
  bool no_clamp = false;
};

BuildMethod add_stock(CLI::App& app) {
  auto flags = std::make_shared<StockFlags>();
  app.add_flag("--filter-wise", flags->options.by_filter,
               "A ratio for each row (filter) instead of each tensor");
  app.add_flag("--no-clamp", flags->no_clamp, "Let the ratio leave 0..1");
  app.add_flag("--average-angles", flags->options.average_angles,
               "The cosine of the mean angle instead of the mean of the cosines");
  return [flags](const MethodInputs&) -> Method {
    ModelStockOptions options = flags->options;
    options.clamp = !flags->no_clamp;
    return std::make_unique<ModelStock>(options);
  };
}

BuildMethod add_slerp(CLI::App& app) {
  auto options = std::make_shared<SlerpOptions>();
  app.add_option("--t", options->t, "0: the first model, 1: the second")->capture_default_str();
  return [options](const MethodInputs&) -> Method { return std::make_unique<Slerp>(*options); };
}

BuildMethod add_nuslerp(CLI::App& app) {
  auto options = std::make_shared<SlerpOptions>(SlerpOptions::nuslerp());
  app.add_flag("--row-wise", options->by_rows, "Each row by itself");
  return [options](const MethodInputs&) -> Method { return std::make_unique<Slerp>(*options); };
}

BuildMethod add_karcher(CLI::App& app) {
  auto options = std::make_shared<KarcherOptions>();
  app.add_option("--iterations", options->iterations, "At most this many steps")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--tolerance", options->tolerance, "Stop at steps below this angle (radians)")
      ->capture_default_str();
  return
      [options](const MethodInputs&) -> Method { return std::make_unique<KarcherMean>(*options); };
}

BuildMethod add_multislerp(CLI::App&) {
  return [](const MethodInputs&) -> Method {
    return std::make_unique<KarcherMean>(KarcherOptions{.iterations = 0});
  };
}

std::vector<Checkpoint> open_statistics(const std::vector<std::string>& files,
                                        const std::string& flag, std::size_t models) {
  if (files.size() != models)
    throw UsageError(flag + " must be given once for each model, in their order: found " +
                     std::to_string(files.size()) + " files for " + std::to_string(models) +
                     " models");
  std::vector<Checkpoint> opened;
  for (const std::string& file : files) opened.push_back(Checkpoint::open(file));
  return opened;
}

struct StatisticsFlags {
  std::vector<std::string> files;
  FisherOptions fisher;
  RegMeanOptions regmean;
};

BuildMethod add_fisher(CLI::App& app) {
  auto flags = std::make_shared<StatisticsFlags>();
  app.add_option("--fisher", flags->files,
                 "A file with the diagonal of the Fisher information, named like the weights; "
                 "once for each model, in their order")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--minimum", flags->fisher.minimum, "Of the information of an element")
      ->capture_default_str();
  add_choice<FisherOptions::Minimum>(
      app, "--minimum-rule", flags->fisher.minimum_rule,
      {{"floor", FisherOptions::Minimum::floor}, {"add", FisherOptions::Minimum::add}},
      "floor: the larger of both (the default); add: their sum");
  app.add_flag("--normalize-models", flags->fisher.normalize_models,
               "Divide each model's information by its norm");
  return [flags](const MethodInputs& inputs) -> Method {
    return std::make_unique<FisherMerge>(
        open_statistics(flags->files, "--fisher", inputs.models.size()), flags->fisher);
  };
}

BuildMethod add_regmean(CLI::App& app) {
  auto flags = std::make_shared<StatisticsFlags>();
  app.add_option("--grams", flags->files,
                 "A file with the Gram matrix of each linear layer's inputs, named as its weight "
                 "or LAYER.gram; once for each model, in their order")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--off-diagonal", flags->regmean.off_diagonal,
                 "Factor of the entries off the diagonal, 0..1")
      ->capture_default_str();
  return [flags](const MethodInputs& inputs) -> Method {
    return std::make_unique<RegMean>(open_statistics(flags->files, "--grams", inputs.models.size()),
                                     flags->regmean);
  };
}

}  // namespace

const std::vector<MergeMethodEntry>& merge_methods() {
  static const std::vector<MergeMethodEntry> kMethods = {
      {"linear", "The sum of the models times their weights, which may add up to anything",
       BaseUse::never, add_linear},
      {"task", "Task arithmetic: base + lambda * sum of weighted differences", BaseUse::always,
       add_task},
      {"ties", "TIES: trim the differences, elect signs, mean of what agrees", BaseUse::always,
       add_ties},
      {"dare", "DARE: drop differences at random, rescale the rest, sum", BaseUse::always,
       add_dare},
      {"magnitude", "The largest differences only, summed", BaseUse::always, add_magnitude},
      {"breadcrumbs", "Differences without the largest and the small ones, summed", BaseUse::always,
       add_breadcrumbs},
      {"stock", "Model Stock: towards the mean as far as the angles say", BaseUse::always,
       add_stock},
      {"slerp", "Between two models on the sphere (with --base: of their differences)",
       BaseUse::when_given, add_slerp},
      {"nuslerp", "SLERP by the weights of two models (with --base: of their differences)",
       BaseUse::when_given, add_nuslerp},
      {"karcher", "The mean of n models on the sphere (with --base: of their differences)",
       BaseUse::when_given, add_karcher},
      {"multislerp", "Multi-SLERP: the Karcher mean's start (with --base: of differences)",
       BaseUse::when_given, add_multislerp},
      {"fisher", "The mean weighted by each element's Fisher information", BaseUse::never,
       add_fisher},
      {"regmean", "RegMean: linear layers by least squares of their outputs, else the mean",
       BaseUse::never, add_regmean},
  };
  return kMethods;
}

}  // namespace stockpot::cli
