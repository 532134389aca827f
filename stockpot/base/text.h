// Small text pieces that the C++ library of g++ 12 lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

// printf-style number formatting without iostreams: fixed(0.12345, 2) == "0.12".
std::string fixed(double value, int decimals);
// Shortest decimal text that reads back to the same double: 1e-05, 0.1, 3.
std::string shortest(double value);
// At most `digits` significant digits: significant(0.00024237, 3) == "0.000242".
std::string significant(double value, int digits);
// "1.25 MB", decimal units as safetensors and transformers count them.
std::string human_bytes(std::uint64_t bytes);
// The other way: "64M", "5GB", "6GiB", "1.5 GB", "4096" (K, M, G and T count in thousands, Ki,
// Mi, Gi and Ti in 1024s). Nothing for other text or what does not fit 63 bits.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
// "2.5 s", "45 s", "2 min 5 s", "1 h 3 min".
std::string human_duration(double seconds);
// 12345678 -> "12,345,678".
std::string grouped(std::int64_t value);

std::string join(std::span<const std::string> parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower_ascii(std::string_view text);

// Text that came from a file, made safe to print: control characters, bidi controls and
// invalid UTF-8 become \xNN or \u{NNNN}.
std::string printable(std::string_view untrusted);
std::string escape_html(std::string_view untrusted);

// The candidate nearest to `word` by edit distance, or "" when none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// True when `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

}  // namespace stockpot
