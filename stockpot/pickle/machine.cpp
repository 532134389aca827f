#include "stockpot/pickle/machine.h"

#include <bit>
#include <charconv>
#include <limits>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/pickle/load.h"
#include "stockpot/pickle/unpickle.h"

namespace stockpot {
namespace {

constexpr std::size_t kLargestStack = 1'000'000, kMostMarks = 10'000;
constexpr int kHighestProtocol = 5;
constexpr PickleIndex kNeverSet = 0xffffffffu;

}  // namespace

Pickle unpickle(std::span<const std::byte> bytes, const fs::path& origin) {
  return PickleMachine(bytes, origin).run();
}

Pickle PickleMachine::run() {
  for (;;) {
    opcode_at_ = position_;
    if (position_ == bytes_.size()) fail("the pickle ends without STOP (truncated?)");
    const auto opcode = static_cast<Opcode>(bytes_[position_++]);
    if (opcode == Opcode::stop) break;
    step(opcode);
    switch (arena_.broken()) {
      case PickleArena::Limit::none:
        break;
      case PickleArena::Limit::memory:
        fail("the values of the pickle take more than " + human_bytes(kMostPickleMemory));
      case PickleArena::Limit::depth:
        fail("values are nested deeper than " + std::to_string(kDeepestPickle));
    }
  }
  if (stack_.size() != 1 || !marks_.empty())
    fail(std::to_string(stack_.size()) + " values are left at the end, expected one");
  return arena_.finish(stack_.front(), position_);
}

void PickleMachine::step(Opcode opcode) {
  if (control(opcode) || plain_value(opcode) || text_value(opcode) || container(opcode) ||
      call(opcode))
    return;
  if (opcode_name(static_cast<std::uint8_t>(opcode)).empty())
    fail("this byte is no opcode of a pickle");
  fail("an opcode that torch.save does not write; refused");
}

bool PickleMachine::control(Opcode opcode) {
  switch (opcode) {
    case Opcode::proto:
      protocol();
      return true;
    case Opcode::frame:
      frame();
      return true;
    case Opcode::mark:
      if (marks_.size() >= kMostMarks) fail("more than 10,000 open marks");
      marks_.push_back(static_cast<std::uint32_t>(stack_.size()));
      return true;
    case Opcode::pop:
      if (!marks_.empty() && marks_.back() == stack_.size())
        marks_.pop_back();
      else
        pop();
      return true;
    case Opcode::pop_mark:
      pop_mark();
      return true;
    case Opcode::binput:
      remember(number<std::uint8_t>());
      return true;
    case Opcode::long_binput:
      remember(number<std::uint32_t>());
      return true;
    case Opcode::memoize:
      remember(memo_.size());
      return true;
    case Opcode::binget:
      recall(number<std::uint8_t>());
      return true;
    case Opcode::long_binget:
      recall(number<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::plain_value(Opcode opcode) {
  switch (opcode) {
    case Opcode::none:
      push(arena_.none());
      return true;
    case Opcode::newtrue:
      push(arena_.boolean(true));
      return true;
    case Opcode::newfalse:
      push(arena_.boolean(false));
      return true;
    case Opcode::binint:
      push(arena_.integer(static_cast<std::int32_t>(number<std::uint32_t>())));
      return true;
    case Opcode::binint1:
      push(arena_.integer(static_cast<std::int64_t>(number<std::uint8_t>())));
      return true;
    case Opcode::binint2:
      push(arena_.integer(static_cast<std::int64_t>(number<std::uint16_t>())));
      return true;
    case Opcode::long1:
      push(long_integer(number<std::uint8_t>()));
      return true;
    case Opcode::long4:
      push(long_integer(number<std::uint32_t>()));
      return true;
    case Opcode::int_text:
      push(text_integer(false));
      return true;
    case Opcode::long_text:
      push(text_integer(true));
      return true;
    case Opcode::binfloat:
      push(float_number());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::text_value(Opcode opcode) {
  switch (opcode) {
    case Opcode::binunicode:
    case Opcode::binstring:  // of Python 2
      push(text(PickleKind::text, number<std::uint32_t>()));
      return true;
    case Opcode::short_binunicode:
    case Opcode::short_binstring:
      push(text(PickleKind::text, number<std::uint8_t>()));
      return true;
    case Opcode::binunicode8:
      push(text(PickleKind::text, number<std::uint64_t>()));
      return true;
    case Opcode::short_binbytes:
      push(text(PickleKind::bytes, number<std::uint8_t>()));
      return true;
    case Opcode::binbytes:
      push(text(PickleKind::bytes, number<std::uint32_t>()));
      return true;
    case Opcode::binbytes8:
    case Opcode::bytearray8:
      push(text(PickleKind::bytes, number<std::uint64_t>()));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::container(Opcode opcode) {
  switch (opcode) {
    case Opcode::empty_dict:
      push(arena_.container(PickleKind::dict));
      return true;
    case Opcode::empty_list:
      push(arena_.container(PickleKind::list));
      return true;
    case Opcode::empty_set:
      push(arena_.container(PickleKind::set));
      return true;
    case Opcode::empty_tuple:
      tuple_of(0);
      return true;
    case Opcode::tuple1:
      tuple_of(1);
      return true;
    case Opcode::tuple2:
      tuple_of(2);
      return true;
    case Opcode::tuple3:
      tuple_of(3);
      return true;
    case Opcode::tuple:
      push(arena_.tuple(pop_mark()));
      return true;
    case Opcode::frozenset: {
      const std::vector<PickleIndex> items = pop_mark();
      const PickleIndex set = arena_.container(PickleKind::set);
      arena_.add(set, items);
      push(set);
      return true;
    }
    case Opcode::append: {
      const PickleIndex item = pop();
      append({&item, 1});
      return true;
    }
    case Opcode::appends:
      append(pop_mark());
      return true;
    case Opcode::setitem: {
      const PickleIndex item = pop(), key = pop();
      const PickleIndex pair[] = {key, item};
      set_items(pair);
      return true;
    }
    case Opcode::setitems:
      set_items(pop_mark());
      return true;
    case Opcode::additems:
      add_items();
      return true;
    default:
      return false;
  }
}

bool PickleMachine::call(Opcode opcode) {
  switch (opcode) {
    case Opcode::global:
      global_line();
      return true;
    case Opcode::stack_global:
      stack_global();
      return true;
    case Opcode::reduce:
      reduce();
      return true;
    case Opcode::newobj:
      new_object(false);
      return true;
    case Opcode::newobj_ex:
      new_object(true);
      return true;
    case Opcode::build:
      build();
      return true;
    case Opcode::binpersid:
      persistent();
      return true;
    default:
      return false;
  }
}

void PickleMachine::protocol() {
  const std::uint64_t version = number<std::uint8_t>();
  if (opcode_at_ != 0) fail("the protocol is told again in the middle of the pickle");
  if (version < 1 || version > kHighestProtocol)
    fail("pickle protocol " + std::to_string(version) + ", expected 1 to 5");
}

// Frames only group opcodes for faster reading of streams; they must fit the input.
void PickleMachine::frame() {
  const std::uint64_t size = number<std::uint64_t>();
  if (size > bytes_.size() - position_)
    fail("a frame of " + std::to_string(size) + " bytes leads past the end of the pickle");
  if (opcode_at_ < frame_end_) fail("a frame begins inside another one");
  frame_end_ = position_ + size;
}

void PickleMachine::remember(std::uint64_t index) {
  // Each entry takes a byte of the pickle at least: no index can be beyond its size.
  if (index >= bytes_.size())
    fail("memo entry " + std::to_string(index) + " in a pickle of " +
         std::to_string(bytes_.size()) + " bytes");
  const PickleIndex found = top();
  if (index >= memo_.size()) {
    arena_.account((index + 1 - memo_.size()) * 2 * sizeof(PickleIndex));
    if (arena_.broken() != PickleArena::Limit::none) return;
    memo_.resize(index + 1, kNeverSet);
  }
  memo_[index] = found;
}

void PickleMachine::recall(std::uint64_t index) {
  if (index >= memo_.size() || memo_[index] == kNeverSet)
    fail("memo entry " + std::to_string(index) + " was never set");
  push(memo_[index]);
}

// Two's complement, little-endian, any length.
PickleIndex PickleMachine::long_integer(std::uint64_t size) {
  if (size > std::numeric_limits<std::int32_t>::max()) fail("an integer of negative length");
  const std::string_view digits = take(size);
  if (digits.size() > sizeof(std::int64_t)) return arena_.text(PickleKind::big_integer, digits);
  std::uint64_t bits = 0;
  if (!digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80) != 0)
    bits = ~std::uint64_t{0};
  for (std::size_t i = digits.size(); i-- > 0;)
    bits = bits << 8 | static_cast<unsigned char>(digits[i]);
  return arena_.integer(static_cast<std::int64_t>(bits));
}

// Decimal text up to the end of the line: "12", "12L", and 00 and 01 for booleans.
PickleIndex PickleMachine::text_integer(bool long_form) {
  std::string_view digits = line();
  if (!long_form && (digits == "00" || digits == "01")) return arena_.boolean(digits == "01");
  if (long_form && digits.ends_with('L')) digits.remove_suffix(1);
  std::int64_t result = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, result);
  if (error != std::errc() || stop != end)
    fail("'" + printable(digits.substr(0, 40)) + "' is no integer of 64 bits");
  return arena_.integer(result);
}

PickleIndex PickleMachine::float_number() {
  std::uint64_t bits = 0;
  for (const char byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
  return arena_.number(std::bit_cast<double>(bits));
}

PickleIndex PickleMachine::text(PickleKind kind, std::uint64_t size) {
  if (size > std::numeric_limits<std::uint32_t>::max())
    fail("a text of " + std::to_string(size) + " bytes; the limit is 4 GB");
  return arena_.text(kind, take(size));
}

template <typename Number>
std::uint64_t PickleMachine::number() {
  return load_le<Number>(reinterpret_cast<const std::byte*>(take(sizeof(Number)).data()));
}

std::string_view PickleMachine::take(std::uint64_t size) {
  if (size > bytes_.size() - position_)
    fail("needs " + std::to_string(size) + " bytes, " + std::to_string(bytes_.size() - position_) +
         " are left (truncated?)");
  const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()) + position_, size);
  position_ += size;
  return taken;
}

std::string_view PickleMachine::line() {
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_,
                              std::min(bytes_.size() - position_, kLongestLine));
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) fail("a line that does not end within 4096 bytes");
  position_ += end + 1;
  return rest.substr(0, end);
}

void PickleMachine::push(PickleIndex value) {
  if (stack_.size() >= kLargestStack) fail("more than a million values on the stack");
  stack_.push_back(value);
}

PickleIndex PickleMachine::top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
    fail("takes a value where none is (stack underflow)");
  return stack_.back();
}

PickleIndex PickleMachine::pop() {
  const PickleIndex value = top();
  stack_.pop_back();
  return value;
}

std::vector<PickleIndex> PickleMachine::pop_mark() {
  if (marks_.empty()) fail("no mark is open (stack underflow)");
  const std::vector<PickleIndex> items(stack_.begin() + marks_.back(), stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

void PickleMachine::fail(const std::string& problem) const {
  std::string where = "byte " + std::to_string(opcode_at_) + ": ";
  if (opcode_at_ < bytes_.size()) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto code = std::to_integer<std::uint8_t>(bytes_[opcode_at_]);
    const std::string_view name = opcode_name(code);
    where +=
        name.empty() ? std::string("0x") + kHex[code >> 4] + kHex[code & 15] : std::string(name);
    where += ": ";
  }
  throw FormatError(origin_, where + problem);
}

void PickleMachine::fail_target(std::string_view expected, PickleIndex found) const {
  const PickleValue what = value(found);
  const bool named = what.is(PickleKind::record) || what.is(PickleKind::global);
  fail("expected " + std::string(expected) + ", found " +
       (named ? what.describe() : std::string(kind_name(what.kind()))));
}

}  // namespace stockpot
