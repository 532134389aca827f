// Tensors and blocks of a description as tables.
#include <algorithm>
#include <map>
#include <set>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/checkpoint/describe_parts.h"
#include "stockpot/checkpoint/name_block.h"

namespace stockpot {
namespace {

struct Block {
  std::string name;
  std::int64_t tensors = 0, elements = 0;
  std::uint64_t bytes = 0;
  std::set<std::string> dtypes;
};

// A run of blocks that are alike but for their last number: "layer.0" to "layer.11".
struct BlockRun {
  Block first;
  std::string last_index;  // "" for a single block
  std::int64_t count = 1;
};

std::vector<Block> blocks_of(const Json::Array& tensors) {
  std::map<std::string, Block, decltype(&natural_less)> blocks(&natural_less);
  for (const Json& tensor : tensors) {
    const std::string name = block_of(tensor.find("name")->as_string());
    Block& block = blocks[name];
    block.name = name;
    ++block.tensors;
    std::int64_t elements = 1;
    for (const Json& size : tensor.find("shape")->items()) elements *= size.as_integer();
    block.elements += elements;
    block.bytes += tensor.find("bytes")->as_unsigned();
    block.dtypes.insert(tensor.find("dtype")->as_string());
  }
  std::vector<Block> list;
  for (auto& [name, block] : blocks) list.push_back(std::move(block));
  return list;
}

std::string_view without_index(std::string_view name) {
  return name.substr(0, name.find_last_not_of("0123456789") + 1);
}

bool alike(const Block& a, const Block& b) {
  const std::string_view stem = without_index(a.name);
  return stem.size() < a.name.size() && stem.ends_with('.') && stem == without_index(b.name) &&
         a.tensors == b.tensors && a.elements == b.elements && a.bytes == b.bytes &&
         a.dtypes == b.dtypes;
}

std::vector<BlockRun> runs_of(std::vector<Block> blocks) {
  std::vector<BlockRun> runs;
  for (Block& block : blocks) {
    if (!runs.empty() && alike(runs.back().first, block)) {
      ++runs.back().count;
      runs.back().last_index = block.name.substr(without_index(block.name).size());
    } else {
      runs.push_back({std::move(block), "", 1});
    }
  }
  return runs;
}

}  // namespace

std::string dtypes_text(const Json& dtypes) {
  std::vector<std::string> parts;
  for (const auto& [dtype, count] : dtypes.members())
    parts.push_back(dtype + " x " + grouped(count.as_integer()));
  return join(parts, ", ");
}

std::string shape_text(const Json& shape) {
  std::vector<std::string> sizes;
  for (const Json& size : shape.items()) sizes.push_back(size.dump());
  return "[" + join(sizes, ", ") + "]";
}

std::string tensor_table(const Json::Array& tensors, std::size_t width) {
  TextTable table({{"name", false, true}, {"dtype"}, {"shape"}, {"size", true, false}});
  for (const Json& tensor : tensors)
    table.add({printable(tensor.find("name")->as_string()), tensor.find("dtype")->as_string(),
               shape_text(*tensor.find("shape")),
               human_bytes(tensor.find("bytes")->as_unsigned())});
  return table.text(width);
}

std::string block_table(const Json::Array& tensors, std::size_t width) {
  TextTable table({{"block", false, true},
                   {"tensors", true, false},
                   {"elements", true, false},
                   {"dtypes"},
                   {"size", true, false}});
  for (const BlockRun& run : runs_of(blocks_of(tensors))) {
    const std::string times = run.count > 1 ? std::to_string(run.count) + " x " : "";
    table.add(
        {printable(run.first.name) + (run.count > 1 ? ".." + run.last_index : ""),
         times + grouped(run.first.tensors), times + grouped(run.first.elements),
         join(std::vector<std::string>(run.first.dtypes.begin(), run.first.dtypes.end()), ", "),
         times + human_bytes(run.first.bytes)});
  }
  return table.text(width);
}

}  // namespace stockpot
