#include <iostream>
#include <memory>

#include "cli/convert_args.h"
#include "cli/terminal.h"
#include "cli/write_commands.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/checkpoint/convert.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/merge/manifest.h"

namespace stockpot::cli {
namespace {

std::string_view container_name(Container container) {
  return container == Container::torch ? "pt" : "safetensors";
}

std::string plan_text(const Checkpoint& source, const ConversionPlan& plan,
                      const OutputPlace& place) {
  std::string text = "read   " + printable(source.path().string()) + ": " +
                     grouped(static_cast<std::int64_t>(plan.outputs.size())) + " tensors, " +
                     human_bytes(plan.bytes_to_read()) + " in " +
                     counted(source.files().size(), "file") + "\n";
  text += "write  " + files_text(place) + ": " + std::string(container_name(place.container)) +
          ", " + human_bytes(plan.bytes_to_write()) + ", " + counted(plan.converted, "tensor") +
          " of another type than before\n";
  if (!source.state_key().empty())
    text += "take   the tensors under " + in_quotes(source.state_key()) + "\n";
  for (const DroppedEntry& entry : source.dropped())
    text += "drop   " + in_quotes(entry.name) + ", " + printable(entry.what) + "\n";
  for (const std::string& name : place.companions.left_out)
    text += "leave  " + printable(name) + "\n";
  for (const std::string& note : source.notes()) text += "note   " + printable(note) + "\n";
  for (const std::string& note : plan.notes) text += "note   " + printable(note) + "\n";
  return text;
}

Json result(const Checkpoint& source, const ConversionPlan& plan, const OutputPlace& place,
            bool dry_run) {
  Json notes = json_list(source.notes());
  for (const std::string& note : plan.notes) notes.push(note);
  Json dropped = Json::array();
  for (const DroppedEntry& entry : source.dropped()) dropped.push(entry.name);
  return Json::object({{"schema_version", 1},
                       {"command", "convert"},
                       {"input", source.path().string()},
                       {"output", place.path.string()},
                       {"format", container_name(place.container)},
                       {"dry_run", dry_run},
                       {"tensors", static_cast<std::int64_t>(plan.outputs.size())},
                       {"converted", static_cast<std::int64_t>(plan.converted)},
                       {"tied", static_cast<std::int64_t>(plan.tied)},
                       {"bytes_read", plan.bytes_to_read()},
                       {"tensor_bytes", plan.bytes_to_write()},
                       {"state_key", source.state_key()},
                       {"dropped", std::move(dropped)},
                       {"copied", json_list(place.companions.names)},
                       {"left_out", json_list(place.companions.left_out)},
                       {"notes", std::move(notes)}});
}

// safetensors keeps what the input said about itself; transformers refuses files that don't say
// which framework they are for.
std::map<std::string, std::string> metadata_of(const Checkpoint& source) {
  std::map<std::string, std::string> metadata = source.metadata();
  metadata.emplace("format", "pt");
  return metadata;
}

// The arguments that make the same values again, without the output.
std::vector<std::string> command_of(const ConvertArgs& args) {
  std::vector<std::string> words{"convert"};
  if (args.output.type()) words.insert(words.end(), {"--dtype", args.output.dtype});
  if (args.open.state_key) words.insert(words.end(), {"--state-key", *args.open.state_key});
  words.insert(words.end(), {"--", fs::absolute(args.in).native()});
  return words;
}

int run(const ConvertArgs& args, const CommandLine& line) {
  if (line.threads > 0) set_threads(static_cast<int>(line.threads));
  OutputOptions options = args.output.options();
  const OutputPlace place =
      output_place(args.out, args.in, args.output.container(), args.output.overwrite);
  const Checkpoint source = Checkpoint::open(args.in, args.open.options());
  options.metadata = metadata_of(source);
  const ConversionPlan plan = plan_conversion(source, args.output.type(), place.container);
  Json json = result(source, plan, place, args.output.dry_run);
  if (args.output.dry_run) {
    std::cout << (line.json ? json.dump(2) + "\n" : plan_text(source, plan, place));
    return 0;
  }
  TerminalProgress progress(line.quiet);
  if (!line.json) progress.say(std::string(trim(plan_text(source, plan, place))));
  ConversionManifestFacts facts{
      command_of(args), Json::object({{"dtype", args.output.dtype}}), place.container, {}};
  ConversionHashes hashes;
  const auto put_manifest = [&](const fs::path& output) {
    write_file(manifest_path(output), make_manifest(source, plan, hashes, facts).dump(2) + "\n");
  };
  const WrittenCheckpoint written = write_output(
      place, plan.outputs, options,
      [&](CheckpointWriter& writer) {
        hashes = convert(plan, source.path(), writer, progress);
        facts.files = writer.files();
      },
      put_manifest);
  if (!place.folder) put_manifest(place.path);
  json.set("files", json_list(written.files));
  json.set("bytes", written.bytes);
  json.set("hash", hashes.output);
  if (line.json)
    std::cout << json.dump(2) << "\n";
  else
    std::cout << printable(place.path.string()) << ": "
              << grouped(static_cast<std::int64_t>(plan.outputs.size())) << " tensors, "
              << human_bytes(written.bytes) << " in " << counted(written.files.size(), "file")
              << "\n";
  return 0;
}

}  // namespace

void add_convert_args(CLI::App& command, ConvertArgs& args) {
  command.add_option("IN", args.in, "File or folder to read; nothing in it is executed")
      ->required();
  command
      .add_option(
          "OUT", args.out,
          "A file (.safetensors, .pt, .pth, .bin, .ckpt), or a folder: then config, tokenizer "
          "and the like are copied from the folder IN")
      ->required();
  add_open_flags(command, args.open);
  add_output_flags(command, args.output);
}

void add_convert(CLI::App& app, CommandLine& line) {
  CLI::App* command =
      app.add_subcommand("convert", "Write a checkpoint in another format, type or shards");
  add_common(*command, line);
  add_threads(*command, line);
  const auto args = std::make_shared<ConvertArgs>();
  add_convert_args(*command, *args);
  command->footer(
      "  stockpot convert model.pth model.safetensors\n"
      "  stockpot convert bert-base/ bert-base-bf16/ --dtype bf16 --shard-size 5GB");
  command->callback([&line, args] {
    line.command =
        CheckpointCommand{[args](const CommandLine& parsed) { return run(*args, parsed); }};
  });
}

}  // namespace stockpot::cli
