// Calls into LibTorch that may never return, such as asking a frozen process.
#pragma once

#include <chrono>
#include <functional>

namespace stockpot {

// Runs `body` on a thread of its own and waits for it at most `limit`. True when it ended;
// its exception is rethrown. False when it is still running: it is left behind, so `body`
// must own what it touches.
bool ended_within(std::chrono::milliseconds limit, std::function<void()> body);

}  // namespace stockpot
