// Runs average, interpolate and merge: plan, work, manifest, result.
#include <iostream>

#include "cli/merge_work.h"
#include "cli/model_choice.h"
#include "cli/terminal.h"
#include "cli/write_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/model_notes.h"
#include "stockpot/merge/manifest.h"

namespace stockpot::cli {
namespace {

std::string number(std::size_t count) { return grouped(static_cast<std::int64_t>(count)); }

std::string plan_text(const MergeRequest& request, const MergeWork& work,
                      const OutputPlace& place) {
  const MergePlan& plan = work.plan();
  std::string text =
      "method " + request.method + " of " + number(plan.models.size()) + " models" +
      (plan.base != nullptr ? ", base " + printable(plan.base->path().string()) : "") + "\n";
  constexpr std::size_t kListed = 8;
  for (std::size_t i = 0; i < std::min(plan.models.size(), kListed); ++i)
    text += "read   " + printable(plan.models[i]->path().string()) + ", " +
            human_bytes(plan.models[i]->bytes()) + "\n";
  if (plan.models.size() > kListed)
    text += "read   and " + number(plan.models.size() - kListed) + " more\n";
  for (const auto& [why, count] : plan.counts())
    text += "tensors " + number(count) + " " + why + "\n";
  for (const auto& [name, why] : plan.skipped)
    text += "skip   " + printable(name) + ": " + why + "\n";
  text += "write  " + files_text(place) + ", " + human_bytes(plan.bytes_to_write()) + " (" +
          human_bytes(plan.bytes_to_read()) + " to read, " + std::to_string(threads()) +
          " threads)\n";
  for (const std::string& note : notes_of_models(plan.models)) text += "note   " + note + "\n";
  for (const std::string& note : plan.notes) text += "note   " + note + "\n";
  return text;
}

ManifestFacts facts_of(const MergeRequest& request, const MergeWork& work,
                       const OutputPlace& place) {
  ManifestFacts facts;
  facts.command = work.arguments();
  facts.method = request.method;
  facts.batchnorm = request.batchnorm;
  facts.integers = request.integers;
  facts.container = place.container;
  return facts;
}

}  // namespace

Json write_merge(const MergeRequest& request, const MergeWork& work, const OutputPlace& place,
                 Progress& progress) {
  std::vector<OutputTensor> tensors;
  for (const PlannedTensor& tensor : work.plan().tensors) tensors.push_back(tensor.output);
  OutputOptions options = request.written.options();
  options.metadata = work.first().metadata();
  options.metadata.emplace("format", "pt");
  ManifestFacts facts = facts_of(request, work, place);
  MergeOutcome outcome;
  Json manifest;
  const auto fill = [&](CheckpointWriter& writer) {
    outcome = run_merge(
        work.plan(), work.method(),
        [&](std::size_t tensor, std::uint64_t first, std::span<const std::byte> bytes) {
          writer.write(tensor, first, bytes);
        },
        limits_of(request), progress);
    facts.files = writer.files();
    manifest = make_manifest(work.plan(), work.method(), outcome, facts);
  };
  const auto finish = [&](const fs::path& folder) {
    write_file(manifest_path(folder), manifest.dump(2) + "\n");
  };
  write_output(place, std::move(tensors), options, fill, finish);
  if (!place.folder) write_file(manifest_path(place.path), manifest.dump(2) + "\n");
  const double rate = static_cast<double>(outcome.bytes_read) / 1e9 / outcome.seconds;
  progress.say(printable(place.path.string()) + ": " + human_bytes(outcome.bytes_written) + " in " +
               fixed(outcome.seconds, 2) + " s, " + fixed(rate, 1) + " GB/s read");
  return manifest;
}

namespace {

// The container that a folder's weights keep: that of the first model.
Container container_of(const fs::path& model, const MergeRequest& request) {
  OpenOptions options = request.open.options();
  options.data = false;
  return Checkpoint::open(model, options).format() == CheckpointFormat::safetensors
             ? Container::safetensors
             : Container::torch;
}

// The outputs: one, or one for each alpha in a folder.
std::vector<std::pair<fs::path, std::optional<double>>> outputs_of(const MergeRequest& request,
                                                                   const fs::path& model,
                                                                   Container usual) {
  if (request.command != "interpolate") return {{request.output, std::nullopt}};
  if (request.alphas.size() == 1) return {{request.output, request.alphas.front()}};
  std::error_code ignored;
  std::string ending;
  if (!fs::is_directory(model, ignored))
    ending =
        request.written.container().value_or(usual) == Container::torch ? ".pt" : ".safetensors";
  std::vector<std::pair<fs::path, std::optional<double>>> outputs;
  for (const double alpha : request.alphas)
    outputs.emplace_back(request.output / ("alpha-" + shortest(alpha) + ending), alpha);
  return outputs;
}

}  // namespace

namespace {

// As --weights, which the manifest can be run again from.
void take_ema_weights(MergeRequest& request, std::size_t models) {
  request.weights = ema_weights(models, *request.ema);
  std::vector<std::string> words;
  for (const double weight : request.weights) words.push_back(shortest(weight));
  request.flags.insert(request.flags.end(), {"--weights", join(words, ",")});
}

}  // namespace

Json write_merge(const MergeRequest& request, const std::vector<fs::path>& models,
                 std::optional<double> alpha, Progress& progress) {
  const OutputPlace place =
      output_place(request.output, models.front(), request.written.container(),
                   request.written.overwrite, container_of(models.front(), request));
  const MergeWork work(request, models, alpha, place.container);
  return write_merge(request, work, place, progress);
}

int cmd_merge(const MergeRequest& given, const CommandLine& line) {
  MergeRequest request = given;
  if (line.threads > 0) set_threads(static_cast<int>(line.threads));
  limits_of(request);  // a wrong size is told before anything is read
  TerminalProgress progress(line.quiet);
  const std::vector<fs::path> models = chosen_models(request);
  if (request.ema) take_ema_weights(request, models.size());
  const Container usual = container_of(models.front(), request);
  const auto outputs = outputs_of(request, models.front(), usual);
  Json manifests = Json::array();
  for (const auto& [path, alpha] : outputs) {
    const OutputPlace place = output_place(path, models.front(), request.written.container(),
                                           request.written.overwrite, usual);
    MergeWork work(request, models, alpha, place.container);
    const std::string text = plan_text(request, work, place);
    if (request.written.dry_run) {
      if (!line.json) std::cout << text;
      manifests.push(
          Json::object({{"output", path.string()},
                        {"tensors", static_cast<std::int64_t>(work.plan().tensors.size())},
                        {"bytes_to_read", work.plan().bytes_to_read()},
                        {"bytes_to_write", work.plan().bytes_to_write()}}));
      continue;
    }
    if (!line.json) progress.say(std::string(trim(text)));
    if (outputs.size() > 1) fs::create_directories(request.output);
    manifests.push(write_merge(request, work, place, progress));
    if (!line.json)
      std::cout << request.method << (alpha ? " (alpha " + shortest(*alpha) + ")" : "") << " of "
                << models.size() << " models: " << printable(path.string()) << "\n";
  }
  if (line.json)
    std::cout << Json::object({{"schema_version", 1},
                               {"command", request.command},
                               {"dry_run", request.written.dry_run},
                               {"outputs", std::move(manifests)}})
                     .dump(2)
              << "\n";
  return 0;
}

}  // namespace stockpot::cli
