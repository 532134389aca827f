#include "cli/write_commands.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {

std::string counted(std::size_t count, const std::string& what) {
  return grouped(static_cast<std::int64_t>(count)) + " " + what + (count == 1 ? "" : "s");
}

std::string files_text(const OutputPlace& place) {
  std::string text = printable(place.path.string());
  if (place.folder) text += "/" + place.weights;
  if (const std::size_t others = place.companions.names.size(); others > 0)
    text += " and " + counted(others, "other file");
  return text;
}

Json json_list(const std::vector<std::string>& texts) {
  Json items = Json::array();
  for (const std::string& text : texts) items.push(text);
  return items;
}

OpenOptions OpenFlags::options() const {
  OpenOptions options;
  options.state_key = state_key;
  options.strict_pickle = strict_pickle;
  return options;
}

void add_open_flags(CLI::App& app, OpenFlags& flags) {
  app.add_option("--state-key", flags.state_key,
                 "Which dict of a torch file holds the tensors (ema.model); chosen and shown");
  app.add_flag("--strict-pickle", flags.strict_pickle,
               "Refuse pickles that name classes outside the allow-list, even as inert data");
}

std::optional<Container> OutputFlags::container() const { return container_from(format); }

std::optional<Dtype> OutputFlags::type() const {
  if (dtype == "f16") return Dtype::f16;
  if (dtype == "bf16") return Dtype::bf16;
  if (dtype == "f32") return Dtype::f32;
  if (dtype == "f64") return Dtype::f64;
  return std::nullopt;
}

OutputOptions OutputFlags::options() const {
  OutputOptions options;
  options.sync = !no_sync;
  if (shard_size.empty()) return options;
  const auto size = parse_bytes(shard_size);
  if (!size || *size == 0)
    throw UsageError("--shard-size " + printable(shard_size) +
                     " is no size; write 5GB, 500MB or 2GiB");
  options.shard_bytes = *size;
  return options;
}

void add_output_flags(CLI::App& app, OutputFlags& flags) {
  app.add_option("--format", flags.format, "Of a folder's weights: safetensors (default) or pt")
      ->check(CLI::IsMember({"safetensors", "pt"}));
  app.add_option("--dtype", flags.dtype,
                 "f32, f16, bf16, f64 or keep: of the floating-point tensors (keep)")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "f64", "keep"}));
  app.add_option("--shard-size", flags.shard_size,
                 "Largest file, such as 5GB (decimal): more files and an index; one file");
  app.add_flag("--overwrite", flags.overwrite, "Replace an existing output");
  app.add_flag("--dry-run,--plan", flags.dry_run, "Print the plan and stop");
  app.add_flag("--no-sync", flags.no_sync,
               "Don't wait until the disk has it: faster, may be lost in a power cut");
}

void add_write_commands(CLI::App& app, CommandLine& line) {
  add_convert(app, line);
  add_lora(app, line);
}

}  // namespace stockpot::cli
