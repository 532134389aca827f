// The zip container of torch.save (torch 2.12), byte for byte, before the values are known: every
// entry is stored, its data is aligned to 64 bytes by an extra field, and its CRC-32 follows the
// data in a descriptor. Torch 1.6 and later read it.
#include <algorithm>
#include <functional>
#include <unordered_set>
#include <utility>

#include "stockpot/base/hash.h"
#include "stockpot/checkpoint/output.h"
#include "stockpot/checkpoint/torch_pickle.h"

namespace stockpot {
namespace {

constexpr std::uint64_t kAlignment = 64, kMost32 = 0xffffffff;
constexpr std::uint64_t kLocalHeader = 30;  // bytes before the name
constexpr std::size_t kIdDigits = 40;

// One entry of the archive. Small ones know their bytes, those of tensors don't.
struct Record {
  std::string name;  // without the root folder
  std::string bytes;
  std::uint64_t size = 0;
  std::optional<std::size_t> tensor;
  std::uint64_t header = 0, data = 0;  // offsets in the file
  std::uint32_t crc = 0;

  bool large() const { return size >= kMost32; }
  bool far() const { return header >= kMost32; }
  // Entries without bytes have no descriptor.
  std::uint64_t descriptor_size() const { return size == 0 ? 0 : large() || far() ? 24 : 16; }
};

// Little-endian, with zeros above the eighth byte.
void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
}

// What does not fit the 32-bit fields. `stored_size` is 0 as long as only the descriptor knows it.
std::string zip64_field(const Record& record, std::uint64_t stored_size) {
  std::string values;
  if (record.large()) {
    put(values, record.size, 8);
    put(values, stored_size, 8);
  }
  if (record.far()) put(values, record.header, 8);
  std::string field;
  if (values.empty()) return field;
  put(field, 1, 2);
  put(field, values.size(), 2);
  return field + values;
}

// Bit 11: names are UTF-8; bit 3: CRC and sizes come after the data.
std::uint64_t flags(const Record& record) { return record.size == 0 ? 0x0800 : 0x0808; }

std::string local_header(const Record& record, const std::string& root) {
  const std::string name = root + "/" + record.name;
  std::string extra = zip64_field(record, 0);
  const std::uint64_t unpadded = record.header + kLocalHeader + name.size() + extra.size() + 4;
  const std::uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  extra += "FB";
  put(extra, padding, 2);
  extra.append(padding, 'Z');
  std::string out = "PK\x03\x04";
  put(out, 0, 2);  // version needed
  put(out, flags(record), 2);
  put(out, 0, 2);   // stored
  put(out, 0, 4);   // no time: equal contents make equal files
  put(out, 0, 12);  // CRC and sizes
  put(out, name.size(), 2);
  put(out, extra.size(), 2);
  return out + name + extra;
}

std::string descriptor(const Record& record) {
  std::string out;
  if (record.size == 0) return out;
  const int width = record.large() || record.far() ? 8 : 4;
  out = "PK\x07\x08";
  put(out, record.crc, 4);
  put(out, record.size, width);
  put(out, record.size, width);
  return out;
}

std::string directory_entry(const Record& record, const std::string& root) {
  const std::string name = root + "/" + record.name, extra = zip64_field(record, record.size);
  std::string out = "PK\x01\x02";
  put(out, 0, 4);  // versions
  put(out, flags(record), 2);
  put(out, 0, 2);
  put(out, 0, 4);
  put(out, record.crc, 4);
  put(out, std::min(record.size, kMost32), 4);
  put(out, std::min(record.size, kMost32), 4);
  put(out, name.size(), 2);
  put(out, extra.size(), 2);
  put(out, 0, 10);  // comment, disk, attributes
  put(out, std::min(record.header, kMost32), 4);
  return out + name + extra;
}

// The directory and the two ends, for readers with and without zip64.
std::string directory(const std::vector<Record>& records, const std::string& root,
                      std::uint64_t offset) {
  std::string out;
  for (const Record& record : records) out += directory_entry(record, root);
  const std::uint64_t size = out.size(), count = records.size();
  out += "PK\x06\x06";
  put(out, 44, 8);  // bytes of this record from here on
  put(out, 0x031e, 2);
  put(out, 45, 2);
  put(out, 0, 8);  // disks
  put(out, count, 8);
  put(out, count, 8);
  put(out, size, 8);
  put(out, offset, 8);
  out += "PK\x06\x07";
  put(out, 0, 4);
  put(out, offset + size, 8);
  put(out, 1, 4);
  out += "PK\x05\x06";
  put(out, 0, 4);
  put(out, std::min<std::uint64_t>(count, 0xffff), 2);
  put(out, std::min<std::uint64_t>(count, 0xffff), 2);
  put(out, std::min(size, kMost32), 4);
  put(out, std::min(offset, kMost32), 4);
  put(out, 0, 2);  // no comment
  return out;
}

std::uint64_t combine(std::uint64_t seed, std::uint64_t value) {
  return seed ^ (value + 0x9e3779b9 + (seed << 6) + (seed >> 2));
}

std::string twenty_digits(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(20 - digits.size(), '0') + digits;
}

// torch's fingerprint of an archive: hashes of the names, in the order of a hash set of them, and
// of all checksums. Nothing reads it; with libstdc++, which torch is built with, it is equal.
std::string serialization_id(std::span<const Record> records) {
  std::unordered_set<std::string> names;
  std::uint64_t sums = 0, hashes = 0;
  for (const Record& record : records) {
    names.insert(record.name);
    if (record.size > 0) sums = combine(sums, record.crc);
  }
  for (const std::string& name : names) hashes = combine(hashes, std::hash<std::string>{}(name));
  return twenty_digits(hashes) + twenty_digits(sums);
}

Record small_record(std::string name, std::string bytes) {
  Record record;
  record.name = std::move(name);
  record.size = bytes.size();
  record.crc = crc32_of(std::as_bytes(std::span(bytes)));
  record.bytes = std::move(bytes);
  return record;
}

std::vector<Record> records_of(const StateDictPickle& pickle,
                               std::span<const OutputTensor> tensors) {
  std::vector<Record> records{
      small_record("data.pkl", pickle.bytes), small_record(".format_version", "1"),
      small_record(".storage_alignment", "64"), small_record("byteorder", "little")};
  for (std::size_t i = 0; i < pickle.storages.size(); ++i) {
    const OutputTensor& tensor = tensors[pickle.storages[i]];
    Record record;
    record.name = "data/" + std::to_string(i);
    record.size = byte_count(tensor.dtype, element_count(tensor.shape));
    record.tensor = pickle.storages[i];
    records.push_back(std::move(record));
  }
  records.push_back(small_record("version", "3\n"));
  records.push_back(small_record(".data/serialization_id", std::string(kIdDigits, '0')));
  return records;
}

// The stem of the file's name; torch takes "archive" for names that are not ASCII.
std::string root_folder(const fs::path& file) {
  const std::string name = file.filename().string();
  const std::string stem = name.substr(0, name.rfind('.'));
  const bool ascii = std::all_of(name.begin(), name.end(), [](unsigned char c) { return c < 128; });
  return ascii && !stem.empty() ? stem : "archive";
}

// What depends on the tensors' checksums: their descriptors, the last record and the directory.
std::vector<FilePiece> after_the_data(std::vector<Record> records,
                                      std::span<const std::uint32_t> crc32, const std::string& root,
                                      std::uint64_t directory_offset) {
  std::vector<FilePiece> pieces;
  for (Record& record : records) {
    if (!record.tensor) continue;
    record.crc = crc32[*record.tensor];
    if (record.size > 0) pieces.push_back({record.data + record.size, descriptor(record)});
  }
  Record& id = records.back();
  id.bytes = serialization_id(std::span(records).first(records.size() - 1));
  id.crc = crc32_of(std::as_bytes(std::span(id.bytes)));
  pieces.push_back({id.data, id.bytes + descriptor(id)});
  pieces.push_back({directory_offset, directory(records, root, directory_offset)});
  return pieces;
}

// Gives the record its place; returns where the next one begins.
std::uint64_t place(Record& record, std::uint64_t offset, const std::string& root) {
  record.header = offset;
  record.data = offset + local_header(record, root).size();
  return record.data + record.size + record.descriptor_size();
}

}  // namespace

FileLayout torch_layout(const fs::path& file, std::span<const OutputTensor> tensors) {
  const std::string root = root_folder(file);
  std::vector<Record> records = records_of(pickle_state_dict(file, tensors), tensors);
  FileLayout layout;
  layout.tensor_offset.resize(tensors.size());
  std::uint64_t end = 0;
  for (Record& record : records) {
    end = place(record, end, root);
    std::string bytes = local_header(record, root) + record.bytes;
    if (record.tensor)
      layout.tensor_offset[*record.tensor] = record.data;
    else
      bytes += descriptor(record);
    layout.pieces.push_back({record.header, std::move(bytes)});
  }
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].tied_to) layout.tensor_offset[i] = layout.tensor_offset[*tensors[i].tied_to];
  layout.size = end + directory(records, root, end).size();
  layout.checksums = [records = std::move(records), root, end](std::span<const std::uint32_t> crc) {
    return after_the_data(records, crc, root, end);
  };
  return layout;
}

}  // namespace stockpot
