// Being asked to stop. The handlers only set a flag; long loops look at it between steps,
// save their state and throw Interrupted.
#pragma once

namespace stockpot {

// SIGINT, SIGTERM and SIGUSR1 set the flag; a second SIGINT ends the process at once with
// 130. SIGPIPE and SIGXFSZ are ignored, so that writing reports EPIPE and EFBIG instead.
void install_signal_handlers();
bool stop_requested();

}  // namespace stockpot
