// What a tensor is for, told from its name alone.
#pragma once

#include <string_view>

namespace stockpot {

// Whether this is a tensor of the classification head, by the names that transformers, timm,
// torchvision and open_clip give to it.
bool is_head(std::string_view name);

// BatchNorm's statistics: "x.running_mean", "x.running_var", "x.num_batches_tracked".
inline bool is_running_mean(std::string_view name) { return name.ends_with("running_mean"); }
inline bool is_running_variance(std::string_view name) { return name.ends_with("running_var"); }
inline bool is_batch_counter(std::string_view name) {
  return name.ends_with("num_batches_tracked");
}

}  // namespace stockpot
