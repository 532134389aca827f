// The contents of a .gz file, with the checksum and the length behind them verified: libarchive's
// own filter does not look at these. Internal to this room.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace stockpot {

class Gunzip {
 public:
  static bool is_gzip(std::span<const std::byte> file);

  // `file` must outlive this.
  explicit Gunzip(std::span<const std::byte> file);
  ~Gunzip() { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;

  // The next part of the contents, which holds until the next call; nothing at the end, and when
  // problem() says what is wrong. Several gzip members are one text; what follows the last one is
  // not looked at.
  std::span<const std::byte> next();
  const std::string& problem() const { return problem_; }  // "": none

 private:
  void refill();

  std::span<const std::byte> left_;  // of the file, not yet given to zlib
  std::vector<std::byte> part_;
  z_stream stream_{};
  bool at_end_ = false;
  std::string problem_;
};

}  // namespace stockpot
