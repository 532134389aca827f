// Where a command puts the checkpoint that it makes: a file, or a folder like the one that the
// weights came from.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/companion_files.h"
#include "stockpot/checkpoint/output.h"

namespace stockpot {

struct OutputPlace {
  fs::path path;  // as the user named it
  bool folder = false;
  Container container = Container::safetensors;
  std::string weights;  // the file's name: of the output itself, or inside the folder
  fs::path source;      // where companions come from
  CompanionFiles companions;
  bool replace = false;  // an existing output
};

// "safetensors" and "pt"; nothing for other words.
std::optional<Container> container_from(std::string_view format);

// .safetensors, .pt, .pth, .bin, .ckpt and the like name a file and its container; everything else
// a folder, which gets the companions of `source`. `format` overrules nothing: it decides for
// folders (`usual` when not given) and must agree with a file's name. Throws UsageError when it
// does not, and when the output exists and may not be replaced.
OutputPlace output_place(const fs::path& out, const fs::path& source,
                         std::optional<Container> format, bool replace,
                         Container usual = Container::safetensors);

struct WrittenCheckpoint {
  std::uint64_t bytes = 0;         // of the weights' files
  std::vector<std::string> files;  // of the weights, as named in the end, without folders
};

// Writes the output: `fill` writes the tensors' bytes, `finish` (which may be empty) then adds
// files to the folder before it appears. The output is there whole when this returns and not at
// all when it throws. options.container is taken from the place. Throws UsageError for shards
// that would not lie in a folder of their own.
WrittenCheckpoint write_output(const OutputPlace& place, std::vector<OutputTensor> tensors,
                               OutputOptions options,
                               const std::function<void(CheckpointWriter&)>& fill,
                               const std::function<void(const fs::path& folder)>& finish = {});

}  // namespace stockpot
