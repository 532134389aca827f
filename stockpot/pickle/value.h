// What a pickle describes, as inert data: numbers, texts, containers, and records in place of
// every object that Python would have built by running something.
//
// All values lie in one arena and refer to each other by index, so that building, reading and
// freeing them never recurses; texts and bytes point into the pickle itself. A value may be
// shared, or contain itself: whoever walks must bound depth and visits.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/pickle/allow_list.h"

namespace stockpot {

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,      // fits 64 bits
  big_integer,  // does not; text() gives its little-endian bytes
  number,
  text,  // as in the file: UTF-8 is not checked
  bytes,
  tuple,
  list,
  set,
  dict,        // also OrderedDict and Counter; pairs in file order, keys may repeat
  global,      // module() and name()
  record,      // name() called with args(); state() if BUILD set one; pairs as a dict has
  persistent,  // a reference to something outside: args() is its id, a tuple
};

std::string_view kind_name(PickleKind kind);  // "a dict"

class PickleValue;

// Owns the values of one pickle. What it was read from must outlive it.
class Pickle {
 public:
  PickleValue root() const;
  std::size_t consumed() const { return consumed_; }  // bytes up to and with STOP
  // "module.name" of all globals that the pickle names, sorted.
  std::vector<std::string> globals() const;
  std::vector<std::string> globals_outside_allow_list() const;
  std::vector<PickleValue> persistents() const;  // in the order of their first mention

 private:
  friend class PickleValue;
  friend class PickleArena;

  PickleValue at(std::uint32_t index) const;

  struct Node {
    union {
      std::int64_t integer;
      double number;
      const char* text;
      std::uint64_t index;  // into the table of the kind
    };
    std::uint32_t size;   // bytes of a text, items of a tuple
    std::uint16_t depth;  // of the containers inside, at least
    PickleKind kind;
    Known known;
  };
  static_assert(sizeof(Node) == 16);
  struct Global {
    std::string_view module, name;
  };
  static constexpr std::uint32_t kNothing = 0xffffffffu;
  struct Record {
    std::uint32_t callable, args, state = kNothing;
    std::uint32_t pairs = 0;  // of subclasses of dict
  };

  std::deque<Node> nodes_;
  std::vector<std::uint32_t> tuples_;                 // items of all tuples
  std::deque<std::vector<std::uint32_t>> sequences_;  // of lists, sets, dicts; [0] stays empty
  std::deque<Record> records_;
  std::vector<Global> globals_;
  std::vector<std::uint32_t> persistents_;
  std::uint32_t root_ = 0;
  std::size_t consumed_ = 0;
};

// A handle to one value; as cheap as a pointer, valid while the Pickle stays where it is.
// Asking for what the kind does not have is a programmer's mistake.
class PickleValue {
 public:
  PickleKind kind() const { return node().kind; }
  bool is(PickleKind kind) const { return node().kind == kind; }
  std::uint32_t id() const { return index_; }  // the same value has the same id

  bool boolean() const { return integer() != 0; }
  std::int64_t integer() const;  // of an integer or boolean
  double number() const;
  std::string_view text() const;  // of text, bytes and big_integer

  std::size_t size() const;  // items of a tuple, list or set; pairs of a dict or record; else 0
  PickleValue item(std::size_t i) const;
  PickleValue key(std::size_t i) const;
  PickleValue value(std::size_t i) const;
  // The value of the text key; the last one when it is there several times, as in Python.
  std::optional<PickleValue> find(std::string_view key) const;

  // Of a global, or of a record's callable.
  Known known() const { return node().known; }
  std::string_view module() const;
  std::string_view name() const;
  PickleValue args() const;  // of a record or persistent: a tuple
  std::optional<PickleValue> state() const;

  // "a dict of 3", "a builtins.set", for people; texts and numbers as they are.
  std::string describe() const;

 private:
  friend class Pickle;
  PickleValue(const Pickle* pickle, std::uint32_t index) : pickle_(pickle), index_(index) {}
  const Pickle::Node& node() const { return pickle_->nodes_[index_]; }
  const std::vector<std::uint32_t>& sequence() const;
  const Pickle::Record& record() const { return pickle_->records_[node().index]; }
  PickleValue at(std::uint32_t index) const { return PickleValue(pickle_, index); }

  const Pickle* pickle_;
  std::uint32_t index_;
};

}  // namespace stockpot
