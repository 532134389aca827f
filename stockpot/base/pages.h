// Letting go of the memory behind several pieces of mapped files at once.
#pragma once

#include <cstddef>
#include <span>

namespace stockpot {

// release_pages() (base/file.h) for each piece, in one system call where the kernel has such: every
// call interrupts the other threads of the process.
void release_pages(std::span<const std::span<const std::byte>> pieces, std::size_t margin = 0);

}  // namespace stockpot
