#include "stockpot/checkpoint/weights_file.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/checkpoint/name_block.h"

namespace stockpot {
namespace {

constexpr std::array<std::string_view, 6> kPrecedence = {
    "model.safetensors",           "model.safetensors.index.json",
    "pytorch_model.bin",           "pytorch_model.bin.index.json",
    "open_clip_model.safetensors", "open_clip_pytorch_model.bin"};
constexpr std::array<std::string_view, 7> kEndings = {".safetensors", ".pt",   ".pth",    ".bin",
                                                      ".th",          ".ckpt", ".pth.tar"};
// Names of weights that are no model of their own: adapters (PEFT), parts of pipelines (diffusers).
constexpr std::array<std::string_view, 3> kOtherWeights = {
    "adapter_model.safetensors", "adapter_model.bin", "diffusion_pytorch_model.safetensors"};
// What the trainers of transformers and accelerate save beside the weights.
constexpr std::array<std::string_view, 7> kTrainingState = {
    "optimizer", "scheduler", "scaler", "rng_state", "training_args", "random_states", "sampler"};
constexpr std::array<std::string_view, 4> kOtherLibraries = {"model.ckpt", "tf_model.h5",
                                                             "flax_model.msgpack", "model.gguf"};

// Also for links that lead nowhere: opening them says what is wrong.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

bool looks_like_weights(const std::string& name) {
  const auto starts = [&](std::string_view start) { return name.starts_with(start); };
  return ends_like_weights(name) &&
         std::none_of(kTrainingState.begin(), kTrainingState.end(), starts);
}

std::vector<std::string> files_like_weights(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().filename().native();
    if (looks_like_weights(name) && !entry->is_directory(ignored)) names.push_back(name);
  }
  if (error) throw FormatError(folder, "cannot read the folder: " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

// Weights under a name that libraries look for.
bool holds_weights(const fs::path& folder) {
  const auto there = [&](std::string_view name) { return is_there(folder / name); };
  return std::ranges::any_of(kPrecedence, there) || std::ranges::any_of(kOtherWeights, there);
}

}  // namespace

bool ends_like_weights(std::string_view name) {
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return name.ends_with(ending); });
}

std::vector<fs::path> checkpoints_in(const fs::path& folder) {
  std::vector<fs::path> found;
  if (holds_weights(folder)) return found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().filename().native();
    if (name.starts_with('.')) continue;
    if (entry->is_directory(ignored) ? holds_weights(entry->path()) : looks_like_weights(name))
      found.push_back(entry->path());
  }
  std::ranges::sort(found, [](const fs::path& a, const fs::path& b) {
    return natural_less(a.native(), b.native());
  });
  return found;
}

fs::path find_weights(const fs::path& folder, std::vector<std::string>& notes) {
  std::string chosen;
  for (const std::string_view name : kPrecedence) {
    if (!is_there(folder / name)) continue;
    if (chosen.empty())
      chosen = name;
    else
      notes.push_back(std::string(name) + " is ignored: " + chosen +
                      " is there too and comes first");
  }
  if (!chosen.empty()) return folder / chosen;
  const std::vector<std::string> names = files_like_weights(folder);
  if (names.size() == 1) return folder / names[0];
  if (names.size() > 1)
    throw FormatError(folder, std::to_string(names.size()) + " files look like weights: " +
                                  some_of(names) + "; name the one that is meant");
  std::string found;
  for (const std::string_view other : kOtherLibraries)
    if (is_there(folder / other))
      found = "; " + std::string(other) + " is there: convert it to safetensors first";
  throw FormatError(folder,
                    "no model.safetensors, no pytorch_model.bin, no index of either and "
                    "no other file of weights in this folder" +
                        found);
}

}  // namespace stockpot
