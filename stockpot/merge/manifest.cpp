#include "stockpot/merge/manifest.h"

#include "stockpot/base/version.h"
#include "stockpot/checkpoint/content_hash.h"

namespace stockpot {
namespace {

Json list_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push(text);
  return list;
}

Json describe_input(const Checkpoint& model, const std::string& role, const std::string& hash) {
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
  if (!model.notes().empty()) input.set("notes", list_of(model.notes()));
  return input;
}

Json describe_output(Container container, const std::vector<fs::path>& files, std::uint64_t bytes,
                     const std::string& hash) {
  Json names = Json::array();
  for (const fs::path& file : files) names.push(file.filename().native());
  return Json::object({{"format", container == Container::safetensors ? "safetensors" : "torch"},
                       {"files", std::move(names)},
                       {"bytes", bytes},
                       {"hash", hash}});
}

}  // namespace

Json make_manifest(const MergePlan& plan, const MergeMethod& method, const MergeOutcome& outcome,
                   const ManifestFacts& facts) {
  Json inputs = Json::array(), skipped = Json::array();
  for (std::size_t i = 0; i < plan.models.size(); ++i)
    inputs.push(describe_input(*plan.models[i], "ingredient", outcome.model_hashes[i]));
  if (plan.base != nullptr) inputs.push(describe_input(*plan.base, "base", outcome.base_hash));
  for (const Checkpoint& file : method.statistics())
    inputs.push(describe_input(file, "statistics", content_hash(file)));
  for (const auto& [name, why] : plan.skipped)
    skipped.push(Json::object({{"name", name}, {"why", why}}));
  Json tensors = Json::object();
  for (const auto& [why, count] : plan.counts()) tensors.set(why, static_cast<std::int64_t>(count));
  return Json::object({
      {"schema_version", 1},
      {"stockpot", std::string(kVersion)},
      {"command", list_of(facts.command)},
      {"method", Json::object({{"name", facts.method},
                               {"options", method.options()},
                               {"findings", method.findings()}})},
      {"inputs", std::move(inputs)},
      {"tensors", std::move(tensors)},
      {"skipped", std::move(skipped)},
      {"batchnorm", plan.has_batchnorm ? Json(facts.batchnorm) : Json(nullptr)},
      {"integers", facts.integers},
      {"notes", list_of(plan.notes)},
      {"output",
       describe_output(facts.container, facts.files, outcome.bytes_written, outcome.output_hash)},
  });
}

Json make_manifest(const Checkpoint& source, const ConversionPlan& plan,
                   const ConversionHashes& hashes, const ConversionManifestFacts& facts) {
  Json inputs = Json::array();
  inputs.push(describe_input(source, "source", hashes.source));
  return Json::object({
      {"schema_version", 1},
      {"stockpot", std::string(kVersion)},
      {"command", list_of(facts.command)},
      {"method", Json::object({{"name", "convert"}, {"options", facts.options}})},
      {"inputs", std::move(inputs)},
      {"tensors",
       Json::object({{"converted", static_cast<std::int64_t>(plan.converted)},
                     {"copied", static_cast<std::int64_t>(plan.outputs.size() - plan.converted)}})},
      {"notes", list_of(plan.notes)},
      {"output",
       describe_output(facts.container, facts.files, plan.bytes_to_write(), hashes.output)},
  });
}

fs::path manifest_path(const fs::path& output) {
  std::error_code ignored;
  if (fs::is_directory(output, ignored)) return output / kManifestInFolder;
  return fs::path(output.native() + std::string(kManifestEnding));
}

}  // namespace stockpot
