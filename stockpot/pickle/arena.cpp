#include "stockpot/pickle/arena.h"

#include <algorithm>

namespace stockpot {
namespace {

// Readers keep a table of these.
constexpr std::size_t kPersistentExtra = 100;

}  // namespace

PickleArena::PickleArena() {
  pickle_.sequences_.emplace_back();
  const auto plain = [&](PickleKind kind, std::int64_t value) {
    Pickle::Node node{};
    node.kind = kind;
    node.integer = value;
    push(node);
  };
  plain(PickleKind::none, 0);
  plain(PickleKind::boolean, 0);
  plain(PickleKind::boolean, 1);
  for (std::int64_t i = 0; i < kSmallIntegers; ++i) plain(PickleKind::integer, i);
}

void PickleArena::account(std::size_t bytes) {
  memory_ += bytes;
  if (memory_ > kMostPickleMemory && broken_ == Limit::none) broken_ = Limit::memory;
}

PickleIndex PickleArena::push(Pickle::Node node) {
  account(sizeof node);
  if (broken_ != Limit::none) return kNone;
  pickle_.nodes_.push_back(node);
  return static_cast<PickleIndex>(pickle_.nodes_.size() - 1);
}

PickleIndex PickleArena::integer(std::int64_t value) {
  if (value >= 0 && value < kSmallIntegers) return kFirstSmall + static_cast<PickleIndex>(value);
  Pickle::Node node{};
  node.kind = PickleKind::integer;
  node.integer = value;
  return push(node);
}

PickleIndex PickleArena::number(double value) {
  Pickle::Node node{};
  node.kind = PickleKind::number;
  node.number = value;
  return push(node);
}

PickleIndex PickleArena::text(PickleKind kind, std::string_view value) {
  Pickle::Node node{};
  node.kind = kind;
  node.text = value.data();
  node.size = static_cast<std::uint32_t>(value.size());
  return push(node);
}

PickleIndex PickleArena::container(PickleKind kind, Known known) {
  Pickle::Node node{};
  node.kind = kind;
  node.known = known;
  return push(node);
}

PickleIndex PickleArena::tuple(std::span<const PickleIndex> items) {
  account(items.size_bytes());
  if (broken_ != Limit::none) return kNone;
  Pickle::Node node{};
  node.kind = PickleKind::tuple;
  node.index = pickle_.tuples_.size();
  node.size = static_cast<std::uint32_t>(items.size());
  node.depth = depth_of(items);
  pickle_.tuples_.insert(pickle_.tuples_.end(), items.begin(), items.end());
  return push(node);
}

PickleIndex PickleArena::global(std::string_view module, std::string_view name) {
  const auto [place, added] = globals_.try_emplace({module, name}, kNone);
  if (!added) return place->second;
  account(sizeof(Pickle::Global) + 96);  // and what the map holds
  Pickle::Node node{};
  node.kind = PickleKind::global;
  node.known = known_global(module, name);
  node.index = pickle_.globals_.size();
  pickle_.globals_.push_back({module, name});
  return place->second = push(node);
}

PickleIndex PickleArena::record(PickleIndex callable, PickleIndex args) {
  account(sizeof(Pickle::Record));
  if (broken_ != Limit::none) return kNone;
  Pickle::Node node{};
  node.kind = PickleKind::record;
  node.known = pickle_.nodes_[callable].known;
  node.index = pickle_.records_.size();
  node.depth = depth_of({&args, 1});
  pickle_.records_.push_back({callable, args});
  return push(node);
}

PickleIndex PickleArena::persistent(PickleIndex id) {
  Pickle::Node node{};
  node.kind = PickleKind::persistent;
  node.index = id;
  node.depth = depth_of({&id, 1});
  account(sizeof(PickleIndex) + kPersistentExtra);
  const PickleIndex made = push(node);
  if (broken_ == Limit::none) pickle_.persistents_.push_back(made);
  return made;
}

std::uint64_t PickleArena::new_sequence() {
  account(2 * sizeof(std::vector<PickleIndex>));
  pickle_.sequences_.emplace_back();
  return pickle_.sequences_.size() - 1;
}

void PickleArena::add(PickleIndex target, std::span<const PickleIndex> items) {
  if (items.empty()) return;
  account(2 * items.size_bytes());  // vectors grow by doubling
  if (broken_ != Limit::none) return;
  Pickle::Node& node = pickle_.nodes_[target];
  std::uint64_t index = node.index;
  if (node.kind == PickleKind::record) {
    std::uint32_t& pairs = pickle_.records_[node.index].pairs;
    if (pairs == 0) pairs = static_cast<std::uint32_t>(new_sequence());
    index = pairs;
  } else if (index == 0) {
    index = node.index = new_sequence();
  }
  std::vector<PickleIndex>& sequence = pickle_.sequences_[index];
  sequence.insert(sequence.end(), items.begin(), items.end());
  deepen(target, items);
}

void PickleArena::set_state(PickleIndex record, PickleIndex state) {
  pickle_.records_[pickle_.nodes_[record].index].state = state;
  deepen(record, {&state, 1});
}

std::uint16_t PickleArena::depth_of(std::span<const PickleIndex> children) {
  int deepest = 0;
  for (const PickleIndex child : children)
    deepest = std::max<int>(deepest, pickle_.nodes_[child].depth + 1);
  if (deepest > kDeepestPickle && broken_ == Limit::none) broken_ = Limit::depth;
  return static_cast<std::uint16_t>(std::min(deepest, kDeepestPickle));
}

// Only a lower bound: a value may grow after it was put into another one.
void PickleArena::deepen(PickleIndex parent, std::span<const PickleIndex> children) {
  std::uint16_t& depth = pickle_.nodes_[parent].depth;
  depth = std::max(depth, depth_of(children));
}

Pickle PickleArena::finish(PickleIndex root, std::size_t consumed) {
  pickle_.root_ = root;
  pickle_.consumed_ = consumed;
  return std::move(pickle_);
}

}  // namespace stockpot
