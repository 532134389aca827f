#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "stockpot/base/hash.h"
#include "stockpot/checkpoint/output.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

std::string written(std::string_view name) {
  return read_file(fixture(std::string("written/") + std::string(name)));
}

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void put(std::string& file, const FilePiece& piece) {
  ASSERT_LE(piece.offset + piece.bytes.size(), file.size());
  std::memcpy(file.data() + piece.offset, piece.bytes.data(), piece.bytes.size());
}

// The file that the layout describes, with the tensors' bytes from the places where it says they
// lie in `data`.
std::string assembled(const fs::path& name, const std::vector<OutputTensor>& tensors,
                      std::string_view data) {
  const FileLayout layout = torch_layout(name, tensors);
  std::string file(layout.size, '\0');
  std::vector<std::uint32_t> crc;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::uint64_t offset = layout.tensor_offset[i], size = bytes_of(tensors[i]);
    if (offset + size > data.size()) return "a tensor lies beyond the end";
    data.copy(file.data() + offset, size, offset);
    crc.push_back(crc_of(data.substr(offset, size)));
  }
  for (const FilePiece& piece : layout.pieces) put(file, piece);
  for (const FilePiece& piece : layout.checksums(crc)) put(file, piece);
  return file;
}

std::vector<OutputTensor> every_dtype() {
  std::vector<OutputTensor> tensors;
  const std::pair<const char*, Dtype> kinds[] = {{"bool", Dtype::boolean},
                                                 {"uint8", Dtype::u8},
                                                 {"int8", Dtype::i8},
                                                 {"int16", Dtype::i16},
                                                 {"int32", Dtype::i32},
                                                 {"int64", Dtype::i64},
                                                 {"float16", Dtype::f16},
                                                 {"bfloat16", Dtype::bf16},
                                                 {"float32", Dtype::f32},
                                                 {"float64", Dtype::f64},
                                                 {"complex64", Dtype::c64},
                                                 {"uint16", Dtype::u16},
                                                 {"uint32", Dtype::u32},
                                                 {"uint64", Dtype::u64},
                                                 {"float8_e5m2", Dtype::f8_e5m2},
                                                 {"float8_e4m3fn", Dtype::f8_e4m3},
                                                 {"float8_e8m0fnu", Dtype::f8_e8m0},
                                                 {"float8_e4m3fnuz", Dtype::f8_e4m3fnuz},
                                                 {"float8_e5m2fnuz", Dtype::f8_e5m2fnuz}};
  for (const auto& [name, dtype] : kinds) tensors.push_back({name, dtype, {2, 3}, {}});
  tensors.push_back({"scalar", Dtype::f32, {}, {}});
  tensors.push_back({"empty", Dtype::f32, {0, 4}, {}});
  tensors.push_back({"empty_inside", Dtype::f32, {3, 0, 2}, {}});
  tensors.push_back({"five", Dtype::f32, {1, 2, 1, 3, 1}, {}});
  tensors.push_back({"straße.日本", Dtype::f32, {2}, {}});
  tensors.push_back({"tied", Dtype::f32, {2, 3}, 8});
  tensors.push_back({"tied_flat", Dtype::f32, {6}, 8});
  return tensors;
}

TEST(TorchLayout, IsByteForByteWhatTorchSaveWrites) {
  const std::string torch = written("every_dtype.pt");
  EXPECT_EQ(assembled("every_dtype.pt", every_dtype(), torch), torch);
}

TEST(TorchLayout, OneTensorAndNoTensorAreWrittenAsTorchSaveDoes) {
  EXPECT_EQ(assembled("one.pt", {{"one", Dtype::f32, {1}, {}}}, written("one.pt")),
            written("one.pt"));
  EXPECT_EQ(assembled("none.pt", {}, written("none.pt")), written("none.pt"));
}

