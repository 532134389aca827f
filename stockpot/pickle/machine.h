// The stack machine of pickle: one object reads one pickle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/pickle/arena.h"
#include "stockpot/pickle/opcodes.h"

namespace stockpot {

class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, const fs::path& origin)
      : bytes_(bytes), origin_(origin) {}
  Pickle run();

 private:
  static constexpr std::size_t kLongestLine = 4096;  // also of names

  // machine.cpp: the loop, plain values, marks and the memo.
  void step(Opcode opcode);
  // Each does what an opcode of its kind says; false for other opcodes.
  bool control(Opcode opcode);  // the protocol, marks and the memo
  bool plain_value(Opcode opcode);
  bool text_value(Opcode opcode);
  bool container(Opcode opcode);
  bool call(Opcode opcode);

  void protocol();
  void frame();
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);
  PickleIndex long_integer(std::uint64_t size);
  PickleIndex text_integer(bool long_form);
  PickleIndex float_number();
  PickleIndex text(PickleKind kind, std::uint64_t size);

  // machine_objects.cpp: containers, globals and calls.
  void append(std::span<const PickleIndex> items);
  void set_items(std::span<const PickleIndex> pairs);
  void add_items();
  void tuple_of(std::size_t count);
  void global_line();
  void stack_global();
  // Pops arguments and a class or function (`wanted`, for messages), pushes what stands for the
  // call.
  void call(std::string_view wanted);
  void reduce();
  void new_object(bool keywords);
  void build();
  void persistent();
  PickleIndex make_dict(PickleIndex callable, PickleIndex args);

  // Input, checked against its end before anything is done.
  template <typename Number>
  std::uint64_t number();
  std::string_view take(std::uint64_t size);
  std::string_view line();

  // Nothing below the innermost mark can be taken.
  void push(PickleIndex value);
  PickleIndex pop();
  PickleIndex top() const;
  std::vector<PickleIndex> pop_mark();
  PickleValue value(PickleIndex index) const { return arena_.value(index); }

  [[noreturn]] void fail(const std::string& problem) const;
  [[noreturn]] void fail_target(std::string_view expected, PickleIndex found) const;

  std::span<const std::byte> bytes_;
  const fs::path& origin_;
  std::size_t position_ = 0, opcode_at_ = 0, frame_end_ = 0;
  PickleArena arena_;
  std::vector<PickleIndex> stack_, memo_;
  std::vector<std::uint32_t> marks_;  // sizes of the stack
};

}  // namespace stockpot
