// Makes the values of a Pickle, within limits: memory in all, and depth.
#pragma once

#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "stockpot/pickle/value.h"

namespace stockpot {

// 10^7 values without contents, or fewer with: no state dict comes near.
inline constexpr std::size_t kMostPickleMemory = 160'000'000;
// Python's own pickler gives up at its recursion limit of 1000 calls, several for each level.
inline constexpr int kDeepestPickle = 1000;

using PickleIndex = std::uint32_t;

class PickleArena {
 public:
  // What limits() could not keep; the caller adds where.
  enum class Limit { none, memory, depth };

  PickleArena();

  PickleIndex none() const { return kNone; }
  PickleIndex boolean(bool value) const { return value ? kTrue : kFalse; }
  PickleIndex integer(std::int64_t value);
  PickleIndex number(double value);
  PickleIndex text(PickleKind kind, std::string_view value);          // text, bytes or big_integer
  PickleIndex container(PickleKind kind, Known known = Known::none);  // an empty one
  PickleIndex tuple(std::span<const PickleIndex> items);
  PickleIndex global(std::string_view module, std::string_view name);
  PickleIndex record(PickleIndex callable, PickleIndex args);
  PickleIndex persistent(PickleIndex id);

  // Adds items to a list or set, keys and values in turn to a dict or record.
  void add(PickleIndex target, std::span<const PickleIndex> items);
  void set_state(PickleIndex record, PickleIndex state);

  // For memory that the caller holds.
  void account(std::size_t bytes);
  Limit broken() const { return broken_; }  // the first limit that was passed
  PickleValue value(PickleIndex index) const { return pickle_.at(index); }
  Pickle finish(PickleIndex root, std::size_t consumed);

 private:
  static constexpr PickleIndex kNone = 0, kFalse = 1, kTrue = 2, kFirstSmall = 3;
  static constexpr std::int64_t kSmallIntegers = 256;

  PickleIndex push(Pickle::Node node);
  std::uint64_t new_sequence();
  void deepen(PickleIndex parent, std::span<const PickleIndex> children);
  std::uint16_t depth_of(std::span<const PickleIndex> children);

  Pickle pickle_;
  std::map<std::pair<std::string_view, std::string_view>, PickleIndex> globals_;
  std::size_t memory_ = 0;
  Limit broken_ = Limit::none;
};

}  // namespace stockpot
