#include "cli/rederive.h"

#include <algorithm>
#include <functional>

#include "cli/convert_args.h"
#include "cli/merge_work.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/convert.h"

namespace stockpot::cli {
namespace {

// Parses the words of a command as `add` adds it to an app.
void parse(std::vector<std::string> words, const fs::path& file,
           const std::function<void(CLI::App&)>& add) {
  CLI::App app;
  app.require_subcommand(1);
  add(app);
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    throw FormatError(file,
                      std::string("the command cannot be run again: ") + printable(error.what()));
  }
}

MergeRequest merge_request(std::vector<std::string> words, const fs::path& file) {
  // The output goes nowhere, but the commands want one: behind the name of the command.
  const std::size_t name = words.front() == "merge" ? 2 : 1;
  if (words.size() < name) throw FormatError(file, "the list 'command' is too short");
  const std::vector<std::string> output{"--output", "rederived"};
  words.insert(words.begin() + static_cast<long>(name), output.begin(), output.end());
  MergeRequest result;
  parse(std::move(words), file, [&](CLI::App& app) {
    add_merge_requests(app, [&](const MergeRequest& request) { result = request; });
  });
  return result;
}

std::string path_of(const Checkpoint& model) { return fs::absolute(model.path()).native(); }

MadeAgain merged_again(const MergeRequest& request, Progress& progress) {
  std::optional<double> alpha;
  if (request.command == "interpolate") alpha = request.alphas.front();
  // Ties depend on the container; their values don't.
  MergeWork work(request, request.models, alpha, Container::safetensors);
  const MergePlan& plan = work.plan();
  const MergeOutcome outcome = run_merge(
      plan, work.method(), [](std::size_t, std::uint64_t, std::span<const std::byte>) {},
      limits_of(request), progress);
  MadeAgain result{outcome.output_hash, {}};
  for (std::size_t i = 0; i < plan.models.size(); ++i)
    result.inputs[path_of(*plan.models[i])] = outcome.model_hashes[i];
  if (plan.base != nullptr) result.inputs[path_of(*plan.base)] = outcome.base_hash;
  return result;
}

MadeAgain converted_again(std::vector<std::string> words, const fs::path& file,
                          Progress& progress) {
  ConvertArgs args;
  words.emplace_back("rederived");
  parse(std::move(words), file,
        [&](CLI::App& app) { add_convert_args(*app.add_subcommand("convert"), args); });
  const Checkpoint source = Checkpoint::open(args.in, args.open.options());
  const ConversionHashes hashes = convert(
      plan_conversion(source, args.output.type(), Container::safetensors), source.path(),
      [](std::size_t, std::uint64_t, std::span<const std::byte>) {}, progress);
  return {hashes.output, {{path_of(source), hashes.source}}};
}

}  // namespace

MadeAgain rederive(const Json& manifest, const fs::path& file, Progress& progress) {
  const Json* command = manifest.find("command");
  if (command == nullptr || !command->is_array() || command->items().empty())
    throw FormatError(file, "no list 'command' that says how the output was made");
  std::vector<std::string> words;
  for (const Json& word : command->items()) words.push_back(word.as_string());
  if (words.front() == "convert") return converted_again(std::move(words), file, progress);
  return merged_again(merge_request(std::move(words), file), progress);
}

}  // namespace stockpot::cli
