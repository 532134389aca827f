// Text measured in cells of a terminal: what a column's width means.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

// Cells that well-formed UTF-8 takes: 2 for East Asian wide characters and emoji, 0 for
// combining marks, 1 for the rest.
std::size_t cells(std::string_view text);

// Spaces added before or after, up to `width` cells.
std::string pad_left(std::string_view text, std::size_t width);
std::string pad_right(std::string_view text, std::size_t width);

// At most `width` cells (1 or more), the end replaced by "…" where text is left out.
std::string shorten(std::string_view text, std::size_t width);

// Lines of at most `width` cells, broken at spaces; a longer word stays whole.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace stockpot
