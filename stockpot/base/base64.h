// Base64 (RFC 4648), for pictures inside HTML.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace stockpot {

std::string base64(std::span<const std::byte> bytes);

}  // namespace stockpot
