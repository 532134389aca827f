#include "stockpot/evaluator/npy.h"

#include <gtest/gtest.h>

#include "../base/message_of.h"
#include "../base/temporary_folder.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

namespace fs = std::filesystem;

fs::path fixture(const std::string& name) {
  return fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/evaluator" / name;
}

TEST(Npy, ReadsWhatNumpySaves) {
  EXPECT_EQ(read_npy(fixture("bool.npy"), 100).values, (std::vector<double>{1, 0, 1, 1}));
  EXPECT_EQ(read_npy(fixture("int64.npy"), 100).values, (std::vector<double>{-3, 0, 1 << 20}));
  const NpyArray table = read_npy(fixture("float32.npy"), 100);
  EXPECT_EQ(table.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(table.values, (std::vector<double>{0.5, -1, 2, 3, 4, 5}));
  EXPECT_EQ(read_npy(fixture("version2.npy"), 100).values, (std::vector<double>{1.5}));
  EXPECT_EQ(read_npy(fixture("scalar.npy"), 100).shape, (std::vector<std::int64_t>{}));
}

TEST(Npy, RefusesWhatItDoesNotRead) {
  const auto message = [](const fs::path& file, std::int64_t limit = 100) {
    return message_of<FormatError>([&] { read_npy(file, limit); });
  };
  EXPECT_NE(message(fixture("fortran.npy")).find("Fortran order"), std::string::npos);
  EXPECT_NE(message(fixture("object.npy")).find("type '|O'"), std::string::npos);
  EXPECT_NE(message(fixture("big_endian.npy")).find("type '>f4'"), std::string::npos);
  EXPECT_NE(message(fixture("int64.npy"), 2).find("more than 2 values"), std::string::npos);
}

TEST(Npy, RefusesDamagedFiles) {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& bytes) {
    return message_of<FormatError>([&] { read_npy(folder.put("x.npy", bytes), 1000); });
  };
  const auto with_shape = [](const std::string& shape) {
    const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }";
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) +
           std::string(1, '\0') + header;
  };
  EXPECT_NE(message("hello, this is text").find("is no array of numpy.save"), std::string::npos);
  EXPECT_NE(message("").find("is no array"), std::string::npos);
  EXPECT_NE(message(std::string("\x93NUMPY\x01\x00\xff\xff{}", 12)).find("cut off"),
            std::string::npos);
  EXPECT_NE(message(std::string("\x93NUMPY\x09\x00\x02\x00{}", 12)).find("unknown version"),
            std::string::npos);
  EXPECT_NE(
      message(with_shape("(2,)") + "12345678").find("has 8 bytes of values, its shape needs 16"),
      std::string::npos);
  EXPECT_NE(message(with_shape("(4611686018427387904, 4)")).find("more than 1,000 values"),
            std::string::npos);
  for (const char* shape : {"(-1,)", "3", "(a,)", "(1, 1, 1)", "(99999999999999999999,)"})
    EXPECT_NE(message(with_shape(shape) + "12345678").find("is none of an array"),
              std::string::npos)
        << shape;
}

}  // namespace
}  // namespace stockpot
