#include "stockpot/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace stockpot {
namespace {

TEST(Errors, NameTheFileFirst) {
  EXPECT_STREQ(FormatError("a/b.bin", "is empty").what(), "a/b.bin: is empty");
  EXPECT_STREQ(WriteError("out", "rename the file", EACCES).what(),
               "out: cannot rename the file: Permission denied");
}

TEST(Errors, C20_EscapeControlCharactersInFileNames) {
  EXPECT_STREQ(FormatError("\x1b]0;x\r", "is empty").what(), "\\x1b]0;x\\x0d: is empty");
}

}  // namespace
}  // namespace stockpot
