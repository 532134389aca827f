#include "cli/rederive.h"

#include <algorithm>

#include "cli/merge_work.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

MergeRequest request_from(const Json& manifest, const fs::path& file) {
  const Json* command = manifest.find("command");
  if (command == nullptr || !command->is_array())
    throw FormatError(file, "no list 'command' that says how the output was made");
  std::vector<std::string> words{"--output", "rederived"};
  for (const Json& word : command->items()) words.push_back(word.as_string());
  // The output goes nowhere, but the commands want one: behind the name of the command.
  const std::size_t name = words.size() > 2 && words[2] == "merge" ? 4 : 3;
  if (words.size() < name) throw FormatError(file, "the list 'command' is too short");
  std::rotate(words.begin(), words.begin() + 2, words.begin() + static_cast<long>(name));
  CLI::App app;
  app.require_subcommand(1);
  MergeRequest result;
  add_merge_requests(app, [&](const MergeRequest& request) { result = request; });
  std::ranges::reverse(words);  // as CLI11 wants them
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    throw FormatError(file,
                      std::string("the command cannot be run again: ") + printable(error.what()));
  }
  return result;
}

}  // namespace

std::string rederive(const Json& manifest, const fs::path& file, Progress& progress) {
  const MergeRequest request = request_from(manifest, file);
  std::optional<double> alpha;
  if (request.command == "interpolate") alpha = request.alphas.front();
  // Ties depend on the container; their values don't.
  MergeWork work(request, request.models, alpha, Container::safetensors);
  return run_merge(
             work.plan(), work.method(),
             [](std::size_t, std::uint64_t, std::span<const std::byte>) {}, limits_of(request),
             progress)
      .output_hash;
}

}  // namespace stockpot::cli
