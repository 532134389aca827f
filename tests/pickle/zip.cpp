#include "stockpot/pickle/zip.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stockpot/base/file.h"
#include "tests/pickle/pickles.h"

namespace stockpot {
namespace {

std::string contents(const std::string& archive, std::string_view name) {
  const ZipArchive zip = parse_zip(bytes_of(archive), "z");
  const auto bytes = zip.checked_bytes(*zip.find(name));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Zip, FindsStoredEntriesAndChecksTheirCrc) {
  const std::string archive = make_zip({{"a/x", "123456789"}, {"a/y", ""}, {"a/z", "zz"}});
  EXPECT_EQ(contents(archive, "a/x"), "123456789");
  EXPECT_EQ(contents(archive, "a/y"), "");
  EXPECT_EQ(contents(archive, "a/z"), "zz");
  EXPECT_EQ(parse_zip(bytes_of(archive), "z").find("a/w"), nullptr);
  EXPECT_EQ(slow_crc32("123456789"), 0xCBF43926u);  // the check value of CRC-32
}

TEST(Zip, ReadsDataDescriptorsAsTorchWritesThem) {
  const std::string file = read_file(fs::path(STOCKPOT_SOURCE_DIR) /
                                     "tests/fixtures/checkpoint/torch/torch-2.x/bare.pth");
  const ZipArchive zip = parse_zip(bytes_of(file), "bare.pth");
  ASSERT_NE(zip.find("bare/data.pkl"), nullptr);
  for (const ZipEntry& entry : zip.entries()) {
    EXPECT_NO_THROW(zip.checked_bytes(entry)) << entry.name;
    if (entry.name.starts_with("bare/data/")) {
      EXPECT_EQ(entry.begin % 64, 0u) << entry.name;
    }
  }
}

TEST(Zip, AnEmptyArchiveHasNoEntries) {
  EXPECT_TRUE(parse_zip(bytes_of(make_zip({})), "z").entries().empty());
}

TEST(Zip, CompressedEntriesAreListedButNotRead) {
  const std::string archive = make_zip({{.name = "a/x", .data = "12", .method = 8, .size = 100}});
  const ZipArchive zip = parse_zip(bytes_of(archive), "z");
  EXPECT_TRUE(zip.find("a/x")->compressed);
  EXPECT_PRED2(says, message_of<FormatError>([&] { zip.bytes(zip.entries()[0]); }),
               "the zip entry 'a/x' is compressed; torch.save stores its entries");
}

TEST(Zip, EveryTruncationAndEveryFlippedByteOfTheFrameIsRefused) {
  const std::string archive = make_zip({{"a/x", "1234"}, {"a/y", "56"}});
  for (std::size_t size = 0; size < archive.size(); ++size)
    EXPECT_NE(zip_error(archive.substr(0, size)), "") << size;
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < archive.size(); ++at) {
    std::string damaged = archive;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    accepted += zip_error(damaged).empty() ? 1 : 0;
  }
  // Versions, times, attributes and the 6 bytes of data: 2 + 6 + 2 x (2 + 4) for each entry.
  EXPECT_LT(accepted, 60u);
}

TEST(Attacks, B12_BombsAndImpossibleSizesAreRefused) {
  const std::string packed(400'000, '\0');
  EXPECT_PRED2(
      says,
      zip_error(make_zip({{.name = "a/x", .data = packed, .method = 8, .size = 400'000'000}})),
      "would unpack 400 kB into 400 MB (a zip bomb?)");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "12", .size = 400'000'000}})),
               "is stored but claims 400000000 bytes in 2");
  const std::string huge = le(1, 2) + le(8, 2) + le(std::uint64_t{1} << 60, 8);
  EXPECT_PRED2(
      says, zip_error(make_zip({{.name = "a/x", .data = "12", .size = 0xffffffff, .extra = huge}})),
      "is stored but claims 1152921504606846976 bytes in 2");
}

TEST(Attacks, B13_HeadersThatDisagreeAreRefused) {
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .local_name = "a/y"}})),
               "the zip entry 'a/x' is named 'a/y' in its own header");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .flags = 0x1}})),
               "is encrypted");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .flags = 0x40}})),
               "is encrypted");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .flags = 0x20}})),
               "is a patch of another file");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .method = 99}})),
               "is packed by method 99, expected 0 (stored)");
  const std::string wrong = make_zip({{.name = "a/x", .data = "1", .crc_change = 1}});
  EXPECT_PRED2(says, message_of<FormatError>([&] { contents(wrong, "a/x"); }),
               "the bytes of the zip entry 'a/x' do not have its CRC");
  std::string flags = make_zip({{"a/x", "1"}});
  flags[6] = 2;  // of the local header alone
  EXPECT_PRED2(says, zip_error(flags), "other flags or another method in its own header");
  std::string crc = make_zip({{"a/x", "1"}});
  crc[14] ^= 1;
  EXPECT_PRED2(says, zip_error(crc), "another size or CRC in its own header");
}

