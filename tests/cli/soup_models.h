// Models for the tests of soup commands: one model of the small world, and others near it.
#pragma once

#include <string>
#include <vector>

#include "program.h"
#include "stockpot/base/random.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {

// Writes the folders m0, m1, ... beside the world's model: its weights with noise.
inline std::vector<std::string> near_models(const SmallWorld& world, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    names.push_back("m" + std::to_string(i));
    const std::filesystem::path folder = world / names.back();
    std::filesystem::copy(world / "model", folder, std::filesystem::copy_options::recursive);
    std::vector<OwnedTensor> tensors;
    const Checkpoint model = Checkpoint::open(world / "model");
    RandomStream random(static_cast<std::uint64_t>(i), Purpose::test);
    for (const TensorView& tensor : model.tensors()) {
      if (!row(tensor.dtype).floating || tensor.name.find("running") != std::string::npos) {
        tensors.push_back(
            {tensor.name, tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}});
        continue;
      }
      std::vector<float> values = float_values(tensor);
      for (float& value : values) value *= static_cast<float>(1 + 0.2 * random.normal());
      OwnedTensor noisy{tensor.name, tensor.dtype, tensor.shape,
                        std::vector<std::byte>(tensor.bytes.size())};
      write_values(std::span<const float>(values), tensor.dtype, noisy.bytes);
      tensors.push_back(std::move(noisy));
    }
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    write_safetensors(folder / "model.safetensors", views);
  }
  return names;
}

// Lines of a ledger without what depends on the clock.
inline std::string without_times(const std::string& ledger) {
  std::string text;
  for (std::size_t at = 0; at < ledger.size();) {
    const std::size_t end = ledger.find('\n', at);
    std::string line = ledger.substr(at, end - at);
    for (const char* name : {"\"seconds\":", "\"crc32\":"}) {
      const std::size_t from = line.find(name);
      if (from != std::string::npos) line.erase(from, line.find_first_of(",}", from) - from);
    }
    text += line + "\n";
    at = end == std::string::npos ? ledger.size() : end + 1;
  }
  return text;
}

}  // namespace stockpot
