#include "stockpot/base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

namespace stockpot {
namespace {

TEST(Text, FixedRoundsToTheGivenDecimals) {
  EXPECT_EQ(fixed(0.12345, 2), "0.12");
  EXPECT_EQ(fixed(-1.5, 0), "-2");
  EXPECT_EQ(fixed(std::numeric_limits<double>::max(), 1).size(), 311u);
  EXPECT_EQ(fixed(std::nan(""), 2), "nan");
}

TEST(Text, KeepsOnlyTheSignificantDigits) {
  EXPECT_EQ(significant(0.00024237087, 3), "0.000242");
  EXPECT_EQ(significant(3e-05, 3), "3e-05");
  EXPECT_EQ(significant(0.5, 3), "0.5");
}

TEST(Text, ShortestReadsBackToTheSameDouble) {
  EXPECT_EQ(shortest(1e-5), "1e-05");
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(3), "3");
  EXPECT_EQ(shortest(100000), "100000");
  EXPECT_EQ(shortest(1e16), "1e+16");
  EXPECT_EQ(shortest(0.0001), "0.0001");
  for (const double value : {1.0 / 3, 5e-324, 1.7976931348623157e308, -2.5e-7, 123456.789}) {
    EXPECT_EQ(std::strtod(shortest(value).c_str(), nullptr), value);
  }
}

TEST(Text, CountsBytesInDecimalUnits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1'250'000), "1.25 MB");
  EXPECT_EQ(human_bytes(12'500'000), "12.5 MB");
  EXPECT_EQ(human_bytes(353'000'000), "353 MB");
  EXPECT_EQ(human_bytes(999'999), "1.00 MB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "18.4 EB");
}

TEST(Text, ShowsDurationsInTwoUnits) {
  EXPECT_EQ(human_duration(0.04), "0.0 s");
  EXPECT_EQ(human_duration(2.5), "2.5 s");
  EXPECT_EQ(human_duration(45), "45 s");
  EXPECT_EQ(human_duration(125), "2 min 5 s");
  EXPECT_EQ(human_duration(3780), "1 h 3 min");
  EXPECT_EQ(human_duration(90000), "1 d 1 h");
  EXPECT_EQ(human_duration(-1), "0.0 s");
  EXPECT_EQ(human_duration(INFINITY), "unknown");
}

TEST(Text, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(grouped(12345678), "12,345,678");
  EXPECT_EQ(grouped(-1000), "-1,000");
  EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Text, JoinsSplitsAndTrims) {
  const std::vector<std::string> parts = {"a", "", "b"};
  EXPECT_EQ(join(parts, ", "), "a, , b");
  EXPECT_EQ(split("a,,b", ','), parts);
  EXPECT_EQ(split("", ','), std::vector<std::string>{""});
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" "), "");
  EXPECT_EQ(lower_ascii("AZ\xC3\x84z"), "az\xC3\x84z");
}

TEST(Text, C20_PrintableShowsWhatATerminalWouldObey) {
  EXPECT_EQ(printable("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(printable("a\x1b[2J\n\x7f"), "a\\x1b[2J\\x0a\\x7f");
  EXPECT_EQ(printable("\xC2\x9b"), "\\u{009b}");            // a one-character ESC [
  EXPECT_EQ(printable("\xE2\x80\xAEtxt"), "\\u{202e}txt");  // right-to-left override
  EXPECT_EQ(printable("\xEF\xBB\xBFx"), "\\u{feff}x");      // byte order mark
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Text, C07_PrintableShowsInvalidUtf8ByteByByte) {
  EXPECT_EQ(printable("\xC3(\xFF"), "\\xc3(\\xff");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // a surrogate
}

TEST(Text, C19_EscapeHtmlLeavesNoMarkup) {
  EXPECT_EQ(escape_html("<script>alert('1')</script> & \"x\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;");
  EXPECT_EQ(escape_html("a\n\tb\r\xFF"), "a\n\tb\\x0d\\xff");
}

TEST(Text, NearestForgivesOneSlipInThreeLetters) {
  const std::vector<std::string> flags = {"epochs", "seed", "learning_rate"};
  EXPECT_EQ(nearest("epcohs", flags), "epochs");
  EXPECT_EQ(nearest("Seed", flags), "seed");
  EXPECT_EQ(nearest("sede", flags), "seed");
  EXPECT_EQ(nearest("learningrate", flags), "learning_rate");
  EXPECT_EQ(nearest("lr", flags), "");
  EXPECT_EQ(nearest("", flags), "");
  EXPECT_EQ(nearest(std::string(1000, 'x'), flags), "");
}

TEST(Text, A06_IsUtf8RefusesOverlongFormsAndSurrogates) {
  for (const char* good :
       {"", "a", "\xC2\x80", "\xE0\xA0\x80", "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << printable(good);
  }
  for (const char* bad :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC2", "\xE1\x80", "\xF1\x80\x80"}) {
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
  }
}

}  // namespace
}  // namespace stockpot
