// A folder of several checkpoints.
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/checkpoint/describe_parts.h"
#include "stockpot/checkpoint/weights_file.h"

namespace stockpot {
namespace {

Json describe_member(const fs::path& path) {
  Json member = Json::object({{"path", path.native()}});
  try {
    const Json whole = describe(path);
    for (const char* key : {"kind", "tensor_count", "parameters", "bytes", "dtypes"})
      member.set(key, *whole.find(key));
    const Json& model = *whole.find("model");
    member.set("model", model.is_null() ? Json() : *model.find("architecture"));
    member.set("error", nullptr);
  } catch (const FormatError& error) {
    member.set("error", error.what());
  }
  return member;
}

}  // namespace

Json describe_collection(const fs::path& folder) {
  Json members = Json::array();
  for (const fs::path& path : checkpoints_in(folder)) members.push(describe_member(path));
  return Json::object({{"schema_version", 1},
                       {"path", folder.native()},
                       {"kind", "collection"},
                       {"checkpoints", std::move(members)}});
}

std::string collection_table(const Json::Array& checkpoints, std::size_t width) {
  TextTable table({{"checkpoint", false, true},
                   {"tensors", true, false},
                   {"parameters", true, false},
                   {"size", true, false},
                   {"dtypes", false, true},
                   {"model", false, true}});
  std::string refused;
  for (const Json& member : checkpoints) {
    const std::string name =
        printable(fs::path(member.find("path")->as_string()).filename().native());
    if (const Json& error = *member.find("error"); !error.is_null()) {
      table.add({name, "unreadable"});
      refused += "  " + error.as_string() + "\n";
      continue;
    }
    const Json& model = *member.find("model");
    table.add({name, grouped(member.find("tensor_count")->as_integer()),
               grouped(member.find("parameters")->as_integer()),
               human_bytes(member.find("bytes")->as_unsigned()),
               dtypes_text(*member.find("dtypes")),
               model.is_null() ? "" : printable(model.as_string())});
  }
  return table.text(width) + (refused.empty() ? "" : "\n" + refused);
}

}  // namespace stockpot
