#include "cli/lora_manifest.h"

#include "stockpot/base/version.h"
#include "stockpot/checkpoint/content_hash.h"

namespace stockpot::cli {
namespace {

Json input(const std::string& role, const fs::path& path) {
  const Checkpoint model = Checkpoint::open(path);
  return Json::object({{"role", role},
                       {"path", fs::absolute(path).native()},
                       {"hash", content_hash(model)},
                       {"bytes", model.bytes()}});
}

}  // namespace

Json lora_manifest(const LoraManifestFacts& facts, const fs::path& written) {
  Json inputs = Json::array(), files = Json::array();
  for (std::size_t i = 0; i < facts.adapters.size(); ++i) {
    Json adapter = input("adapter", facts.adapters[i]);
    adapter.set("weight", facts.weights[i]);
    inputs.push(std::move(adapter));
  }
  if (!facts.base.empty()) inputs.push(input("base", facts.base));
  const Checkpoint output = Checkpoint::open(written);
  for (const fs::path& file : output.files()) files.push(file.filename().native());
  const bool safetensors = output.format() == CheckpointFormat::safetensors;
  return Json::object(
      {{"schema_version", 1},
       {"stockpot", std::string(kVersion)},
       {"method", Json::object({{"name", facts.method}, {"options", facts.options}})},
       {"inputs", std::move(inputs)},
       {"output", Json::object({{"format", safetensors ? "safetensors" : "torch"},
                                {"files", std::move(files)},
                                {"bytes", output.bytes()},
                                {"hash", content_hash(output)}})}});
}

}  // namespace stockpot::cli
