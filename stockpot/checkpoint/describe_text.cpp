// The terminal page of describe.h.
#include <algorithm>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/checkpoint/describe_parts.h"

namespace stockpot {
namespace {

// Longer lists are shown by block.
constexpr std::size_t kShortList = 24;

// "a, b, c" of the numbers in a list.
std::string numbers(const Json& list, std::string_view separator) {
  std::vector<std::string> parts;
  for (const Json& item : list.items()) parts.push_back(item.dump());
  return join(parts, separator);
}

std::string line(std::string_view title, const std::string& text) {
  return padded("  " + std::string(title), 15) + text + "\n";
}

std::string size_text(const Json& size) {
  return size.is_array() ? numbers(size, "x") : "shortest edge " + size.dump();
}

std::string head_text(const Json& model) {
  const std::string features = grouped(model.find("feature_size")->as_integer()) + " features";
  const Json::Array& labels = model.find("labels")->items();
  if (labels.empty()) return "none: a backbone that makes " + features;
  std::string head = grouped(model.find("classes")->as_integer()) + " classes x " + features + " (";
  for (std::size_t i = 0; i < std::min<std::size_t>(labels.size(), 3); ++i)
    head += (i == 0 ? "" : ", ") + printable(labels[i].as_string());
  return head + (labels.size() > 3 ? ", ...)" : ")");
}

std::string model_text(const Json& model) {
  return line("model", printable(model.find("architecture")->as_string()) + " (" +
                           model.find("library")->as_string() + ")") +
         line("head", head_text(model)) +
         line("images", "resize to " + size_text(*model.find("resize")) + " (" +
                            model.find("interpolation")->as_string() + "), crop " +
                            size_text(*model.find("crop"))) +
         line("", "mean " + numbers(*model.find("mean"), " ") + ", std " +
                      numbers(*model.find("std"), " "));
}

// Up to `most` names, and how many more there are.
std::string some_names(const std::vector<std::string>& names, std::size_t most) {
  const std::size_t shown = std::min(most, names.size());
  return join(std::span(names).first(shown), ", ") +
         (shown < names.size() ? " and " + std::to_string(names.size() - shown) + " more" : "");
}

// What only torch files have: the dict that was chosen, what lies beside it, ties, globals.
std::string torch_text(const Json& description) {
  std::string text;
  if (description.find("format")->as_string() == "safetensors") return text;
  const std::string& key = description.find("state_key")->as_string();
  text += line("state dict", key.empty() ? "the file's top level" : printable(key));
  std::vector<std::string> beside, dropped, globals;
  for (const auto& [name, scalar] : description.find("scalars")->members())
    beside.push_back(printable(name) + " = " +
                     (scalar.is_string() ? printable(scalar.as_string()) : scalar.dump()));
  for (const Json& entry : description.find("dropped")->items())
    dropped.push_back(printable(entry.find("name")->as_string()) + " (" +
                      printable(entry.find("what")->as_string()) + ")");
  for (const Json& name : description.find("pickle_globals")->items())
    globals.push_back(printable(name.as_string()));
  if (!beside.empty()) text += line("beside it", some_names(beside, 8));
  if (!dropped.empty()) text += line("left out", some_names(dropped, 8));
  for (const Json& group : description.find("ties")->items()) {
    std::vector<std::string> names;
    for (const Json& name : group.items()) names.push_back(printable(name.as_string()));
    text += line("tied", some_names(names, 4));
  }
  if (!globals.empty()) text += line("pickle names", some_names(globals, 12) + " (nothing is run)");
  return text;
}

std::string summary_text(const Json& description) {
  std::vector<std::string> metadata;
  for (const auto& [key, value] : description.find("metadata")->members())
    metadata.push_back(printable(key) + " = " + printable(value.as_string()));
  std::string text;
  for (const Json& file : description.find("files")->items())
    text += line(text.empty() ? "files" : "",
                 printable(fs::path(file.as_string()).filename().native()));
  text += line("format", description.find("format")->as_string());
  text += torch_text(description);
  text += line("tensors", grouped(description.find("tensor_count")->as_integer()));
  text += line("parameters", grouped(description.find("parameters")->as_integer()));
  text += line("size", human_bytes(description.find("bytes")->as_unsigned()));
  text += line("dtypes", dtypes_text(*description.find("dtypes")));
  if (!metadata.empty()) text += line("metadata", join(metadata, ", "));
  for (const Json& note : description.find("notes")->items())
    text += line("note", printable(note.as_string()));
  if (const Json& hash = *description.find("hash"); !hash.is_null())
    text += line("hash", hash.as_string());
  return text;
}

}  // namespace

std::string describe_text(const Json& description, const DescribePage& page) {
  std::string text = printable(description.find("path")->as_string()) + "\n";
  if (const Json* checkpoints = description.find("checkpoints"))
    return text + "\n" + collection_table(checkpoints->items(), page.width);
  if (const Json& model = *description.find("model"); !model.is_null()) text += model_text(model);
  text += summary_text(description);
  const Json::Array& tensors = description.find("tensors")->items();
  if (tensors.empty()) return text;
  if (page.all_tensors || tensors.size() <= kShortList)
    return text + "\n" + tensor_table(tensors, page.width);
  return text + "\n" + block_table(tensors, page.width);
}

}  // namespace stockpot
