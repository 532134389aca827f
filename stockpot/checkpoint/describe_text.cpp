// The terminal page of describe.h.
#include <algorithm>

#include "stockpot/base/text.h"
#include "stockpot/checkpoint/describe.h"

namespace stockpot {
namespace {

constexpr std::size_t kLongestName = 72;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

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

std::string model_text(const Json& model) {
  std::string head = grouped(model.find("classes")->as_integer()) + " classes x " +
                     grouped(model.find("feature_size")->as_integer()) + " features (";
  const Json::Array& labels = model.find("labels")->items();
  for (std::size_t i = 0; i < std::min<std::size_t>(labels.size(), 3); ++i)
    head += (i == 0 ? "" : ", ") + printable(labels[i].as_string());
  return line("model", printable(model.find("architecture")->as_string()) + " (" +
                           model.find("library")->as_string() + ")") +
         line("head", head + (labels.size() > 3 ? ", ...)" : ")")) +
         line("images", "resize to " + size_text(*model.find("resize")) + " (" +
                            model.find("interpolation")->as_string() + "), crop " +
                            size_text(*model.find("crop"))) +
         line("", "mean " + numbers(*model.find("mean"), " ") + ", std " +
                      numbers(*model.find("std"), " "));
}

std::string summary_text(const Json& description) {
  std::vector<std::string> dtypes, metadata;
  for (const auto& [dtype, count] : description.find("dtypes")->members())
    dtypes.push_back(dtype + " x " + grouped(count.as_integer()));
  for (const auto& [key, value] : description.find("metadata")->members())
    metadata.push_back(printable(key) + " = " + printable(value.as_string()));
  std::string text;
  for (const Json& file : description.find("files")->items())
    text += line(text.empty() ? "files" : "",
                 printable(fs::path(file.as_string()).filename().native()));
  text += line("tensors", grouped(description.find("tensor_count")->as_integer()));
  text += line("parameters", grouped(description.find("parameters")->as_integer()));
  text += line("size", human_bytes(description.find("bytes")->as_unsigned()));
  text += line("dtypes", join(dtypes, ", "));
  if (!metadata.empty()) text += line("metadata", join(metadata, ", "));
  for (const Json& note : description.find("notes")->items())
    text += line("note", printable(note.as_string()));
  return text;
}

std::string tensor_table(const Json::Array& tensors) {
  std::size_t name_width = 4, shape_width = 5;
  std::vector<std::pair<std::string, std::string>> cells;
  for (const Json& tensor : tensors) {
    cells.emplace_back(printable(tensor.find("name")->as_string()),
                       "[" + numbers(*tensor.find("shape"), ", ") + "]");
    // One very long name must not push the other columns off the screen.
    name_width = std::max(name_width, std::min(cells.back().first.size(), kLongestName));
    shape_width = std::max(shape_width, cells.back().second.size());
  }
  std::string text = "  " + padded("name", name_width) + "  " + padded("dtype", 6) + "  " +
                     padded("shape", shape_width) + "  " + right_aligned("size", 10) + "\n";
  for (std::size_t i = 0; i < tensors.size(); ++i)
    text += "  " + padded(cells[i].first, name_width) + "  " +
            padded(tensors[i].find("dtype")->as_string(), 6) + "  " +
            padded(cells[i].second, shape_width) + "  " +
            right_aligned(human_bytes(tensors[i].find("bytes")->as_unsigned()), 10) + "\n";
  return text;
}

}  // namespace

std::string describe_text(const Json& description) {
  std::string text = printable(description.find("path")->as_string()) + "\n";
  if (const Json& model = *description.find("model"); !model.is_null()) text += model_text(model);
  text += summary_text(description);
  const Json::Array& tensors = description.find("tensors")->items();
  return tensors.empty() ? text : text + "\n" + tensor_table(tensors);
}

}  // namespace stockpot