TEST(Attacks, B13_ADescriptorMustRepeatTheDirectory) {
  const std::string sums = le(slow_crc32("1"), 4) + le(1, 4) + le(1, 4);
  const auto with = [](const std::string& behind) {
    return zip_error(make_zip({{.name = "a/x", .data = "1", .flags = 8, .behind = behind}}));
  };
  EXPECT_EQ(with("PK\x07\x08" + sums), "");
  EXPECT_PRED2(says, with("PK\x07\x08" + le(0, 4) + le(1, 4) + le(1, 4)),
               "another size or CRC behind its data");
  EXPECT_PRED2(says, with(""), "is followed by 0 bytes that belong to nothing, expected 16");
}

TEST(Attacks, B14_DuplicatesOverlapsAndJunkAreRefused) {
  EXPECT_PRED2(says, zip_error(make_zip({{"a/x", "1"}, {"a/x", "2"}})),
               "two zip entries are named 'a/x'");
  EXPECT_PRED2(says,
               zip_error(make_zip(
                   {{.name = "a/x", .data = "1"}, {.name = "a/y", .data = "2", .header = 0}})),
               "the zip entry 'a/");
  EXPECT_PRED2(says, zip_error(make_zip({{"a/x", "1"}}, {.before = "#!/bin/sh\n"})),
               "10 bytes come before the first zip entry");
  EXPECT_PRED2(says, zip_error(make_zip({{"a/x", "1"}}, {.after = "<html>"})),
               "does not end with its end record");
  EXPECT_PRED2(says, zip_error(make_zip({{"a/x", "1"}}, {.comment = "hello"})),
               "does not end with its end record");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .comment = "hello"}})),
               "carries a comment");
  EXPECT_PRED2(says, zip_error(make_zip({{.name = "a/x", .data = "1", .behind = "hidden"}})),
               "is followed by 6 bytes that belong to nothing");
  const std::string one = make_zip({{"a/x", "1"}});
  EXPECT_PRED2(says, zip_error(one + one.substr(one.size() - 22)),
               "the zip directory does not end where the end record begins");
  EXPECT_PRED2(says, zip_error(make_zip({{"a/x", "1"}}, {.count_change = -1})),
               "holds more than its 0 entries");
}

TEST(Attacks, B14_Zip64RecordsMustAgreeWithTheClassicOnes) {
  const std::string archive = make_zip({{"a/x", "1"}});
  const std::size_t end = archive.size() - 22;
  const std::uint64_t directory = 30 + 3 + 1;
  const auto with = [&](std::uint64_t count, std::uint64_t size, std::uint64_t begin,
                        std::uint64_t place) {
    const std::string record = "PK\x06\x06" + le(44, 8) + le(0, 4) + le(0, 8) + le(count, 8) +
                               le(count, 8) + le(size, 8) + le(begin, 8);
    const std::string locator = "PK\x06\x07" + le(0, 4) + le(place, 8) + le(1, 4);
    return zip_error(archive.substr(0, end) + record + locator + archive.substr(end));
  };
  EXPECT_EQ(with(1, end - directory, directory, end), "");
  EXPECT_PRED2(says, with(2, end - directory, directory, end),
               "end records of the zip archive disagree");
  EXPECT_PRED2(says, with(1, end - directory, 1, end), "end records of the zip archive disagree");
  EXPECT_PRED2(says, with(1, end - directory, directory, 3),
               "the zip64 end record is not where the file ends");
  EXPECT_PRED2(says, with(1, end - directory, directory, ~std::uint64_t{0}),
               "the zip64 end record is not where the file ends");
}

TEST(Attacks, B15_NamesThatLeadOutOfTheArchiveAreRefused) {
  const auto named = [](const std::string& name) { return zip_error(make_zip({{name, "1"}})); };
  EXPECT_PRED2(says, named("/etc/passwd"), "is absolute");
  EXPECT_PRED2(says, named("C:/x"), "is absolute");
  EXPECT_PRED2(says, named("a/../../x"), "leads out of the archive");
  EXPECT_PRED2(says, named(".."), "leads out of the archive");
  EXPECT_PRED2(says, named("a\\x"), "has a backslash");
  EXPECT_PRED2(says, named("a/x\0y"s), "has a NUL");
  EXPECT_PRED2(says, named(std::string(60'000, 'a')), "is longer than 1024 bytes");
  EXPECT_PRED2(says, named("a/\xff"), "is not UTF-8");
  EXPECT_EQ(named("a/..x"), "");
}

TEST(Attacks, B15_ACountOfTenMillionEntriesIsRefusedBeforeAnyAllocation) {
  const std::string record = "PK\x06\x06" + le(44, 8) + le(0, 4) + le(0, 8) + le(10'000'000, 8) +
                             le(10'000'000, 8) + le(0, 8) + le(0, 8);
  const std::string locator = "PK\x06\x07" + le(0, 4) + le(0, 8) + le(1, 4);
  const std::string end =
      "PK\x05\x06" + le(0, 4) + le(0xffff, 2) + le(0xffff, 2) + le(0, 4) + le(0, 4) + le(0, 2);
  EXPECT_PRED2(says, zip_error(record + locator + end), "claims 10000000 entries");
}

}  // namespace
}  // namespace stockpot
