#include "stockpot/sweep/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>

#include "stockpot/base/error.h"
#include "stockpot/base/posix.h"

namespace stockpot {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    table[i] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

template <typename Unsigned>
void append_little_endian(std::string& text, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
}

// Fields of protocol buffers: a tag (number << 3 | wire type), then the value.
enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_varint(std::string& text, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  text += static_cast<char>(value);
}

void append_tag(std::string& text, unsigned field, WireType type) {
  append_varint(text, field << 3 | type);
}

void append_bytes(std::string& text, unsigned field, std::string_view value) {
  append_tag(text, field, kBytes);
  append_varint(text, value.size());
  text += value;
}

// message Event { double wall_time = 1; int64 step = 2; string file_version = 3;
//                 Summary summary = 5; SessionLog session_log = 7; }
std::string event(double wall_time, std::int64_t step) {
  std::string text;
  append_tag(text, 1, kFixed64);
  append_little_endian(text, std::bit_cast<std::uint64_t>(wall_time));
  if (step != 0) {
    append_tag(text, 2, kVarint);
    append_varint(text, static_cast<std::uint64_t>(step));
  }
  return text;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes)
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

std::string tf_record(std::string_view data) {
  std::string record;
  append_little_endian(record, static_cast<std::uint64_t>(data.size()));
  append_little_endian(record, masked_crc32c(record));
  record += data;
  append_little_endian(record, masked_crc32c(data));
  return record;
}

std::string version_event(double wall_time) {
  std::string text = event(wall_time, 0);
  append_bytes(text, 3, "brain.Event:2");
  return text;
}

std::string restart_event(double wall_time, std::int64_t step) {
  std::string session;  // message SessionLog { SessionStatus status = 1; }, START = 1
  append_tag(session, 1, kVarint);
  append_varint(session, 1);
  std::string text = event(wall_time, step);
  append_bytes(text, 7, session);
  return text;
}

std::string scalar_event(double wall_time, std::int64_t step, const Scalars& scalars) {
  std::string summary;  // message Summary { repeated Value value = 1; }
  for (const auto& [name, number] : scalars) {
    std::string value;  // message Value { string tag = 1; float simple_value = 2; }
    append_bytes(value, 1, name);
    append_tag(value, 2, kFixed32);
    append_little_endian(value, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    append_bytes(summary, 1, value);
  }
  std::string text = event(wall_time, step);
  append_bytes(text, 5, summary);
  return text;
}

EventFile::EventFile(const fs::path& folder, double wall_time) {
  static std::atomic<unsigned> counter = 0;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw WriteError(folder, "create", error.value());
  do {
    // Readers take files in the order of their names.
    char name[64];
    std::snprintf(name, sizeof name, "%010lld", static_cast<long long>(wall_time));
    path_ = folder / ("events.out.tfevents." + std::string(name) + ".");
    std::snprintf(name, sizeof name, ".%lld.%05u", static_cast<long long>(getpid()), counter++);
    path_ += host_name() + name;
    descriptor_ = open_file(path_, O_WRONLY | O_CREAT | O_EXCL | O_APPEND).release();
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) throw WriteError(path_, "create", errno);
  add(version_event(wall_time));
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

EventFile::~EventFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventFile::add(std::string_view event) {
  const std::string record = tf_record(event);
  if (const int failure = write_all(descriptor_, std::as_bytes(std::span(record))))
    throw WriteError(path_, "append an event", failure);
}

}  // namespace stockpot