// The SHA-256 of files that are too large to keep (make.py prints them).
TEST(TorchLayout, ManyTensorsAndWideIntegersAreWrittenAsTorchSaveDoes) {
  std::vector<OutputTensor> many{{"t0", Dtype::f32, {1}, {}}};
  for (int i = 1; i < 1001; ++i) many.push_back({"t" + std::to_string(i), Dtype::f32, {1}, 0});
  EXPECT_EQ(sha256(assembled("many.pt", many, std::string(1 << 20, '\0'))),
            "7636d8559b9009d43369d47114f69bf2dcf13792d74d9894f35590c14869d3b3");
  const std::vector<OutputTensor> wide{{"wide", Dtype::boolean, {70000}, {}},
                                       {"middle", Dtype::boolean, {300}, {}}};
  EXPECT_EQ(sha256(assembled("sizes.pt", wide, std::string(1 << 20, '\0'))),
            "6b4e5c28ec535420d91252614ece7b38069a9f6d74b0303267f82913e3dc2e1c");
}

// A tensor over 4 GB and one that begins beyond: torch's own file without that tensor's bytes.
TEST(TorchLayout, TensorsBeyond4GbHaveZip64FieldsAsTorchSaveWritesThem) {
  const std::int64_t large = (std::int64_t{1} << 32) + 100;
  const std::vector<OutputTensor> tensors{{"small", Dtype::f32, {3}, {}},
                                          {"big", Dtype::u8, {large}, {}},
                                          {"after", Dtype::f32, {5}, {}},
                                          {"empty", Dtype::f32, {0}, {}}};
  std::string head = written("zip64.head"), tail = written("zip64.tail");
  const FileLayout layout = torch_layout("big.pt", tensors);
  const auto size = static_cast<std::uint64_t>(large);
  ASSERT_EQ(layout.size, head.size() + size + tail.size());
  EXPECT_EQ(layout.tensor_offset[1], head.size());
  EXPECT_EQ(layout.tensor_offset[2] % 64, 0u);

  const auto at = [&](std::uint64_t offset) {
    return offset < head.size() ? head.data() + offset
                                : tail.data() + (offset - size - head.size());
  };
  const auto float_crc = [&](std::size_t i) {
    return crc_of({at(layout.tensor_offset[i]), bytes_of(tensors[i])});
  };
  // The CRC-32 of the zeros, as torch has written it behind them.
  std::uint32_t zeros_crc = 0;
  std::memcpy(&zeros_crc, tail.data() + 4, 4);
  const std::vector<std::uint32_t> crc{float_crc(0), zeros_crc, float_crc(2), 0};
  std::vector<FilePiece> pieces = layout.pieces;
  for (FilePiece& piece : layout.checksums(crc)) pieces.push_back(std::move(piece));
  for (const FilePiece& piece : pieces) {
    // The only bytes that are not known from the start.
    if (piece.bytes.find(std::string(40, '0')) != std::string::npos) continue;
    EXPECT_EQ(std::string(at(piece.offset), piece.bytes.size()), piece.bytes) << piece.offset;
  }
}

TEST(TorchLayout, ANameThatIsNotAsciiGivesTheFolderArchive) {
  const FileLayout layout = torch_layout("größe.pt", std::vector<OutputTensor>{});
  EXPECT_PRED2(contains, layout.pieces.front().bytes, "archive/data.pkl");
  const FileLayout plain = torch_layout("some/model.v2.bin", std::vector<OutputTensor>{});
  EXPECT_PRED2(contains, plain.pieces.front().bytes, "model.v2/data.pkl");
}

TEST(TorchLayout, WhatTorchCannotHoldIsRefusedByName) {
  const auto refusal = [](const std::vector<OutputTensor>& tensors) {
    return message_of<FormatError>([&] { torch_layout("m.pt", tensors); });
  };
  EXPECT_EQ(refusal({{"w", Dtype::f4, {2}, {}}}),
            "m.pt: tensor 'w' is of type F4, which torch files cannot hold; write safetensors "
            "instead");
  EXPECT_EQ(refusal({{"w", Dtype::f32, {2}, {}}, {"w", Dtype::f32, {2}, {}}}),
            "m.pt: two tensors are named 'w'");
  EXPECT_EQ(refusal({{"\xff", Dtype::f32, {2}, {}}}),
            "m.pt: tensor '\\xff' cannot be written: its name is not UTF-8");
  EXPECT_EQ(refusal({{"a", Dtype::f32, {2}, {}}, {"b", Dtype::f16, {2}, 0}}),
            "m.pt: tensor 'b' cannot share the storage of 'a': their types or numbers of elements "
            "differ");
}

}  // namespace
}  // namespace stockpot
