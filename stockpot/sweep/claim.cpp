#include "stockpot/sweep/claim.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/sweep/once.h"
#include "stockpot/sweep/trial.h"

namespace stockpot {
namespace {

constexpr std::uint64_t kLargestSmallFile = 1 << 16;

double seconds_of(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

// Written in place, at a fixed width: it needs no room on a full disk, and whoever looks only
// asks whether it has changed. Opened anew each time, so that network file systems pass it on.
void write_heartbeat(const fs::path& file, std::uint64_t count) {
  char text[32];
  const int length = std::snprintf(text, sizeof text, "%012llu\n", (unsigned long long)count);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return;  // the next beat may work; others judge by what they see
  if (::pwrite(descriptor, text, static_cast<std::size_t>(length), 0) < 0) {
    // The same.
  }
  ::close(descriptor);
}

std::string text_or_empty(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return "";
  try {
    return read_file(file, kLargestSmallFile);
  } catch (const FormatError&) {
    return "";
  }
}

}  // namespace

std::unique_ptr<Claim> Claim::take(const fs::path& trial_folder, int number,
                                   std::chrono::milliseconds heartbeat) {
  const fs::path folder = attempt_folder(trial_folder, number);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw WriteError(folder, "create", error.value());
  Owner owner = this_process();
  owner.beat_seconds = seconds_of(heartbeat);
  if (!create_once(folder / "claim.json", owner.to_json().dump(2) + "\n")) return nullptr;
  return std::unique_ptr<Claim>(new Claim(trial_folder, number, owner.nonce, heartbeat));
}

Claim::Claim(fs::path trial, int number, std::string nonce, std::chrono::milliseconds heartbeat)
    : trial_(std::move(trial)),
      folder_(attempt_folder(trial_, number)),
      number_(number),
      nonce_(std::move(nonce)),
      heart_([this, heartbeat] { beat(heartbeat); }) {}

Claim::~Claim() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  heart_.join();
}

void Claim::beat(std::chrono::milliseconds every) {
  std::unique_lock lock(mutex_);
  for (std::uint64_t count = 1; !stopping_; ++count) {
    write_heartbeat(folder_ / "heartbeat", count);
    stop_.wait_for(lock, every, [this] { return stopping_; });
  }
}

void Claim::require_still_mine() const {
  const auto lost = [&](const std::string& why) {
    throw TrialTakenOver(printable(trial_.filename().string()) + ": attempt " +
                         std::to_string(number_) + " is not this process's any more: " + why);
  };
  std::error_code error;
  if (fs::exists(trial_ / "result.json", error)) lost("the trial has a result");
  const std::string text = text_or_empty(folder_ / "claim.json");
  const std::optional<Owner> owner = Owner::parse(text);
  if (!owner || owner->nonce != nonce_) lost("its claim was removed or replaced");
  if (fs::exists(folder_ / "outcome.json", error)) {
    const Json outcome = Json::read(folder_ / "outcome.json");
    const Json* reason = outcome.find("reason");
    lost(reason && reason->is_string() ? printable(reason->as_string()) : "others ended it");
  }
}

void Claim::publish_result(const Json& result) {
  require_still_mine();
  // Should this process be stopped here until another one took over and finished, the result
  // of the other stands.
  if (!publish_once(folder_ / "result.json", trial_ / "result.json", result.dump(2) + "\n"))
    throw TrialTakenOver(printable(trial_.filename().string()) + ": another process published " +
                         "its result first");
}

void Claim::end(Ending ending, const std::string& reason, bool counts) {
  end_attempt(folder_, ending, reason, counts);
}

Watch::Watch(std::chrono::milliseconds stale_after, Now now)
    : stale_after_(stale_after), now_(std::move(now)), here_(this_process()) {}

std::optional<std::string> Watch::gone(const Attempt& attempt) {
  if (attempt.owner && is_gone(*attempt.owner, here_))
    return attempt.owner->describe() + " is gone";
  const std::string heartbeat = text_or_empty(attempt.folder / "heartbeat");
  const auto now = now_();
  const auto [place, first] = seen_.try_emplace(attempt.folder, Seen{heartbeat, now, {}});
  Seen& seen = place->second;
  if (first) return std::nullopt;
  // A pause of this process is not an observation: it may have been stopped together with the
  // owner, who then needs a moment to show life.
  std::chrono::milliseconds limit = stale_after_;
  if (attempt.owner)
    limit = std::max(limit, std::chrono::milliseconds(
                                static_cast<std::int64_t>(3000 * attempt.owner->beat_seconds)));
  const std::chrono::steady_clock::duration most = limit / 3;
  const auto passed = std::min<std::chrono::steady_clock::duration>(now - seen.when, most);
  seen.when = now;
  if (heartbeat != seen.heartbeat) {
    seen.heartbeat = heartbeat;
    seen.unchanged = {};
    return std::nullopt;
  }
  seen.unchanged += passed;
  if (seen.unchanged < limit) return std::nullopt;
  return (attempt.owner ? attempt.owner->describe() : std::string("an owner without a name")) +
         " showed no sign of life for " + human_duration(seconds_of(limit));
}

}  // namespace stockpot
