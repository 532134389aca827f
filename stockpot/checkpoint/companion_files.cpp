#include "stockpot/checkpoint/companion_files.h"

#include <algorithm>
#include <array>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

// tokenizer.json of large vocabularies has tens of megabytes.
constexpr std::uint64_t kLargest = 256'000'000;

constexpr std::array kWeightEndings{
    ".safetensors", ".bin",   ".pt",    ".pth", ".ckpt",     ".h5",     ".msgpack",   ".onnx",
    ".gguf",        ".npz",   ".npy",   ".tar", ".th",       ".pkl",    ".pickle",    ".ot",
    ".tflite",      ".keras", ".index", ".pb",  ".pdparams", ".params", ".index.json"};
constexpr std::array kTrainingStarts{"optimizer",     "scheduler",          "scaler",
                                     "rng_state",     "random_states",      "trainer_state",
                                     "training_args", "events.out.tfevents"};

// Why a file stays behind; "" when it goes along, "weights" for those.
std::string reason_to_leave(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  if (name.starts_with('.')) return "hidden";
  if (entry.is_directory(ignored)) return "folder";
  // stockpot's own record of how the input was made: the output is something else.
  if (name == "stockpot.json" || name.ends_with(".manifest.json")) return "manifest of the input";
  const std::string lower = lower_ascii(name);
  const auto starts = [&](const char* start) { return lower.starts_with(start); };
  const auto ends = [&](const char* end) { return lower.ends_with(end); };
  if (std::any_of(kTrainingStarts.begin(), kTrainingStarts.end(), starts)) return "training state";
  if (std::any_of(kWeightEndings.begin(), kWeightEndings.end(), ends)) return "weights";
  if (!entry.is_regular_file(ignored)) return "no regular file";
  if (const auto size = entry.file_size(ignored); size > kLargest)
    return "large: " + human_bytes(size);
  return "";
}

struct WeightFamily {
  const char *start, *safetensors, *torch;
};
constexpr std::array<WeightFamily, 3> kFamilies{
    {{"open_clip", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"},
     {"adapter_model", "adapter_model.safetensors", "adapter_model.bin"},
     {"diffusion_pytorch_model", "diffusion_pytorch_model.safetensors",
      "diffusion_pytorch_model.bin"}}};

}  // namespace

CompanionFiles companion_files(const fs::path& source) {
  CompanionFiles found;
  std::error_code error;
  if (!fs::is_directory(source, error)) return found;
  for (fs::directory_iterator entry(source, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string reason = reason_to_leave(*entry);
    const std::string name = entry->path().filename().string();
    if (reason.empty())
      found.names.push_back(name);
    else if (reason != "weights")
      found.left_out.push_back(name + " (" + reason + ")");
  }
  if (error) throw FormatError(source, "cannot list this folder: " + error.message());
  std::sort(found.names.begin(), found.names.end());
  std::sort(found.left_out.begin(), found.left_out.end());
  return found;
}

void copy_companion_files(const fs::path& source, const CompanionFiles& files,
                          const fs::path& folder) {
  for (const std::string& name : files.names)
    write_file(folder / name, read_file(source / name, kLargest));
}

std::string weights_file_name(const fs::path& source, Container container) {
  const bool torch = container == Container::torch;
  std::error_code ignored;
  for (const WeightFamily& family : kFamilies) {
    const bool here = fs::is_directory(source, ignored)
                          ? fs::exists(source / family.safetensors, ignored) ||
                                fs::exists(source / family.torch, ignored)
                          : source.filename().string().starts_with(family.start);
    if (here) return torch ? family.torch : family.safetensors;
  }
  return torch ? "pytorch_model.bin" : "model.safetensors";
}

}  // namespace stockpot
