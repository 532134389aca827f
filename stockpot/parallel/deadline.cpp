#include "stockpot/parallel/deadline.h"

#include <future>
#include <memory>
#include <thread>

namespace stockpot {

bool ended_within(std::chrono::milliseconds limit, std::function<void()> body) {
  // Not std::async: the destructor of its future would wait.
  std::packaged_task<void()> task(std::move(body));
  std::future<void> end = task.get_future();
  std::thread(std::move(task)).detach();
  if (end.wait_for(limit) != std::future_status::ready) return false;
  end.get();
  return true;
}

}  // namespace stockpot
