// A head that the user brings: where a recipe names its file.
#include "stockpot/recipe/reader.h"

namespace stockpot {
namespace {

const Keys& head_keys() {
  static const Keys keys = {
      path_key("from", "a file of safetensors or torch"),
      text_key("weight", "its matrix; default: the only one"),
      text_key("bias", "default: the vector beside a matrix '...weight'; none: zeros"),
      word_key("rows", {"classes", "features"}, "what a row stands for; default: by the shape"),
      path_key("classes", "JSON list of class names in the order of the file"),
      number_key("scale", 1e-9, 1e9, "the matrix is multiplied by it"),
  };
  return keys;
}

}  // namespace

Json head_schema() { return schema_of(head_keys()); }

std::optional<HeadFile> read_head_file(const YamlNode& node, const std::string& what,
                                       Problems& problems) {
  const MapReader map(node, what, head_keys(), problems);
  if (!map) return std::nullopt;
  HeadFile head;
  if (!map.find("from")) problems.add(node, what + ".from is missing: the file of the head");
  map.get("from", head.file);
  map.get("weight", head.weight);
  map.get("bias", head.bias);
  map.get("rows", head.rows);
  map.get("classes", head.classes);
  map.get("scale", head.scale);
  return head;
}

}  // namespace stockpot
