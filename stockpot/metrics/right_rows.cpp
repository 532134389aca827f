#include "stockpot/metrics/right_rows.h"

#include <bit>
#include <cassert>

#include "stockpot/metrics/confusion.h"

namespace stockpot {

RightRows::RightRows(std::int64_t rows)
    : rows_(rows), bytes_(static_cast<std::size_t>((rows + 7) / 8)) {}

RightRows::RightRows(const std::vector<bool>& right)
    : RightRows(static_cast<std::int64_t>(right.size())) {
  for (std::size_t i = 0; i < right.size(); ++i)
    if (right[i]) set(static_cast<std::int64_t>(i));
}

RightRows::RightRows(const Predictions& predictions) : RightRows(predictions.rows()) {
  for (std::int64_t i = 0; i < rows_; ++i)
    if (said_class(predictions.row(i)) == predictions.labels[static_cast<std::size_t>(i)]) set(i);
}

void RightRows::set(std::int64_t row) {
  bytes_[static_cast<std::size_t>(row / 8)] |= static_cast<std::uint8_t>(1 << (row % 8));
}

std::int64_t RightRows::count() const {
  std::int64_t sum = 0;
  for (const std::uint8_t byte : bytes_) sum += std::popcount(byte);
  return sum;
}

std::int64_t RightRows::count_in(const RightRows& some) const {
  assert(some.rows_ == rows_);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < bytes_.size(); ++i)
    sum += std::popcount(static_cast<std::uint8_t>(bytes_[i] & some.bytes_[i]));
  return sum;
}

std::string RightRows::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes_) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<RightRows> RightRows::from_hex(std::string_view text, std::int64_t rows) {
  if (rows < 0 || text.size() != 2 * static_cast<std::size_t>((rows + 7) / 8)) return std::nullopt;
  RightRows right(rows);
  for (std::size_t i = 0; i < text.size(); ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::size_t digit = kDigits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    right.bytes_[i / 2] |= static_cast<std::uint8_t>(digit << (i % 2 == 0 ? 4 : 0));
  }
  // Bits past the last row would be counted.
  if (rows % 8 != 0 && right.bytes_.back() >> (rows % 8) != 0) return std::nullopt;
  return right;
}

}  // namespace stockpot
