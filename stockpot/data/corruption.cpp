#include "stockpot/data/corruption.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/random.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

struct Row {
  std::string_view name;
  std::array<double, kSeverities> constants;
};

constexpr std::array<Row, 7> kRows = {{
    {"gaussian_noise", {0.04, 0.06, 0.08, 0.09, 0.10}},
    {"shot_noise", {500, 250, 100, 75, 50}},
    {"impulse_noise", {0.01, 0.02, 0.03, 0.05, 0.07}},
    {"gaussian_blur", {0.4, 0.6, 0.7, 0.8, 1}},
    {"contrast", {0.75, 0.5, 0.4, 0.3, 0.15}},
    {"brightness", {0.05, 0.1, 0.15, 0.2, 0.3}},
    {"jpeg", {80, 65, 58, 50, 40}},
}};

const Row& row_of(CorruptionKind kind) { return kRows[static_cast<std::size_t>(kind)]; }

// [0, 1] to 8 bits. The original truncates, too.
std::uint8_t byte_of(double value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0, 1.0) * 255);
}

// 64 bits of a cryptographic hash: ids that differ in one letter have independent streams.
std::uint64_t number_of(const std::string& id) {
  return std::stoull(sha256(id).substr(0, 16), nullptr, 16);
}

void add_gaussian_noise(Image& image, double deviation, RandomStream random) {
  for (std::uint8_t& value : image.rgb)
    value = byte_of(value / 255.0 + deviation * random.normal());
}

// The distribution of Poisson counts for every 8-bit value, to be inverted.
class PoissonTable {
 public:
  explicit PoissonTable(double photons) {
    for (std::size_t value = 0; value < sums_.size(); ++value) {
      const double mean = static_cast<double>(value) / 255 * photons;
      double probability = std::exp(-mean), sum = probability;  // mean <= 500: no underflow
      std::vector<double>& sums = sums_[value];
      sums.push_back(sum);
      // What is left beyond is less than a double can tell from 1.
      for (int k = 1; sum < 1 && k < mean + 12 * std::sqrt(mean) + 40; ++k) {
        probability *= mean / k;
        sums.push_back(sum += probability);
      }
    }
  }

  double count(std::uint8_t value, double uniform) const {
    const std::vector<double>& sums = sums_[value];
    return static_cast<double>(std::upper_bound(sums.begin(), sums.end() - 1, uniform) -
                               sums.begin());
  }

 private:
  std::array<std::vector<double>, 256> sums_;
};

const PoissonTable& poisson_table(int severity) {
  static const std::array<PoissonTable, kSeverities> tables = [] {
    const auto& photons = row_of(CorruptionKind::shot_noise).constants;
    return std::array<PoissonTable, kSeverities>{PoissonTable(photons[0]), PoissonTable(photons[1]),
                                                 PoissonTable(photons[2]), PoissonTable(photons[3]),
                                                 PoissonTable(photons[4])};
  }();
  return tables[static_cast<std::size_t>(severity - 1)];
}

void add_shot_noise(Image& image, double photons, int severity, RandomStream random) {
  const PoissonTable& table = poisson_table(severity);
  for (std::uint8_t& value : image.rgb)
    value = byte_of(table.count(value, random.uniform()) / photons);
}

// Untouched values pass through doubles and are cut off like all others.
void add_impulse_noise(Image& image, double share, RandomStream random) {
  for (std::uint8_t& value : image.rgb) {
    const bool hit = random.uniform() < share, white = random.uniform() < 0.5;
    value = hit ? (white ? 255 : 0) : byte_of(value / 255.0);
  }
}

// One axis of scipy.ndimage.gaussian_filter(mode="nearest", truncate=4). Values lie `step` apart
// along the axis.
void blur_line(std::vector<double>& line, const std::vector<double>& weights, double* first,
               std::size_t count, std::size_t step) {
  const auto radius = static_cast<std::ptrdiff_t>(weights.size()) - 1;
  const auto last = static_cast<std::ptrdiff_t>(count) - 1;
  line.resize(count);
  for (std::size_t i = 0; i < count; ++i) line[i] = first[i * step];
  const auto at = [&](std::ptrdiff_t i) {
    return line[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(i, 0, last))];
  };
  for (std::ptrdiff_t i = 0; i <= last; ++i) {
    double sum = weights[0] * at(i);
    for (std::ptrdiff_t k = radius; k >= 1; --k)
      sum += weights[static_cast<std::size_t>(k)] * (at(i - k) + at(i + k));
    first[static_cast<std::size_t>(i) * step] = sum;
  }
}

