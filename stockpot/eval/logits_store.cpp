// Predictions on disk: a safetensors file that Python opens too.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/eval/evaluate.h"

namespace stockpot {
namespace {

template <typename T>
TensorView view_of(std::string name, Dtype dtype, Shape shape, const T& values) {
  return {std::move(name), dtype, std::move(shape), std::as_bytes(std::span(values))};
}

// A file name may hold a newline, which separates the ids: it is written as \n, and a
// backslash as two.
std::string escape_id(const std::string& id) {
  std::string escaped;
  for (const char c : id) {
    if (c == '\\')
      escaped += "\\\\";
    else if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

std::string unescape_id(std::string_view escaped) {
  std::string id;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const bool pair = escaped[i] == '\\' && i + 1 < escaped.size();
    if (pair) ++i;
    id += pair && escaped[i] == 'n' ? '\n' : escaped[i];
  }
  return id;
}

std::string names_to_json(const std::vector<std::string>& names) {
  Json json = Json::array();
  for (const std::string& name : names) json.push(name);
  return json.dump();
}

// The parts of a logits store, each checked when it is taken.
class Store {
 public:
  explicit Store(const fs::path& path) : file_(path) {}

  bool has(std::string_view name) const { return file_.find(name) != nullptr; }

  [[noreturn]] void refuse(const std::string& problem) const {
    throw FormatError(file_.path(), problem + "; this is not a logits store of stockpot");
  }

  const TensorView& tensor(std::string_view name, Dtype dtype, std::size_t dimensions) const {
    const TensorView* view = file_.find(name);
    if (!view) refuse("there is no tensor '" + std::string(name) + "'");
    if (view->dtype != dtype || view->shape.size() != dimensions)
      refuse("tensor '" + std::string(name) + "' is " + std::string(row(view->dtype).safetensors) +
             " " + to_string(view->shape) + ", expected " + std::string(row(dtype).safetensors) +
             " with " + std::to_string(dimensions) + " dimension(s)");
    return *view;
  }

  template <typename T>
  std::vector<T> values(const TensorView& view) const {
    std::vector<T> out(view.bytes.size() / sizeof(T));
    if (!out.empty()) std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
    return out;
  }

  // One index a row, each below `bound`.
  std::vector<std::int64_t> indices(std::string_view name, std::int64_t rows,
                                    std::size_t bound) const {
    const TensorView& view = tensor(name, Dtype::i64, 1);
    if (view.shape[0] != rows)
      refuse("tensor '" + std::string(name) + "' has " + std::to_string(view.shape[0]) +
             " rows, the logits have " + std::to_string(rows));
    const auto out = values<std::int64_t>(view);
    for (const std::int64_t index : out)
      if (index < 0 || static_cast<std::uint64_t>(index) >= bound)
        refuse("tensor '" + std::string(name) + "' holds " + std::to_string(index) +
               ", expected 0.." + std::to_string(static_cast<std::int64_t>(bound) - 1));
    return out;
  }

  // "" for what older stores lack.
  std::string text(const std::string& key) const {
    const auto entry = file_.metadata().find(key);
    return entry == file_.metadata().end() ? "" : entry->second;
  }

  std::vector<std::string> names(const std::string& key) const {
    const auto entry = file_.metadata().find(key);
    if (entry == file_.metadata().end()) refuse("the metadata lack '" + key + "'");
    const Json list = Json::parse(entry->second, file_.path());
    std::vector<std::string> out;
    if (!list.is_array()) refuse("'" + key + "' in the metadata is not a list of names");
    for (const Json& name : list.items()) {
      if (!name.is_string()) refuse("'" + key + "' in the metadata is not a list of names");
      out.push_back(name.as_string());
    }
    return out;
  }

 private:
  SafetensorsFile file_;
};

std::vector<std::string> read_ids(const Store& store, std::int64_t rows) {
  const TensorView& view = store.tensor("ids", Dtype::u8, 1);
  const std::string_view text(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size());
  std::vector<std::string> ids = split(text, '\n');
  if (static_cast<std::int64_t>(ids.size()) != rows)
    store.refuse("there are " + std::to_string(ids.size()) + " ids for " + std::to_string(rows) +
                 " rows");
  std::transform(ids.begin(), ids.end(), ids.begin(),
                 [](const std::string& id) { return unescape_id(id); });
  return ids;
}

}  // namespace

void write_predictions(const fs::path& file, const Predictions& predictions) {
  const std::int64_t rows = predictions.rows();
  assert(static_cast<std::int64_t>(predictions.logits.size()) == rows * predictions.classes);
  std::vector<TensorView> tensors = {
      view_of("logits", Dtype::f32, {rows, predictions.classes}, predictions.logits),
      view_of("labels", Dtype::i64, {rows}, predictions.labels)};
  if (!predictions.groups.empty())
    tensors.push_back(view_of("groups", Dtype::i64, {rows}, predictions.groups));
  std::vector<std::string> escaped;
  for (const std::string& id : predictions.ids) escaped.push_back(escape_id(id));
  const std::string ids = join(escaped, "\n");
  if (!predictions.ids.empty())
    tensors.push_back(view_of("ids", Dtype::u8, {static_cast<std::int64_t>(ids.size())}, ids));
  std::map<std::string, std::string> metadata{{"format", "stockpot-logits"},
                                              {"classes", names_to_json(predictions.class_names)},
                                              {"groups", names_to_json(predictions.group_names)}};
  if (!predictions.examples.empty()) metadata["examples"] = predictions.examples;
  if (!predictions.model.empty()) metadata["model"] = predictions.model;
  if (!predictions.arithmetic.empty()) metadata["arithmetic"] = predictions.arithmetic;
  write_safetensors(file, tensors, metadata);
}

Predictions read_predictions(const fs::path& file) {
  const Store store(file);
  Predictions predictions;
  const TensorView& logits = store.tensor("logits", Dtype::f32, 2);
  const std::int64_t rows = logits.shape[0];
  predictions.classes = logits.shape[1];
  predictions.logits = store.values<float>(logits);
  predictions.class_names = store.names("classes");
  predictions.group_names = store.names("groups");
  if (static_cast<std::int64_t>(predictions.class_names.size()) != predictions.classes)
    store.refuse("there are " + std::to_string(predictions.class_names.size()) +
                 " class names for " + std::to_string(predictions.classes) + " columns of logits");
  predictions.labels = store.indices("labels", rows, predictions.class_names.size());
  if (store.has("groups"))
    predictions.groups = store.indices("groups", rows, predictions.group_names.size());
  if (store.has("ids")) predictions.ids = read_ids(store, rows);
  predictions.examples = store.text("examples");
  predictions.model = store.text("model");
  predictions.arithmetic = store.text("arithmetic");
  return predictions;
}

}  // namespace stockpot
