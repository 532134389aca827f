#include "stockpot/data/mixing.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

void check(const MixingOptions& options) {
  const auto need = [](bool good, const char* name, const char* range, double value) {
    if (!good)
      throw UsageError(std::string(name) + " should be " + range + ", found " + shortest(value));
  };
  for (const auto& [name, alpha] : {std::pair{"mixup's alpha", options.mixup_alpha},
                                    std::pair{"cutmix's alpha", options.cutmix_alpha}})
    need(alpha >= 0 && std::isfinite(alpha), name, "0 or more", alpha);
  for (const auto& [name, chance] :
       {std::pair{"the probability of mixing", options.probability},
        std::pair{"the probability of switching to cutmix", options.switch_probability}})
    need(chance >= 0 && chance <= 1, name, "from 0 to 1", chance);
}

}  // namespace

double symmetric_beta(double alpha, RandomStream& random) {
  const double u = 1 - random.uniform();  // (0, 1]
  const double cosine = std::cos(2 * std::numbers::pi * random.uniform());
  // T^2 / (2 alpha), which may be 0 (but not -0) or infinite: both limits are right.
  const double square = std::expm1(std::abs(std::log(u)) / alpha) * cosine * cosine;
  return 0.5 + std::copysign(0.5 / std::sqrt(1 + 1 / square), cosine);
}

Mixing cutmix_box(double lambda, int row, int column, int height, int width) {
  const double ratio = std::sqrt(1 - lambda);
  const int box_height = static_cast<int>(height * ratio);
  const int box_width = static_cast<int>(width * ratio);
  const int top = std::max(row - box_height / 2, 0);
  const int left = std::max(column - box_width / 2, 0);
  const int bottom = std::min(row + (box_height + 1) / 2, height);
  const int right = std::min(column + (box_width + 1) / 2, width);
  Mixing mixing{1, true, top, left, bottom - top, right - left};
  const double inside = static_cast<double>(mixing.height) * mixing.width;
  mixing.lambda = 1 - inside / (static_cast<double>(height) * width);
  return mixing;
}

Mixing plan_mixing(const MixingOptions& options, std::uint64_t seed, std::int64_t epoch,
                   std::int64_t batch, int height, int width) {
  check(options);
  RandomStream random(seed, Purpose::mixup, static_cast<std::uint64_t>(epoch),
                      static_cast<std::uint64_t>(batch));
  if (!options.any() || !random.chance(options.probability)) return {};
  const bool switched = random.chance(options.switch_probability);
  const bool cutmix = options.cutmix_alpha > 0 && (options.mixup_alpha == 0 || switched);
  const double lambda = symmetric_beta(cutmix ? options.cutmix_alpha : options.mixup_alpha, random);
  if (!cutmix) return {.lambda = lambda};
  const int row = static_cast<int>(random.between(0, height - 1));
  return cutmix_box(lambda, row, static_cast<int>(random.between(0, width - 1)), height, width);
}

}  // namespace stockpot
