// The commands that write one checkpoint from others, one file each; add_write_commands() calls
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/checkpoint_commands.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/open_options.h"
#include "stockpot/checkpoint/output_place.h"

namespace stockpot::cli {

void add_convert(CLI::App& app, CommandLine& line);
void add_lora(CLI::App& app, CommandLine& line);

// "1 file", "1,200 tensors".
std::string counted(std::size_t count, const std::string& what);
// For a plan: "soup.pt", "soup/model.safetensors and 3 other files".
std::string files_text(const OutputPlace& place);
Json json_list(const std::vector<std::string>& texts);

// How inputs are opened.
struct OpenFlags {
  std::optional<std::string> state_key;
  bool strict_pickle = false;

  OpenOptions options() const;
};
// --state-key, --strict-pickle.
void add_open_flags(CLI::App& app, OpenFlags& flags);

// What all outputs have: how they are written, and whether.
struct OutputFlags {
  std::string format, dtype = "keep", shard_size;
  bool overwrite = false, dry_run = false, no_sync = false;

  std::optional<Container> container() const;  // nothing when not given
  std::optional<Dtype> type() const;           // nothing for "keep"
  OutputOptions options() const;               // throws UsageError for a size that is none
};
// --format, --dtype, --shard-size, --overwrite, --dry-run, --no-sync.
void add_output_flags(CLI::App& app, OutputFlags& flags);

}  // namespace stockpot::cli
