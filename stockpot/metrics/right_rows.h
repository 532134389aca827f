// Which rows of a set a model gets right: what a paired test needs, at a bit a row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stockpot/metrics/predictions.h"

namespace stockpot {

class RightRows {
 public:
  explicit RightRows(std::int64_t rows = 0);
  explicit RightRows(const std::vector<bool>& right);
  explicit RightRows(const Predictions& predictions);  // NaN is wrong

  std::int64_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  void set(std::int64_t row);
  bool operator[](std::int64_t row) const {
    return (bytes_[static_cast<std::size_t>(row / 8)] >> (row % 8) & 1) != 0;
  }
  std::int64_t count() const;
  // Rows that are set in both; as many rows as this one.
  std::int64_t count_in(const RightRows& some) const;

  // Two digits for each eight rows, the first row in the lowest bit.
  std::string hex() const;
  // Nothing for text that hex() of so many rows cannot be.
  static std::optional<RightRows> from_hex(std::string_view text, std::int64_t rows);

  bool operator==(const RightRows&) const = default;

 private:
  std::int64_t rows_ = 0;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace stockpot
