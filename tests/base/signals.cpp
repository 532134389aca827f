#include "stockpot/base/signals.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "in_child.h"

namespace stockpot {
namespace {

TEST(Signals, F06_OneSignalOnlySetsTheFlag) {
  for (const int number : {SIGINT, SIGTERM}) {
    EXPECT_EQ(in_child([number] {
                install_signal_handlers();
                const bool before = stop_requested();
                raise(number);
                return !before && stop_requested() && save_requests() == 0 ? 0 : 1;
              }),
              0);
  }
}

TEST(Signals, F06_Usr1AsksToSaveAndGoOn) {
  EXPECT_EQ(in_child([] {
              install_signal_handlers();
              raise(SIGUSR1);
              raise(SIGUSR1);
              return save_requests() == 2 && !stop_requested() ? 0 : 1;
            }),
            0);
}

TEST(Signals, F06_ASecondInterruptEndsTheProcess) {
  EXPECT_EQ(in_child([] {
              install_signal_handlers();
              raise(SIGINT);
              raise(SIGTERM);
              raise(SIGINT);
              return 0;
            }),
            130);
}

TEST(Signals, F06_TerminatingTwiceStillLeavesTimeToSave) {
  EXPECT_EQ(in_child([] {
              install_signal_handlers();
              raise(SIGTERM);
              raise(SIGTERM);
              return 7;
            }),
            7);
}

TEST(Signals, E10_WritingToAClosedPipeIsAnError) {
  EXPECT_EQ(in_child([] {
              install_signal_handlers();
              int ends[2];
              if (pipe(ends) != 0) return 1;
              close(ends[0]);
              return write(ends[1], "x", 1) == -1 && errno == EPIPE ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace stockpot
