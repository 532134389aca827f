// Which file of a folder holds the weights.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/file.h"

namespace stockpot {

// The first of these that is there: model.safetensors, its index, pytorch_model.bin, its index,
// open_clip_model.safetensors, open_clip_pytorch_model.bin; else the only file that looks like
// weights by its ending, training state (optimizer.pt, training_args.bin, ...) aside. A note says
// when other weights of the list are ignored. Throws FormatError: nothing there, or several files
// of which none is the obvious one.
fs::path find_weights(const fs::path& folder, std::vector<std::string>& notes);

// Whether a file of this name is one of safetensors or torch: .safetensors, .pt, .ckpt, ...
bool ends_like_weights(std::string_view name);

// The checkpoints in a folder that is none itself: files that look like weights and folders that
// hold a model, in the natural order of their names (step-9 before step-10). Empty when the folder
// has weights under a name that libraries look for, and when nothing is there.
std::vector<fs::path> checkpoints_in(const fs::path& folder);

}  // namespace stockpot
