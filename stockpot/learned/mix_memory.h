// Where the ingredients of a learned soup are while it is learned: in their files, read twice a
// step, or on the device as small differences from their mean.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "stockpot/learned/slots.h"

namespace stockpot {

// files: mapped, mixed by the CPU in fp64. bf16, int8: differences from the mean of all models, on
// the model's device; a mix is a matrix product there. Their rounding (2^-9 of a difference, or
// about a hundredth of its usual size) moves the point at which the gradient is taken, never the
// soup that is written.
enum class Keep { files, bf16, int8 };

std::string_view name_of(Keep keep);
std::optional<Keep> keep_from(std::string_view name);

class MixMemory {
 public:
  virtual ~MixMemory() = default;
  // Puts the mix with these coefficients (rows x models) into the slots' values.
  virtual void mix(std::span<const double> alpha) = 0;
  // <gradient, ingredient> summed over the tensors of each row: rows x models.
  virtual std::vector<double> products() = 0;
};

// `mixed` and `ingredients`, which has its tensors, outlive the result.
std::unique_ptr<MixMemory> mix_from_files(const MixedTensors& mixed,
                                          const Ingredients& ingredients);
// Throws c10::Error when the device has too little memory.
std::unique_ptr<MixMemory> mix_on_device(const MixedTensors& mixed, const Ingredients& ingredients,
                                         Keep keep);

// Bytes that the differences take there.
std::uint64_t bytes_kept(const Ingredients& ingredients, Keep keep);
// The widest form that leaves `reserve` bytes free on a GPU; files on the CPU. Tries by taking the
// memory and giving it back.
Keep choose_keep(const Ingredients& ingredients, at::Device device, std::uint64_t reserve);

}  // namespace stockpot
