// The page and the document of diff.h.
#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/checkpoint/message.h"
#include "stockpot/compare/diff.h"

namespace stockpot {
namespace {

std::string type_of(const TensorView& tensor) { return std::string(row(tensor.dtype).safetensors); }

std::string number(double value) { return std::isnan(value) ? "-" : significant(value, 3); }

// Near 1 the distance from it is what differs: 0.99999987 needs more digits than 0.31.
std::string cosine_text(double value) { return std::isnan(value) ? "-" : fixed(value, 6); }

Json to_json(const Shape& shape) {
  Json list = Json::array();
  for (const std::int64_t size : shape) list.push(size);
  return list;
}

Json to_json(const std::vector<std::vector<std::string>>& groups) {
  Json list = Json::array();
  for (const auto& group : groups) {
    Json names = Json::array();
    for (const std::string& name : group) names.push(name);
    list.push(std::move(names));
  }
  return list;
}

void set_statistics(Json& object, const PairStatistics& statistics) {
  object.set("elements", statistics.elements);
  object.set("differing", statistics.differing);
  object.set("not_finite", statistics.not_finite);
  object.set("largest_difference", statistics.sums.largest);
  object.set("norm_a", std::sqrt(statistics.sums.aa));
  object.set("norm_b", std::sqrt(statistics.sums.bb));
  object.set("norm_difference", std::sqrt(statistics.sums.dd));
  object.set("relative", statistics.relative());
  object.set("cosine", statistics.cosine());
}

Json to_json(const TensorDifference& pair) {
  const auto side = [](const TensorView* tensor) {
    return tensor == nullptr
               ? Json()
               : Json::object({{"dtype", type_of(*tensor)}, {"shape", to_json(tensor->shape)}});
  };
  Json object = Json::object({{"name", pair.name},
                              {"a", side(pair.a)},
                              {"b", side(pair.b)},
                              {"same_bits", pair.same_bits}});
  if (pair.statistics) set_statistics(object, *pair.statistics);
  return object;
}

// Of tensors or blocks: the largest relative change first; what cannot be told comes before it.
template <typename Row>
std::vector<const Row*> most_changed(const std::vector<const Row*>& rows,
                                     const PairStatistics& (*of)(const Row&), std::size_t top) {
  std::vector<const Row*> sorted = rows;
  const auto key = [&](const Row* row) {
    const double relative = of(*row).relative();
    return std::isnan(relative) ? HUGE_VAL : relative;
  };
  std::ranges::stable_sort(sorted, std::ranges::greater(), key);
  if (top > 0 && sorted.size() > top) sorted.resize(top);
  return sorted;
}

std::vector<std::string> cells(std::string name, const PairStatistics& statistics) {
  return {std::move(name),
          number(statistics.sums.largest),
          number(statistics.relative()),
          cosine_text(statistics.cosine()),
          grouped(statistics.differing),
          grouped(statistics.elements)};
}

std::vector<TextColumn> columns(const std::string& first) {
  return {{first, false, true},    {"max |a-b|", true, false}, {"relative", true, false},
          {"cosine", true, false}, {"differing", true, false}, {"elements", true, false}};
}

std::string count_of(std::size_t shown, std::size_t all, const std::string& what) {
  return shown == all
             ? std::to_string(all) + " " + what
             : "the first " + std::to_string(shown) + " of " + std::to_string(all) + " " + what;
}

std::string block_table(const CheckpointDiff& result, const DiffPage& page) {
  std::vector<const BlockDifference*> changed;
  for (const BlockDifference& block : result.blocks)
    if (block.statistics.differing > 0) changed.push_back(&block);
  if (changed.empty()) return "";
  const auto rows = most_changed<BlockDifference>(
      changed,
      [](const BlockDifference& block) -> const PairStatistics& { return block.statistics; },
      page.top);
  TextTable table(columns("block"));
  for (const BlockDifference* block : rows)
    table.add(cells(printable(block->name), block->statistics));
  return "\nBy block (" + count_of(rows.size(), changed.size(), "that changed") + ")\n" +
         table.text(page.width);
}

std::string tensor_table(const CheckpointDiff& result, const DiffPage& page) {
  std::vector<const TensorDifference*> changed;
  for (const TensorDifference& pair : result.tensors)
    if (pair.statistics && pair.statistics->differing > 0 && row(pair.a->dtype).floating)
      changed.push_back(&pair);
  if (changed.empty()) return "";
  const auto rows = most_changed<TensorDifference>(
      changed,
      [](const TensorDifference& pair) -> const PairStatistics& { return *pair.statistics; },
      page.top);
  TextTable table(columns("tensor"));
  for (const TensorDifference* pair : rows)
    table.add(cells(printable(pair->name), *pair->statistics));
  return "\nBy tensor (" + count_of(rows.size(), changed.size(), "that changed") + ")\n" +
         table.text(page.width);
}

// "only in A (2): 'x', 'y'".
std::string list_line(const std::string& title, const std::vector<std::string>& names,
                      std::size_t top) {
  if (names.empty()) return "";
  std::string text = "  " + title + " (" + std::to_string(names.size()) + ")\n";
  const std::size_t shown = top == 0 ? names.size() : std::min(top, names.size());
  for (std::size_t i = 0; i < shown; ++i) text += "    " + names[i] + "\n";
  if (shown < names.size())
    text += "    and " + std::to_string(names.size() - shown) + " more (--top 0 lists all)\n";
  return text;
}

std::string structure_text(const CheckpointDiff& result, const DiffPage& page) {
  std::vector<std::string> only_a, only_b, shapes, dtypes, integers, unread, ties;
  for (const TensorDifference& pair : result.tensors) {
    const std::string name = printable(pair.name);
    const auto with_type = [&](const TensorView& tensor) {
      return name + "  " + type_of(tensor) + " " + to_string(tensor.shape);
    };
    if (pair.b == nullptr) {
      only_a.push_back(with_type(*pair.a));
    } else if (pair.a == nullptr) {
      only_b.push_back(with_type(*pair.b));
    } else {
      if (!pair.same_shape())
        shapes.push_back(name + "  " + to_string(pair.a->shape) + " in A, " +
                         to_string(pair.b->shape) + " in B");
      if (pair.a->dtype != pair.b->dtype)
        dtypes.push_back(name + "  " + type_of(*pair.a) + " in A, " + type_of(*pair.b) + " in B");
      if (pair.statistics && pair.statistics->differing > 0 && !row(pair.a->dtype).floating)
        integers.push_back(name + "  up to " + number(pair.statistics->sums.largest) + " apart");
      if (pair.same_shape() && !pair.statistics && !pair.same_bits)
        unread.push_back(with_type(*pair.a));
    }
  }
  const auto add_ties = [&](const auto& groups, const std::string& where) {
    for (const auto& group : groups) ties.push_back(where + ": " + some_of(group));
  };
  add_ties(result.ties_only_in_a, "only in A");
  add_ties(result.ties_only_in_b, "only in B");
  return list_line("only in A", only_a, page.top) + list_line("only in B", only_b, page.top) +
         list_line("other shape", shapes, page.top) + list_line("other type", dtypes, page.top) +
         list_line("other whole numbers", integers, page.top) +
         list_line("other bytes, of a type without numbers", unread, page.top) +
         list_line("names that share one storage", ties, page.top);
}

std::string verdict(const CheckpointDiff& result) {
  if (result.same_bits) return "equal, bit for bit";
  if (result.equal) return "equal within the tolerance, not bit for bit";
  return "different";
}

}  // namespace

Json to_json(const CheckpointDiff& result) {
  Json whole = Json::object({});
  set_statistics(whole, result.whole);
  Json blocks = Json::array(), tensors = Json::array();
  for (const BlockDifference& block : result.blocks) {
    Json object = Json::object({{"name", block.name}, {"tensors", block.tensors}});
    set_statistics(object, block.statistics);
    blocks.push(std::move(object));
  }
  for (const TensorDifference& pair : result.tensors) tensors.push(to_json(pair));
  return Json::object({
      {"schema_version", 1},
      {"a", result.a.native()},
      {"b", result.b.native()},
      {"same_bits", result.same_bits},
      {"equal", result.equal},
      {"whole", std::move(whole)},
      {"ties_only_in_a", to_json(result.ties_only_in_a)},
      {"ties_only_in_b", to_json(result.ties_only_in_b)},
      {"blocks", std::move(blocks)},
      {"tensors", std::move(tensors)},
  });
}

std::string diff_text(const CheckpointDiff& result, const DiffPage& page) {
  const PairStatistics& whole = result.whole;
  std::string text = "  A  " + printable(result.a.native()) + "\n  B  " +
                     printable(result.b.native()) + "\n\n  " + verdict(result);
  std::size_t same = 0;
  for (const TensorDifference& pair : result.tensors) same += pair.same_bits;
  text += ": " + grouped(static_cast<std::int64_t>(same)) + " of " +
          grouped(static_cast<std::int64_t>(result.tensors.size())) + " tensors are the same\n";
  if (whole.elements > 0 && !result.same_bits)
    text += "  norm(A-B) " + number(std::sqrt(whole.sums.dd)) + ", relative to norm(A) " +
            number(whole.relative()) + ", cosine " + cosine_text(whole.cosine()) +
            ", largest difference " + number(whole.sums.largest) + "\n";
  if (whole.not_finite > 0)
    text +=
        "  " + grouped(whole.not_finite) + " elements are NaN or Inf and not in these numbers\n";
  return text + structure_text(result, page) + block_table(result, page) +
         tensor_table(result, page);
}

}  // namespace stockpot
