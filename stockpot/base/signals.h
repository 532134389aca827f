// Being asked to stop, or to save and go on. The handlers only set flags; long loops look at
// them between steps.
#pragma once

#include <cstdint>

namespace stockpot {

// SIGINT and SIGTERM ask to stop: save the state and throw Interrupted. A second SIGINT ends
// the process at once with 130. SIGUSR1 asks to save the state and go on: schedulers send it
// some time before the end, which may be early. SIGPIPE and SIGXFSZ are ignored, so that
// writing reports EPIPE and EFBIG instead.
void install_signal_handlers();
bool stop_requested();
// How often saving was asked for since the process started: a loop remembers the number that it
// acted on, so that several loops in one process each save.
std::uint32_t save_requests();

}  // namespace stockpot