void blur(Image& image, double deviation) {
  const int radius = static_cast<int>(4 * deviation + 0.5);
  std::vector<double> weights;
  double sum = 0;
  for (int k = 0; k <= radius; ++k) {
    weights.push_back(std::exp(-0.5 * k * k / (deviation * deviation)));
    sum += (k ? 2 : 1) * weights.back();
  }
  for (double& weight : weights) weight /= sum;
  const auto height = static_cast<std::size_t>(image.height);
  const auto width = static_cast<std::size_t>(image.width);
  std::vector<double> values(image.rgb.size()), line;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = image.rgb[i] / 255.0;
  for (std::size_t i = 0; i < 3 * width; ++i)
    blur_line(line, weights, &values[i], height, 3 * width);
  for (std::size_t y = 0; y < height; ++y)
    for (std::size_t c = 0; c < 3; ++c)
      blur_line(line, weights, &values[3 * width * y + c], width, 3);
  for (std::size_t i = 0; i < values.size(); ++i) image.rgb[i] = byte_of(values[i]);
}

void lower_contrast(Image& image, double factor) {
  std::array<double, 3> means{};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) means[i % 3] += image.rgb[i] / 255.0;
  for (double& mean : means) mean /= static_cast<double>(image.rgb.size() / 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = byte_of((image.rgb[i] / 255.0 - means[i % 3]) * factor + means[i % 3]);
}

// V of HSV is the largest channel, and with hue and saturation kept all channels grow alike.
void brighten(Image& image, double amount) {
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    std::uint8_t* rgb = &image.rgb[i];
    const std::uint8_t largest = std::max({rgb[0], rgb[1], rgb[2]});
    const double before = largest / 255.0, after = std::min(before + amount, 1.0);
    for (int c = 0; c < 3; ++c)
      rgb[c] = byte_of(rgb[c] == largest ? after : rgb[c] / 255.0 * (after / before));
  }
}

void check_jpeg_size(const Image& image, const std::string& id) {
  constexpr int kLongestSide = 65500;  // of libjpeg
  if (std::max(image.height, image.width) > kLongestSide)
    throw FormatError(printable(id), "has " + std::to_string(image.width) + " x " +
                                         std::to_string(image.height) +
                                         " pixels; a JPEG has at most 65,500 on a side");
}

}  // namespace

std::vector<std::string> corruption_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  return names;
}

std::vector<Corruption> parse_corruption(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const auto row =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& one) { return one.name == name; });
  if (row == kRows.end()) {
    const std::vector<std::string> names = corruption_names();
    const std::string near = nearest(name, names);
    throw UsageError("there is no corruption '" + printable(name) + "'" +
                     (near.empty() ? "." : "; did you mean '" + near + "'?") +
                     " Known: " + join(names, ", "));
  }
  const auto kind = static_cast<CorruptionKind>(row - kRows.begin());
  std::vector<Corruption> all;
  if (colon == std::string::npos) {
    for (int severity = 1; severity <= kSeverities; ++severity) all.push_back({kind, severity});
    return all;
  }
  const std::string severity = text.substr(colon + 1);
  if (severity.size() != 1 || severity[0] < '1' || severity[0] > '0' + kSeverities)
    throw UsageError("the severity of a corruption is 1 to 5, as in " + name + ":3; found '" +
                     printable(severity) + "'");
  return {{kind, severity[0] - '0'}};
}

std::string to_text(const Corruption& corruption) {
  return std::string(row_of(corruption.kind).name) + ":" + std::to_string(corruption.severity);
}

Image corrupt(const Image& image, const Corruption& corruption, const std::string& id) {
  const double constant =
      row_of(corruption.kind).constants[static_cast<std::size_t>(corruption.severity - 1)];
  // One stream a kind and severity: pictures of different severity do not share their noise.
  const auto stream = static_cast<std::uint64_t>(corruption.kind) * 8 +
                      static_cast<std::uint64_t>(corruption.severity);
  const auto random = [&] { return RandomStream(0, Purpose::corruption, stream, number_of(id)); };
  Image out = image;
  switch (corruption.kind) {
    case CorruptionKind::gaussian_noise:
      add_gaussian_noise(out, constant, random());
      break;
    case CorruptionKind::shot_noise:
      add_shot_noise(out, constant, corruption.severity, random());
      break;
    case CorruptionKind::impulse_noise:
      add_impulse_noise(out, constant, random());
      break;
    case CorruptionKind::gaussian_blur:
      blur(out, constant);
      break;
    case CorruptionKind::contrast:
      lower_contrast(out, constant);
      break;
    case CorruptionKind::brightness:
      brighten(out, constant);
      break;
    case CorruptionKind::jpeg:
      check_jpeg_size(image, id);
      out = decode_image(encode_jpeg(image, static_cast<int>(constant)), printable(id));
      break;
  }
  return out;
}

}  // namespace stockpot
