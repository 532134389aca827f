// What a file that is no safetensors file really is: people meet these under the name
// model.safetensors.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace stockpot {

// "a Git-LFS pointer: ..." with advice after the colon; "" when nothing is recognised. Looks
// at the first bytes only and must be asked only about files that failed to parse.
std::string_view recognise(std::span<const std::byte> bytes);

}  // namespace stockpot
