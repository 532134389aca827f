#include <atomic>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/base/threads.h"
#include "stockpot/data/pool.h"
#include "stockpot/data/sources.h"

namespace stockpot {
namespace {

// 64 bits mixed eight bytes at a time (multiplication and xor-shift): two different pictures
// of a set of a million share a hash with probability 3e-8.
std::uint64_t hash_image(const Image& image) {
  constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15u;
  std::uint64_t hash =
      (static_cast<std::uint64_t>(image.height) << 32) + static_cast<std::uint64_t>(image.width);
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 32;
  };
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    word = (word << 8) | image.rgb[i];
    if (i % 8 == 7) mix(word);
  }
  mix(word);
  return hash;
}

class Decoding {
 public:
  Decoding(std::vector<PoolRow>& rows, std::uint64_t budget, bool skip)
      : rows_(rows), left_(budget), skip_(skip), states_(rows.size(), State::waiting) {}

  std::uint64_t run(Unreadable& unreadable) {
    constexpr std::int64_t kGrain = 8;
    parallel_for(static_cast<std::int64_t>(rows_.size()), kGrain,
                 [this](std::int64_t begin, std::int64_t end) {
                   // Rows after a bad one can no longer change the outcome.
                   for (std::int64_t i = begin; i < end && i < first_bad_; ++i) decode(i);
                 });
    if (error_) std::rethrow_exception(error_);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (states_[i] == State::bad) continue;
      if (kept != i) rows_[kept] = std::move(rows_[i]);
      ++kept;
    }
    rows_.resize(kept);
    for (auto& [label, problem] : problems_) unreadable[label] = std::move(problem.second);
    return left_;
  }

 private:
  enum class State : char { waiting, decoded, bad };

  void decode(std::int64_t i) {
    PoolRow& row = rows_[static_cast<std::size_t>(i)];
    State state = State::decoded;
    try {
      auto image = std::make_shared<const Image>(row.decode());
      row.hash = hash_image(*image);
      row.image = std::move(image);
    } catch (const FormatError& error) {
      state = State::bad;
      if (skip_)
        note(i, row.label, error.what());
      else
        fail(i, std::current_exception());
    } catch (...) {
      fail(i, std::current_exception());
    }
    settle(i, state);
  }

  void fail(std::int64_t i, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (i >= first_bad_) return;
    first_bad_ = i;
    error_ = std::move(error);
  }

  void note(std::int64_t i, std::int64_t label, std::string problem) {
    const std::lock_guard lock(mutex_);
    const auto [first, is_new] = problems_.try_emplace(label, i, problem);
    if (!is_new && i < first->second.first) first->second = {i, std::move(problem)};
  }

  // Charges the budget in row order: a decoded picture waits until all before it are done.
  void settle(std::int64_t i, State state) {
    const std::lock_guard lock(mutex_);
    states_[static_cast<std::size_t>(i)] = state;
    for (; next_ < rows_.size() && states_[next_] != State::waiting; ++next_) {
      PoolRow& row = rows_[next_];
      if (!row.image) continue;
      if (row.image->rgb.size() > left_) {
        row.image.reset();
      } else {
        left_ -= row.image->rgb.size();
        row.bytes = {};
      }
    }
  }

  std::vector<PoolRow>& rows_;
  std::uint64_t left_;
  bool skip_;
  std::vector<State> states_;
  std::size_t next_ = 0;
  std::atomic<std::int64_t> first_bad_{std::numeric_limits<std::int64_t>::max()};
  std::exception_ptr error_;
  std::map<std::int64_t, std::pair<std::int64_t, std::string>> problems_;  // label: row, text
  std::mutex mutex_;
};

}  // namespace

namespace {

Image decode_as_stored(const PoolRow& row) {
  if (row.file.empty()) return decode_image(row.bytes, row.origin);
  std::string contents;
  try {
    contents = read_file(row.file, kLargestImageFile);
  } catch (const FormatError& error) {
    if (row.origin == printable(row.file.string())) throw;
    throw FormatError(row.origin + ": " + error.what());
  }
  return decode_image(std::as_bytes(std::span(contents)), row.origin);
}

}  // namespace

Image PoolRow::decode() const {
  Image picture = decode_as_stored(*this);
  return corruption ? corrupt(picture, *corruption, id) : picture;
}

std::uint64_t decode_rows(std::vector<PoolRow>& rows, std::uint64_t budget, bool skip,
                          Unreadable& unreadable) {
  return Decoding(rows, budget, skip).run(unreadable);
}

}  // namespace stockpot
