#include "stockpot/checkpoint/torch_scalar.h"

#include <cstring>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/torch_tensor.h"

namespace stockpot {
namespace {

constexpr std::size_t kLongestText = 1000;

StoredScalar of_number(double number) { return {shortest(number), number}; }

std::optional<StoredScalar> of_view(const TensorView& view) {
  if (element_count(view.shape) != 1 || view.dtype == Dtype::c64) return std::nullopt;
  double number = 0;
  read_values(view, std::span<double>(&number, 1));
  // Shown as the type would be: 0.1f is not 0.10000000149011612.
  if (view.dtype == Dtype::f32 || view.dtype == Dtype::f16 || view.dtype == Dtype::bf16)
    return StoredScalar{significant(number, 7), number};
  return of_number(number);
}

std::optional<StoredScalar> of_tensor(const PickleValue& value, const TorchStorages& storages,
                                      bool big_endian) {
  try {
    const TorchTensor tensor = decode_tensor(value, "", storages, "");
    if (tensor.elements() != 1) return std::nullopt;
    const std::vector<std::byte> bytes = gather_bytes(tensor, storages, big_endian);
    return of_view({"", tensor.dtype, {}, bytes});
  } catch (const FormatError&) {
    return std::nullopt;  // an odd tensor beside the model is not a reason to refuse the model
  }
}

// bytes, or _codecs.encode(text, 'latin1') as protocol 2 writes them.
std::optional<std::vector<std::byte>> raw_bytes(const PickleValue& value) {
  std::vector<std::byte> bytes;
  if (value.is(PickleKind::bytes)) {
    for (const char c : value.text()) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
  }
  const bool encoded = value.is(PickleKind::record) && value.known() == Known::python_value &&
                       value.name() == "encode" && value.args().size() == 2 &&
                       value.args().item(0).is(PickleKind::text);
  if (!encoded) return std::nullopt;
  const std::string_view text = value.args().item(0).text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto code = static_cast<unsigned char>(text[i]);
    if (code >= 0x80) {
      // Latin-1 beyond ASCII: two bytes of UTF-8.
      if ((code & 0xfc) != 0xc0 || i + 1 == text.size()) return std::nullopt;
      code = static_cast<unsigned char>(code << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f));
    }
    bytes.push_back(static_cast<std::byte>(code));
  }
  return bytes;
}

// numpy.core.multiarray.scalar(numpy.dtype('f8', ...), bytes)
std::optional<StoredScalar> of_numpy(const PickleValue& value) {
  constexpr std::pair<std::string_view, Dtype> kTypes[] = {
      {"f8", Dtype::f64}, {"f4", Dtype::f32}, {"f2", Dtype::f16}, {"i8", Dtype::i64},
      {"i4", Dtype::i32}, {"i2", Dtype::i16}, {"i1", Dtype::i8},  {"u8", Dtype::u64},
      {"u4", Dtype::u32}, {"u2", Dtype::u16}, {"u1", Dtype::u8},  {"b1", Dtype::boolean}};
  const PickleValue args = value.args();
  const bool formed = args.size() == 2 && args.item(0).is(PickleKind::record) &&
                      args.item(0).module() == "numpy" && args.item(0).name() == "dtype" &&
                      args.item(0).args().size() > 0 &&
                      args.item(0).args().item(0).is(PickleKind::text);
  if (!formed) return std::nullopt;
  // The state tells the byte order: (3, '<', ...).
  const auto state = args.item(0).state();
  const bool ordered = state && state->is(PickleKind::tuple) && state->size() > 1 &&
                       state->item(1).is(PickleKind::text) && state->item(1).text() != ">";
  const auto bytes = raw_bytes(args.item(1));
  if (!ordered || !bytes) return std::nullopt;
  for (const auto& [name, dtype] : kTypes)
    if (args.item(0).args().item(0).text() == name && bytes->size() == byte_count(dtype, 1))
      return of_view({"", dtype, {}, *bytes});
  return std::nullopt;
}

}  // namespace

std::optional<StoredScalar> read_scalar(const PickleValue& value, const TorchStorages& storages,
                                        bool big_endian) {
  switch (value.kind()) {
    case PickleKind::none:
      return StoredScalar{"None", std::nullopt};
    case PickleKind::boolean:
      return StoredScalar{value.describe(), value.boolean() ? 1.0 : 0.0};
    case PickleKind::integer:
      return StoredScalar{value.describe(), static_cast<double>(value.integer())};
    case PickleKind::number:
      return of_number(value.number());
    case PickleKind::text:
      return StoredScalar{printable(value.text().substr(0, kLongestText)), std::nullopt};
    case PickleKind::record:
      if (is_torch_tensor(value)) return of_tensor(value, storages, big_endian);
      if (value.name() == "scalar" && value.module().starts_with("numpy.")) return of_numpy(value);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace stockpot
