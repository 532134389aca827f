#include "stockpot/merge/manifest.h"

#include "stockpot/base/version.h"

namespace stockpot {
namespace {

Json describe_input(const Checkpoint& model, const std::string& role, const std::string& hash) {
  Json notes = Json::array();
  for (const std::string& note : model.notes()) notes.push(note);
  Json input = Json::object({
      {"role", role},
      {"path", fs::absolute(model.path()).native()},
      {"hash", hash},
      {"bytes", model.bytes()},
  });
  if (!model.state_key().empty()) input.set("state_key", model.state_key());
  if (!model.dropped().empty()) {
    Json dropped = Json::array();
    for (const DroppedEntry& entry : model.dropped())
      dropped.push(entry.name + " (" + entry.what + ")");
    input.set("left_out", std::move(dropped));
  }
  if (!notes.items().empty()) input.set("notes", std::move(notes));
  return input;
}

}  // namespace

Json make_manifest(const MergePlan& plan, const MergeMethod& method, const MergeOutcome& outcome,
                   const ManifestFacts& facts) {
  Json command = Json::array(), inputs = Json::array(), skipped = Json::array();
  for (const std::string& word : facts.command) command.push(word);
  for (std::size_t i = 0; i < plan.models.size(); ++i)
    inputs.push(describe_input(*plan.models[i], "ingredient", outcome.model_hashes[i]));
  if (plan.base != nullptr) inputs.push(describe_input(*plan.base, "base", outcome.base_hash));
  for (const auto& [name, why] : plan.skipped)
    skipped.push(Json::object({{"name", name}, {"why", why}}));
  Json tensors = Json::object(), notes = Json::array(), files = Json::array();
  for (const auto& [why, count] : plan.counts()) tensors.set(why, static_cast<std::int64_t>(count));
  for (const std::string& note : plan.notes) notes.push(note);
  for (const fs::path& file : facts.files) files.push(file.filename().native());
  return Json::object({
      {"schema_version", 1},
      {"stockpot", std::string(kVersion)},
      {"command", std::move(command)},
      {"method", Json::object({{"name", facts.method},
                               {"options", method.options()},
                               {"findings", method.findings()}})},
      {"inputs", std::move(inputs)},
      {"tensors", std::move(tensors)},
      {"skipped", std::move(skipped)},
      {"batchnorm", plan.has_batchnorm ? Json(facts.batchnorm) : Json(nullptr)},
      {"integers", facts.integers},
      {"notes", std::move(notes)},
      {"output", Json::object({{"format", facts.container == Container::safetensors ? "safetensors"
                                                                                    : "torch"},
                               {"files", std::move(files)},
                               {"bytes", outcome.bytes_written},
                               {"hash", outcome.output_hash}})},
  });
}

fs::path manifest_path(const fs::path& output) {
  std::error_code ignored;
  if (fs::is_directory(output, ignored)) return output / kManifestInFolder;
  return fs::path(output.native() + std::string(kManifestEnding));
}

}  // namespace stockpot
