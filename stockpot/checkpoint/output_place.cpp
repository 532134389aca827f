#include "stockpot/checkpoint/output_place.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/weights_file.h"

namespace stockpot {
namespace {

std::optional<Container> container_of_file(const fs::path& path) {
  const std::string name = lower_ascii(path.filename().string());
  if (!ends_like_weights(name)) return std::nullopt;
  return name.ends_with(".safetensors") ? Container::safetensors : Container::torch;
}

WrittenCheckpoint write_weights(const fs::path& file, std::vector<OutputTensor> tensors,
                                const OutputOptions& options,
                                const std::function<void(CheckpointWriter&)>& fill) {
  CheckpointWriter writer(file, std::move(tensors), options);
  fill(writer);
  writer.publish();
  WrittenCheckpoint written{writer.bytes(), {}};
  for (const fs::path& part : writer.files()) written.files.push_back(part.filename().string());
  return written;
}

}  // namespace

std::optional<Container> container_from(std::string_view format) {
  if (format == "safetensors") return Container::safetensors;
  if (format == "pt") return Container::torch;
  return std::nullopt;
}

OutputPlace output_place(const fs::path& out, const fs::path& source,
                         std::optional<Container> format, bool replace, Container usual) {
  OutputPlace place;
  place.path = out;
  place.source = source;
  place.replace = replace;
  const std::string shown = printable(out.string());
  const std::optional<Container> named = container_of_file(out);
  place.folder = !named;
  if (named && format && *named != *format)
    throw UsageError(shown + ": the ending of this name and --format contradict each other");
  place.container = named ? *named : format.value_or(usual);
  place.weights = named ? out.filename().string() : weights_file_name(source, place.container);
  if (place.folder) place.companions = companion_files(source);

  std::error_code ignored;
  const fs::file_status there = fs::symlink_status(out, ignored);
  if (!fs::exists(there)) return place;
  if (!replace) throw UsageError(shown + " exists already; --overwrite replaces it");
  if (place.folder != fs::is_directory(there))
    throw UsageError(shown + " exists and is " + (place.folder ? "no folder" : "no file") +
                     "; remove it or choose another name");
  return place;
}

WrittenCheckpoint write_output(const OutputPlace& place, std::vector<OutputTensor> tensors,
                               OutputOptions options,
                               const std::function<void(CheckpointWriter&)>& fill,
                               const std::function<void(const fs::path& folder)>& finish) {
  options.container = place.container;
  // What runs that were killed left beside the output.
  const fs::path beside = fs::absolute(place.path).lexically_normal();
  remove_leftovers((beside.has_filename() ? beside : beside.parent_path()).parent_path());
  if (!place.folder) {
    if (options.shard_bytes > 0)
      throw UsageError(printable(place.path.string()) +
                       " is one file: shards need a folder (a name without an ending)");
    return write_weights(place.path, std::move(tensors), options, fill);
  }
  PendingFolder pending(place.path);
  copy_companion_files(place.source, place.companions, pending.path());
  const WrittenCheckpoint written =
      write_weights(pending.path() / place.weights, std::move(tensors), options, fill);
  if (finish) finish(pending.path());
  pending.publish(place.replace, options.sync);
  return written;
}

}  // namespace stockpot
