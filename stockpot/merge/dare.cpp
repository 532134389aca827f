#include "stockpot/merge/dare.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "stockpot/base/hash.h"
#include "stockpot/base/json.h"
#include "stockpot/base/random.h"
#include "stockpot/merge/dare_kernels.h"

namespace stockpot {
namespace {

// The stream of random numbers of a tensor of a model: 64 bits of a hash of both.
std::uint64_t stream_of(std::uint64_t model_key, const std::string& tensor) {
  const std::string digest = sha256(std::to_string(model_key) + ' ' + tensor);
  std::uint64_t stream = 0;
  std::from_chars(digest.data(), digest.data() + 16, stream, 16);
  return stream;
}

class RandomDrop : public Sparsifier {
 public:
  RandomDrop(const DareOptions& options, std::vector<std::uint64_t> model_keys)
      : options_(options), model_keys_(std::move(model_keys)) {
    require_density(options.density);
  }

  void prepare(const TensorJob& job) override {
    std::vector<std::uint64_t>& streams = streams_[job.name];
    streams.clear();
    for (const std::size_t origin : job.origin)
      streams.push_back(stream_of(model_keys_.at(origin), job.name));
  }

  // The layout of the counter is that of RandomStream: block, sample, purpose and epoch,
  // sample, where the sample is the stream and the epoch the upper half of the block.
  void apply(const TensorJob& job, std::size_t model, std::int64_t first,
             std::span<double> tau) const override {
    if (options_.density == 1) return;
    const std::uint64_t stream = streams_.at(job.name)[model];
    const double factor = options_.rescale ? 1 / options_.density : 1;
    const auto bound = static_cast<std::uint64_t>(std::llround(options_.density * 0x1p32));
    const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(options_.seed),
                                           static_cast<std::uint32_t>(options_.seed >> 32)};
    auto place = static_cast<std::uint64_t>(first);
    while (!tau.empty()) {
      const std::uint64_t block = place / 4, skip = place % 4;
      const auto upper = static_cast<std::uint32_t>(block >> 32);
      // Up to where the lower half of the block's number starts again.
      const std::uint64_t room = ((std::uint64_t{upper} + 1) << 34) - place;
      const auto part = tau.first(std::min<std::uint64_t>(tau.size(), room));
      merge_kernels::drop_randomly(
          {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(stream),
           upper << 8 | static_cast<std::uint32_t>(Purpose::dare),
           static_cast<std::uint32_t>(stream >> 32)},
          key, skip, bound, factor, part);
      place += part.size();
      tau = tau.subspan(part.size());
    }
  }

  void describe(Json& options) const override {
    options.set("density", options_.density);
    options.set("rescale", options_.rescale);
    options.set("seed", options_.seed);
  }

 private:
  DareOptions options_;
  std::vector<std::uint64_t> model_keys_;
  std::map<std::string, std::vector<std::uint64_t>> streams_;  // by tensor, for each model
};

}  // namespace

std::unique_ptr<Sparsifier> random_drop(const DareOptions& options,
                                        std::vector<std::uint64_t> model_keys) {
  return std::make_unique<RandomDrop>(options, std::move(model_keys));
}

std::unique_ptr<MergeMethod> dare(const DareOptions& options, const DareMergeOptions& merge,
                                  std::vector<std::uint64_t> model_keys) {
  ConsensusOptions consensus;
  consensus.elect = merge.elect;
  consensus.normalize = merge.normalize;
  consensus.lambda = merge.lambda;
  return std::make_unique<TaskVectorMerge>("dare", random_drop(options, std::move(model_keys)),
                                           consensus);
}

}  // namespace stockpot
