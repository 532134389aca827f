// Hand-made torch files: pickles of tensors in both containers.
#pragma once

#include <string>
#include <vector>

#include "stockpot/checkpoint/torch_file.h"
#include "tests/checkpoint/torch_fixtures.h"
#include "tests/pickle/pickles.h"

namespace stockpot {

inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + le(static_cast<std::uint64_t>(value), 8);
}

inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string opcodes = "(";
  for (const std::int64_t value : values) opcodes += integer(value);
  return opcodes + "t";
}

inline std::string storage(const std::string& type, const std::string& key, std::int64_t elements) {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") +
         integer(elements) + "tQ";
}

// What rebuilds a tensor from a storage; `more` are arguments behind the hooks.
inline std::string tensor(const std::string& storage, std::int64_t offset,
                          const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides, const std::string& more = "") {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) +
         tuple(shape) + tuple(strides) + "\x89" + global("collections", "OrderedDict") + ")R" +
         more + "tR";
}

// Two floats under key 0.
inline std::string two_floats() { return tensor(storage("FloatStorage", "0", 2), 0, {2}, {1}); }
inline std::string eight_bytes() { return std::string("\0\0\x80\x3f\0\0\0\x40", 8); }  // 1, 2

// A dict {name: value, ...}.
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string opcodes = "}(";
  for (const auto& [name, value] : entries) opcodes += text(name) + value;
  return opcodes + "u";
}

// A torch zip file: the pickle, storage 0 of two floats, and more members.
inline std::string torch_zip(const std::string& opcodes, std::vector<ZipMember> more = {}) {
  std::vector<ZipMember> members{{"m/data.pkl", pickled(opcodes)}, {"m/data/0", eight_bytes()}};
  members.insert(members.end(), more.begin(), more.end());
  return make_zip(members);
}

struct LegacyParts {
  std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  std::string protocol = "M\xe9\x03";
  std::string system = "}" + text("little_endian") + "\x88s";
  std::string object, keys = "](" + text("0") + "e";
  std::string data = le(2, 8) + eight_bytes();

  std::string file() const {
    return pickled(magic) + pickled(protocol) + pickled(system) + pickled(object) + pickled(keys) +
           data;
  }
};

// What reading these bytes says; "" when it succeeds.
inline std::string torch_error(const std::string& file, const OpenOptions& options = {}) {
  try {
    read_torch(bytes_of(file), "f", options);
    return "";
  } catch (const FormatError& error) {
    return error.what();
  }
}

inline std::string tensor_error(const std::string& opcodes, std::vector<ZipMember> more = {}) {
  return torch_error(torch_zip(dict({{"w", opcodes}}), std::move(more)));
}

}  // namespace stockpot
