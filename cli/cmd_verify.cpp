// verify PATH: is a checkpoint whole?
#include <iostream>
#include <memory>

#include "cli/checkpoint_commands.h"
#include "cli/look_commands.h"
#include "cli/rederive.h"
#include "cli/terminal.h"
#include "stockpot/base/error.h"
#include "stockpot/compare/verify.h"
#include "stockpot/merge/manifest.h"

namespace stockpot::cli {
namespace {

constexpr int kNotWhole = 3;  // as for bad input data

struct VerifyArgs {
  fs::path path;
  bool sha256 = false, skip_rederive = false;
};

// Makes a merged checkpoint again from its manifest and compares; nothing to add without one.
void check_by_making_it_again(VerifyReport& report, Progress& progress) {
  const fs::path file = manifest_path(report.path);
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return;
  const auto add = [&](Severity severity, std::string text) {
    report.findings.push_back({severity, "rederive", std::move(text), "", {}, {}});
  };
  try {
    const Json manifest = Json::read(file);
    if (manifest.find("command") == nullptr) return;  // of lora: only its hashes are compared
    const std::string hash = rederive(manifest, file, progress);
    if (hash == report.hash)
      add(Severity::note, "made again from its inputs: the same, bit for bit");
    else
      add(Severity::failure, "made again from its inputs, its hash is " + hash);
  } catch (const FormatError& error) {
    add(Severity::warning, std::string("cannot be made again: ") + error.what());
  } catch (const UsageError& error) {
    add(Severity::warning, std::string("cannot be made again: ") + error.what());
  }
}

int run_verify(const VerifyArgs& args, const CommandLine& line) {
  use_threads(line);
  TerminalProgress progress(line.quiet);
  VerifyReport report = verify(args.path, {.sha256 = args.sha256}, progress);
  if (!args.skip_rederive) check_by_making_it_again(report, progress);
  if (line.json)
    std::cout << to_json(report).dump(2) << "\n";
  else
    std::cout << verify_text(report, static_cast<std::size_t>(terminal_width()));
  return report.whole() ? 0 : kNotWhole;
}

}  // namespace

void add_verify(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand("verify", "Is a checkpoint whole? Reads every byte");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<VerifyArgs>();
  command->add_option("PATH", args->path, "File, folder or manifest")->required();
  command->add_flag("--sha256", args->sha256, "Also the SHA-256 of each file");
  command->add_flag("--no-rederive", args->skip_rederive,
                    "Don't make a merged checkpoint again from the inputs in its manifest");
  command->footer("Exit code 0: whole; 3: not.");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run_verify(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
