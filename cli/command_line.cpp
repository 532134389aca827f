// The command surface: every command and flag, once.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>

#include "cli/checkpoint_commands.h"
#include "cli/commands.h"
#include "cli/mix_commands.h"
#include "cli/soup_args.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"

namespace stockpot::cli {
namespace {

constexpr const char* kSourceHelp =
    "A source is PATH[,split=NAME][,splits=CSV][,group=NAME][,root=FOLDER]: an image folder, a "
    ".tar or .tar.gz of one, or a CSV/TSV of path,label,split,group. Repeat a flag to join "
    "sources.";

// "unknown flag --epoch": the nearest flag of the command that was being parsed.
std::string nearest_flag(const CLI::App& app, const std::string& unknown) {
  std::vector<std::string> names;
  const CLI::App* command = &app;
  while (true) {
    for (const CLI::Option* option : command->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    const auto chosen = command->get_subcommands();
    if (chosen.empty()) break;
    command = chosen.front();
  }
  return nearest(unknown.substr(0, unknown.find('=')), names);
}

}  // namespace

void add_common(CLI::App& app, CommandLine& line) {
  app.add_flag("--json", line.json, "One JSON document on stdout instead of a table");
  app.add_flag("-q,--quiet", line.quiet, "No progress on stderr");
  app.add_option("--color", line.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->envname("STOCKPOT_COLOR");
}

void add_threads(CLI::App& app, CommandLine& line) {
  app.add_option("--threads", line.threads, "Threads; default: the machine's cores")
      ->check(CLI::Range(1, 4096))
      ->envname("STOCKPOT_THREADS");
}

void add_compute(CLI::App& app, CommandLine& line) {
  add_common(app, line);
  add_threads(app, line);
  app.add_option("--device", line.device, "cpu, cuda or cuda:N")->envname("STOCKPOT_DEVICE");
  app.add_flag("--bf16", line.bf16, "bf16 autocast (CUDA only)");
}

namespace {

void add_test_sets(CLI::App& app, std::vector<std::string>& id, std::vector<std::string>& ood) {
  app.add_option("--id", id, "ID test set (a source)");
  app.add_option("--ood", ood, "OOD test set: NAME=SOURCE; repeat for more sets");
}

void add_feature_cache(CLI::App& app, fs::path& folder) {
  app.add_option("--feature-cache", folder,
                 "Folder of the linear probe's features, shared by runs (default: features/ in the "
                 "run's folder)");
}

void add_probe(CLI::App& app, MethodArgs& args) {
  app.add_option("--scaling", args.scaling,
                 "The probe divides features by one standard deviation (global, the default) or "
                 "each by its own (per_feature)")
      ->check(CLI::IsMember({"global", "per_feature"}));
  add_feature_cache(app, args.feature_cache);
}

void add_method(CLI::App& app, CommandLine& line, MethodArgs& args, const std::string& method) {
  args.method = method;
  add_compute(app, line);
  app.add_option("MODEL", args.model,
                 "The pretrained model: its folder, or a ResNet's file of weights")
      ->required();
  app.add_option("--train", args.train, "Training set (a source)")->required();
  app.add_option("--val", args.held_out, "Held-out set that every choice is made on (a source)");
  app.add_option("--val-fraction", args.held_out_fraction,
                 "Or hold out this share of the training set")
      ->check(CLI::Range(0.0, 0.9));
  add_test_sets(app, args.id, args.ood);
  app.add_option("-o,--out", args.out, "Folder for the run; repeat the command to continue it")
      ->required();
  app.add_option("--seed", args.seed, "Seed")->envname("STOCKPOT_SEED");
  app.add_flag("--dry-run,--plan", args.plan_only, "Print the plan and stop");
  app.footer(kSourceHelp);
  if (method != "ft") add_probe(app, args);
  if (method == "lp") return;
  app.add_option("--lr", args.learning_rates, "Learning rates to try; chosen on held-out data")
      ->delimiter(',');
  app.add_option("--seeds", args.seeds, "Repeat with this many seeds")->check(CLI::Range(1, 1000));
  app.add_option("--batchnorm", args.batchnorm, "frozen, live or both (frozen,live)")
      ->delimiter(',')
      ->check(CLI::IsMember({"frozen", "live"}));
  if (method == "ft")
    app.add_option("--head", args.head,
                   "Start from this head (a file of safetensors or torch: classes x features), not "
                   "a random one: FILE[,weight=NAME][,bias=NAME][,rows=features][,classes=JSON]"
                   "[,scale=S]");
  const auto setting = [&](const char* flag, const char* key, const char* help) {
    app.add_option_function<std::string>(
        flag,
        [&args, key](const std::string& value) {
          args.settings.push_back(std::string(key) + "=" + value);
        },
        help);
  };
  setting("--epochs", "epochs", "Epochs (10)");
  setting("-b,--batch", "batch", "Pictures a step (64)");
  setting("--opt", "optimizer", "adamw or sgd");
  setting("--weight-decay", "weight_decay", "Weight decay (0.01)");
  setting("--sched", "schedule", "cosine, linear or constant");
  setting("--warmup", "warmup", "Share of the steps for linear warm-up (0)");
  setting("--smoothing", "label_smoothing", "Label smoothing (0)");
  setting("--clip-norm", "clip_norm", "Largest norm of the gradient; 0: off");
  setting("--augment", "augment", "none, minimal, medium or strong");
}

// --set key=value, and key=value behind the recipe.
void add_overrides(CLI::App& app, std::vector<std::string>& overrides) {
  const auto add = [&overrides](const std::vector<std::string>& values) {
    overrides.insert(overrides.end(), values.begin(), values.end());
  };
  app.add_option_function<std::vector<std::string>>(
         "--set", add, "A key of the recipe, with dots: train.lr=1e-4; repeat for more")
      ->allow_extra_args(false);
  app.add_option_function<std::vector<std::string>>("OVERRIDES", add,
                                                    "key=value: the same without --set");
}

void set_up(CLI::App& app, CommandLine& line, RunArgs& run, RunArgs& demo, MethodArgs& probe,
            MethodArgs& finetune, MethodArgs& lpft, EvalArgs& eval, ReportArgs& report,
            ConfigArgs& config) {
  CLI::App* command = app.add_subcommand(
      "run", "The whole way: LP, FT, LP-FT, a random search, its soups, the shift report");
  add_compute(*command, line);
  command->add_option("RECIPE", run.recipe, "A recipe (YAML)")->required();
  command->add_option("-o,--out", run.out, "Folder for the run; repeat the command to continue it")
      ->required();
  add_overrides(*command, run.overrides);
  command->add_flag("--dry-run,--plan", run.plan_only, "Print the plan and stop");
  add_feature_cache(*command, run.feature_cache);
  command->add_option("--seed", run.seed, "Seed of training and search, instead of the recipe's")
      ->envname("STOCKPOT_SEED");
  command->add_option("--seeds", run.seeds, "Repetitions of FT and LP-FT, instead of the recipe's")
      ->check(CLI::Range(1, 1000));
  command->callback([&] { line.command = run; });

  command = app.add_subcommand("demo", "The same on the emoji styles that come with stockpot");
  add_compute(*command, line);
  demo.demo = true;
  demo.out = "stockpot-demo";
  command->add_option("-o,--out", demo.out, "Folder for the run (stockpot-demo)");
  command->add_flag("--dry-run,--plan", demo.plan_only, "Print the plan and stop");
  command->add_option("--seed", demo.seed, "Seed of training and search");
  command->callback([&] { line.command = demo; });

  command = app.add_subcommand("probe", "Linear probe (LP): the head only, on cached features");
  command->alias("lp");
  add_method(*command, line, probe, "lp");
  command->callback([&] { line.command = probe; });
  command = app.add_subcommand("finetune", "Full fine-tuning (FT) from a random head");
  command->alias("ft");
  add_method(*command, line, finetune, "ft");
  command->callback([&] { line.command = finetune; });
  command = app.add_subcommand("lpft", "Linear probe, then fine-tuning from it (LP-FT)");
  add_method(*command, line, lpft, "lpft");
  command->callback([&] { line.command = lpft; });

  command = app.add_subcommand("eval", "Accuracy of models in and out of distribution");
  add_compute(*command, line);
  command->add_option("MODELS", eval.models, "Model folders")->required();
  command->add_option("--val", eval.held_out, "Held-out set (a source)");
  add_test_sets(*command, eval.id, eval.ood);
  command->add_option("--recipe", eval.recipe,
                      "Or the held-out and test sets of this recipe, run or sweep");
  command->add_flag("--skip-bad", eval.skip_unreadable, "Leave out unreadable pictures (counted)");
  command->add_option("--logits", eval.logits,
                      "Write logits, labels and ids: a .safetensors file, or a folder when there "
                      "are several models or sets");
  command->add_flag("--by-class", eval.by_class, "Also accuracy by class");
  command->add_flag("--by-group", eval.by_group, "Also accuracy by group");
  command->footer(kSourceHelp);
  command->callback([&] { line.command = eval; });

  add_soup_commands(app, line);
  add_mix_commands(app, line);
  add_launch(app, line);
  add_look_commands(app, line);
  add_merge_commands(app, line);
  add_write_commands(app, line);
  add_theory(app, line);
  add_diagnose(app, line);
  add_analysis_commands(app, line);
  add_compare(app, line);
  add_sweep_commands(app, line);

  command = app.add_subcommand("report", "Make the pages of a finished run again");
  add_common(*command, line);
  command->add_option("RUN", report.run, "Folder of the run")->required();
  command->add_option("-o,--output", report.output, "HTML file (RUN/report.html)");
  command->callback([&] { line.command = report; });

  CLI::App* configs = app.add_subcommand("config", "Recipes");
  configs->require_subcommand(1);
  const auto add_config = [&](const char* action, const char* help) {
    CLI::App* sub = configs->add_subcommand(action, help);
    add_common(*sub, line);
    sub->callback([&line, &config, action] {
      config.action = action;
      line.command = config;
    });
    return sub;
  };
  for (CLI::App* sub :
       {add_config("check", "Report every problem of a recipe and stop"),
        add_config("show", "The whole recipe, with presets, bases and defaults written out")}) {
    sub->add_option("RECIPE", config.recipe, "A recipe (YAML)")->required();
    add_overrides(*sub, config.overrides);
    if (sub->get_name() == "show")
      sub->add_flag("--origin", config.origin, "Behind each value, where it was written");
  }
  add_config("schema", "The JSON schema of recipes");
  add_config("presets", "The searches and methods of papers that recipes can name");

  command = app.add_subcommand("version", "Versions");
  add_common(*command, line);
  command->callback([&] { line.command = VersionArgs{}; });
}

// Checks of ranges ("FLOAT:FLOAT in [0 - 1]") let NaN through: it is neither below nor above them.
void refuse_nan(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_type_name().starts_with("FLOAT:")) continue;
    for (const std::string& word : option->results())
      if (double value = 0; CLI::detail::lexical_cast(word, value) && std::isnan(value))
        throw UsageError(option->get_name() + " " + printable(word) + ": expected a number");
  }
  for (const CLI::App* command : app.get_subcommands()) refuse_nan(*command);
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
  CommandLine line;
  for (int i = 0; i < argc; ++i)
    line.text += (i ? " " : "") + (i ? printable(argv[i]) : std::string("stockpot"));
  std::vector<char*> words;  // without those of an evaluator
  line.evaluator = take_evaluator_words(argc, argv, words);
  argc = static_cast<int>(words.size());
  argv = words.data();
  RunArgs run, demo;
  MethodArgs probe, finetune, lpft;
  EvalArgs eval;
  ReportArgs report;
  ConfigArgs config;

  CLI::App app(
      "One model that is more accurate and more robust, from a pretrained checkpoint and "
      "labelled pictures.\n\n"
      "  stockpot demo                                    see it work in three minutes\n"
      "  stockpot run recipe.yaml --out runs/mine         your own model and pictures\n"
      "  stockpot lpft MODEL --train photos --val-fraction 0.1 --ood sketch=sketches -o out\n",
      "stockpot");
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  set_up(app, line, run, demo, probe, finetune, lpft, eval, report, config);
  try {
    app.parse(argc, argv);
    refuse_nan(app);
  } catch (const CLI::ExtrasError& error) {
    std::string message = error.what();
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (word.rfind("--", 0) != 0 || message.find(word) == std::string::npos) continue;
      const std::string near = nearest_flag(app, word);
      message =
          "unknown flag " + printable(word) + (near.empty() ? "" : "; did you mean " + near + "?");
      break;
    }
    std::cerr << "stockpot: " << printable(message)
              << "\nRun 'stockpot --help' for the commands.\n";
    return 2;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::cerr << "stockpot: " << printable(error.what())
              << "\nRun 'stockpot --help' for the commands.\n";
    return 2;
  } catch (const UsageError& error) {  // of a flag that reads its own words
    std::cerr << "stockpot: " << error.what() << "\n";
    return 2;
  }
  return line;
}

}  // namespace stockpot::cli
