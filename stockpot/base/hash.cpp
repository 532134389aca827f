#include "stockpot/base/hash.h"

#include <libdeflate.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "stockpot/base/file.h"

namespace stockpot {
namespace {

using Digest = std::array<unsigned char, 32>;

// SHA-256 in memory has no other way to fail.
void require(int result) {
  if (result != 1) throw std::bad_alloc();
}

std::string hexadecimal(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string sha256(std::span<const std::byte> bytes) {
  Digest digest;
  require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr));
  return hexadecimal(digest);
}

std::string sha256(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

std::string sha256_of_file(const std::filesystem::path& file) {
  constexpr std::size_t kPiece = std::size_t{1} << 22;
  const MappedFile map(file);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  if (!context) throw std::bad_alloc();
  require(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr));
  const std::span<const std::byte> bytes = map.bytes();
  for (std::size_t first = 0; first < bytes.size(); first += kPiece) {
    const auto piece = bytes.subspan(first, std::min(kPiece, bytes.size() - first));
    require(EVP_DigestUpdate(context.get(), piece.data(), piece.size()));
    release_pages(piece);
  }
  Digest digest;
  require(EVP_DigestFinal_ex(context.get(), digest.data(), nullptr));
  return hexadecimal(digest);
}

std::uint32_t crc32_of(std::span<const std::byte> bytes) {
  return libdeflate_crc32(0, bytes.data(), bytes.size());
}

}  // namespace stockpot
