#include "stockpot/data/gunzip.h"

#include <algorithm>
#include <new>

namespace stockpot {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 18;       // of the contents
constexpr std::size_t kMostInput = std::size_t{1} << 20;  // zlib counts in 32 bits

}  // namespace

bool Gunzip::is_gzip(std::span<const std::byte> file) {
  return file.size() >= 2 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b};
}

Gunzip::Gunzip(std::span<const std::byte> file) : left_(file), part_(kPart) {
  constexpr int kGzipOnly = 16;
  if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
}

void Gunzip::refill() {
  if (stream_.avail_in > 0) return;
  const std::span<const std::byte> input = left_.first(std::min(left_.size(), kMostInput));
  // zlib's older interface is not const, but it does not write here.
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
  stream_.avail_in = static_cast<uInt>(input.size());
  left_ = left_.subspan(input.size());
}

std::span<const std::byte> Gunzip::next() {
  stream_.next_out = reinterpret_cast<Bytef*>(part_.data());
  stream_.avail_out = static_cast<uInt>(part_.size());
  while (!at_end_ && problem_.empty() && stream_.avail_out > 0) {
    refill();
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      const std::byte* rest = reinterpret_cast<const std::byte*>(stream_.next_in);
      const std::size_t size = stream_.avail_in + left_.size();  // one piece of the file
      at_end_ = !is_gzip({rest, size});
      inflateReset(&stream_);
    } else if (result == Z_BUF_ERROR) {
      problem_ = "truncated gzip data";
    } else if (result != Z_OK) {
      problem_ = std::string("damaged gzip data: ") + (stream_.msg ? stream_.msg : "unknown error");
    }
  }
  if (!problem_.empty()) return {};
  return std::span(part_).first(part_.size() - stream_.avail_out);
}

}  // namespace stockpot
