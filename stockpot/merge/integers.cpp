#include "stockpot/merge/integers.h"

#include <algorithm>
#include <cassert>

#include "stockpot/checkpoint/float_bits.h"

namespace stockpot {
namespace {

template <typename Integer>
void largest(std::span<const TensorView* const> models, std::size_t offset,
             std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(Integer); ++i) {
    Integer value = load<Integer>(models.front()->bytes.data() + offset, i);
    for (const TensorView* model : models.subspan(1))
      value = std::max(value, load<Integer>(model->bytes.data() + offset, i));
    store(bytes.data(), i, value);
  }
}

}  // namespace

void largest_integers(std::span<const TensorView* const> models, std::int64_t first,
                      std::span<std::byte> bytes) {
  const Dtype dtype = models.front()->dtype;
  const std::size_t offset = byte_count(dtype, first);
  switch (dtype) {
    case Dtype::i8:
      return largest<std::int8_t>(models, offset, bytes);
    case Dtype::i16:
      return largest<std::int16_t>(models, offset, bytes);
    case Dtype::i32:
      return largest<std::int32_t>(models, offset, bytes);
    case Dtype::i64:
      return largest<std::int64_t>(models, offset, bytes);
    case Dtype::u16:
      return largest<std::uint16_t>(models, offset, bytes);
    case Dtype::u32:
      return largest<std::uint32_t>(models, offset, bytes);
    case Dtype::u64:
      return largest<std::uint64_t>(models, offset, bytes);
    default:
      assert(dtype == Dtype::boolean || dtype == Dtype::u8);
      return largest<std::uint8_t>(models, offset, bytes);
  }
}

}  // namespace stockpot
