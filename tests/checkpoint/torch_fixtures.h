// Files of torch itself (tests/fixtures/checkpoint/torch/make.py), and comparison with twins.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"
#include "tests/checkpoint/files.h"

namespace stockpot {

inline fs::path torch_fixture(const std::string& name) { return fixture("torch") / name; }

// "" when both hold the same names, types, shapes and bytes; else the first difference.
inline std::string difference(const Checkpoint& found, const Checkpoint& expected) {
  for (const TensorView& tensor : expected.tensors()) {
    const TensorView* const other = found.find(tensor.name);
    if (other == nullptr) return tensor.name + " is missing";
    if (other->dtype != tensor.dtype) return tensor.name + " has another type";
    if (other->shape != tensor.shape)
      return tensor.name + " has the shape " + to_string(other->shape);
    if (!std::ranges::equal(other->bytes, tensor.bytes)) return tensor.name + " has other bytes";
  }
  if (found.tensors().size() != expected.tensors().size()) return "there are more tensors";
  return "";
}

inline std::string difference(const std::string& file, const std::string& twin,
                              const OpenOptions& options = {}) {
  return difference(Checkpoint::open(torch_fixture(file), options),
                    Checkpoint::open(torch_fixture(twin)));
}

inline std::string opening(const fs::path& path, const OpenOptions& options = {}) {
  return message_of<FormatError>([&] { Checkpoint::open(path, options); });
}

inline bool has_note(const Checkpoint& checkpoint, const std::string& part) {
  return std::ranges::any_of(checkpoint.notes(),
                             [&](const std::string& note) { return contains(note, part); });
}

}  // namespace stockpot
