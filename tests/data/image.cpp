#include "stockpot/data/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "stockpot/base/error.h"
#include "tests/data/picture.h"

namespace stockpot {
namespace {

using test::bytes_of;
using test::fixture_bytes;

Image decode(const std::string& file) { return decode_image(bytes_of(file), "x.img"); }

// The message of the FormatError that decoding throws, or "" when it throws none.
std::string refusal(const std::string& file) {
  try {
    decode(file);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string picture(const std::string& name) { return fixture_bytes("images/" + name); }

struct Expected {
  std::string name, digest;
  int height = 0, width = 0;
  bool readable = false;
};

std::vector<Expected> expected_images() {
  std::vector<Expected> images;
  for (const auto& row : test::fixture_rows("images.tsv"))
    images.push_back({row.at(0), row.at(3), std::stoi(row.at(1)), std::stoi(row.at(2)),
                      row.at(3) != "None" && row.at(0) != "animated.webp"});
  return images;
}

TEST(Image, C05_EveryKindEqualsPillowsConvertRgb) {
  for (const Expected& expected : expected_images()) {
    if (!expected.readable) continue;
    SCOPED_TRACE(expected.name);
    Image image;
    ASSERT_NO_THROW(image = decode(picture(expected.name)));
    EXPECT_EQ(image.height, expected.height);
    EXPECT_EQ(image.width, expected.width);
    EXPECT_EQ(test::digest(image), expected.digest);
  }
}

TEST(Image, C04_APrefixIsReadExactlyWhenPillowReadsIt) {
  for (const auto& row : test::fixture_rows("images.tsv")) {
    const std::string file = picture(row.at(0));
    const bool whole_is_readable = row.at(3) != "None" && row.at(0) != "animated.webp";
    const std::size_t first = whole_is_readable ? std::stoul(row.at(4)) : file.size();
    SCOPED_TRACE(row.at(0));
    for (std::size_t size = 0; size < file.size(); ++size) {
      const std::string problem = refusal(file.substr(0, size));
      if (size >= first) {
        EXPECT_EQ(problem, "") << size;
      } else {
        EXPECT_TRUE(problem.starts_with("x.img: ")) << size << " " << problem;
      }
    }
  }
}

TEST(Image, C04_SaysThatAFileIsTruncated) {
  for (const std::string name : {"420.jpg", "progressive.jpg", "rgb_8.png", "lossy.webp"}) {
    const std::string file = picture(name);
    EXPECT_TRUE(contains(refusal(file.substr(0, file.size() / 2)), "truncated")) << name;
  }
}

TEST(Image, AMissingEndMarkerCountsAsTruncatedAsInPillow) {
  EXPECT_TRUE(contains(refusal(picture("no_end_marker.jpg")), "truncated"));
}

TEST(Image, AnAnimatedWebpIsRefusedByName) {
  EXPECT_EQ(refusal(picture("animated.webp")),
            "x.img: an animated WebP; only still pictures are read");
}

TEST(Image, C06_OtherFilesAreRefusedByTheirFirstBytes) {
  EXPECT_EQ(refusal(""), "x.img: the file is empty");
  EXPECT_TRUE(contains(refusal("just text, no image"), "not an image"));
  EXPECT_TRUE(contains(refusal(std::string(100, '\0')), "not an image"));
  EXPECT_TRUE(contains(refusal("GIF89a" + std::string(50, 'x')), "a GIF file"));
  EXPECT_TRUE(contains(refusal("BM" + std::string(50, 'x')), "a BMP file"));
}

void patch(std::string& file, std::size_t at, std::initializer_list<int> bytes) {
  for (const int byte : bytes) file.at(at++) = static_cast<char>(byte);
}

TEST(Image, C01_GiantDimensionsAreRefusedFromTheHeader) {
  std::string png = picture("rgb_8.png");
  patch(png, 16, {0x00, 0x01, 0x86, 0xa0, 0x00, 0x01, 0x86, 0xa0});
  EXPECT_EQ(refusal(png), "x.img: claims 100000 x 100000 pixels; at most 89,478,485 are read");
  patch(png, 16, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  EXPECT_TRUE(contains(refusal(png), "at most 89,478,485"));

  std::string jpeg = picture("420.jpg");
  patch(jpeg, jpeg.find("\xff\xc0") + 5, {0xff, 0xdc, 0xff, 0xdc});
  EXPECT_EQ(refusal(jpeg), "x.img: claims 65500 x 65500 pixels; at most 89,478,485 are read");

  std::string webp = picture("lossy.webp");
  patch(webp, webp.find("\x9d\x01\x2a") + 3, {0xff, 0x3f, 0xff, 0x3f});
  EXPECT_EQ(refusal(webp), "x.img: claims 16383 x 16383 pixels; at most 89,478,485 are read");
}

TEST(Image, AnImageWithoutPixelsIsRefused) {
  std::string png = picture("rgb_8.png");
  patch(png, 16, {0, 0, 0, 0});
  EXPECT_EQ(refusal(png), "x.img: the image has no pixels");
}

TEST(Image, C03_MoreThanAThousandScansAreRefusedQuickly) {
  const std::string file = picture("progressive.jpg");
  const std::size_t last_scan = file.rfind("\xff\xda"), end = file.rfind("\xff\xd9");
  std::string scans;
  for (int i = 0; i < 10'000; ++i) scans += file.substr(last_scan, end - last_scan);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(file.substr(0, end) + scans + file.substr(end)),
            "x.img: a JPEG of more than 1000 scans");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

// Chunks whose checksums do not matter: they are skipped before anything looks at them.
TEST(Image, C02_PngTextAndProfilesAreNeverInflated) {
  const std::string file = picture("rgb_8.png");
  using namespace std::string_literals;
  const std::string bomb = "\0\0\0\x10zTXtname\0\0 not zlib.\0\0\0\0"s;
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += bomb;
  const auto start = std::chrono::steady_clock::now();
  const std::string with_bombs = file.substr(0, 33) + many + file.substr(33);
  EXPECT_EQ(test::digest(decode(with_bombs)), test::digest(decode(file)));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

// Where the four or eight bytes of the size are: damage there is legal and may ask for
// hundreds of megabytes, which takes long.
std::pair<std::size_t, std::size_t> size_bytes(const std::string& name, const std::string& file) {
  if (name.ends_with("png")) return {16, 24};
  if (name.ends_with("webp")) return {0, 0};
  const std::size_t frame = std::min(file.find("\xff\xc0"), file.find("\xff\xc2"));
  return {frame + 5, frame + 9};
}

TEST(Image, ADamagedByteNeverCrashesTheDecoders) {
  for (const std::string name : {"420.jpg", "progressive.jpg", "ycck.jpg", "rgba_8_interlaced.png",
                                 "palette_4.png", "lossy_alpha.webp", "lossless.webp"}) {
    const std::string file = picture(name);
    const auto [begin, end] = size_bytes(name, file);
    for (std::size_t at = 0; at < file.size(); ++at) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(~damaged[at]);
      if (at < begin || at >= end) refusal(damaged);
    }
  }
}

TEST(Image, EncodedPngDecodesToTheSamePixels) {
  const Image image = test::formula(19, 31);
  const std::vector<std::byte> file = encode_png(image);
  const Image back = decode_image(file, "memory");
  EXPECT_EQ(back.height, 19);
  EXPECT_EQ(back.width, 31);
  EXPECT_EQ(back.rgb, image.rgb);
}

}  // namespace
}  // namespace stockpot
