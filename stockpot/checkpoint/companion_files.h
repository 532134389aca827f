// The files that go along with weights: configuration, tokenizer, preprocessing, card, licence.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/output.h"

namespace stockpot {

struct CompanionFiles {
  std::vector<std::string> names;  // sorted; all lie directly in the folder
  // What stays behind, as "optimizer.pt (training state)", sorted. Weights are not listed: the
  // output has its own.
  std::vector<std::string> left_out;
};

// Of the folder that a checkpoint was read from; nothing when `source` is a file. Symbolic links
// are followed (the hub's cache is made of them). Left out: weights in any format and their
// indices, training state (optimizer, scheduler, scaler, rng_state, trainer_state.json,
// training_args), stockpot's manifests, hidden files, sub-folders, files over 256 MB and what is no
// regular file.
CompanionFiles companion_files(const fs::path& source);

// Copies them byte for byte into `folder`, which must exist (a PendingFolder). Throws FormatError
// for what cannot be read, WriteError for what cannot be written.
void copy_companion_files(const fs::path& source, const CompanionFiles& files,
                          const fs::path& folder);

// The name that weights have in a folder made from `source`: model.safetensors or
// pytorch_model.bin, and open_clip's, PEFT's or diffusers' name where `source` is a folder or
// file with theirs.
std::string weights_file_name(const fs::path& source, Container container);

}  // namespace stockpot
