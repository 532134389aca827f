// How a checkpoint is opened, and what is found beside its tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stockpot {

inline constexpr const char* kLoneTensor = "tensor";

struct OpenOptions {
  // Which dict of a torch file holds the tensors: a dotted path such as "ema.model"; "" is the
  // file's top level. Nothing: chosen by the order in torch_state.h.
  std::optional<std::string> state_key = std::nullopt;
  // Whether averaged weights (state_dict_ema, model_ema) come before the raw ones.
  bool ema = true;
  // Whether module., _orig_mod. and the like are taken off names (torch_state.h).
  bool strip_prefixes = true;
  // Refuses pickles that name any class or function outside the allow-list.
  bool strict_pickle = false;
  // Whether a torch file may hold one tensor in place of a dict; it is then called kLoneTensor.
  bool lone_tensor = false;
  // When false, tensors that do not lie in the file as row-major little-endian bytes have no
  // bytes at all: enough to list a checkpoint without reading any tensor.
  bool data = true;
};

enum class CheckpointFormat : std::uint8_t { safetensors, torch_zip, torch_legacy, torchscript };

// A number or text that a training program stored beside the tensors: epoch, best_acc1, arch.
struct StoredScalar {
  std::string text;              // printable
  std::optional<double> number;  // bools are 0 and 1

  bool operator==(const StoredScalar&) const = default;
};

// An entry that is not part of the model: "optimizer", "a dict of 2".
struct DroppedEntry {
  std::string name, what;

  bool operator==(const DroppedEntry&) const = default;
};

}  // namespace stockpot
