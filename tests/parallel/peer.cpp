#include "stockpot/parallel/peer.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "stockpot/base/error.h"
#include "stockpot/parallel/address.h"

namespace stockpot {
namespace {

// A forked process that sleeps, as the peer of rank 1.
class Sleeper {
 public:
  Sleeper() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    number_ = fork();
    if (number_ == 0) {
      const std::string text = this_peer(1, 2).to_text();
      [[maybe_unused]] const auto written = write(ends[1], text.data(), text.size());
      close(ends[1]);
      pause();
      _exit(0);
    }
    close(ends[1]);
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(ends[0], text.data(), 4096))));
    close(ends[0]);
    peer_ = Peer::from_text(text);
  }
  ~Sleeper() {
    kill(number_, SIGKILL);
    waitpid(number_, nullptr, 0);
  }
  const Peer& peer() const { return peer_; }
  pid_t number() const { return number_; }

 private:
  pid_t number_;
  Peer peer_;
};

// Signals take a moment.
Life soon(const Peer& peer, Life wanted) {
  const Peer self = this_peer(0, 2);
  for (int i = 0; i < 1000 && life_of(peer, self) != wanted; ++i) usleep(5000);
  return life_of(peer, self);
}

TEST(Peer, ItsLifeIsSeenInTheTableOfProcesses) {
  const Sleeper sleeper;
  EXPECT_EQ(sleeper.peer().process, sleeper.number());
  EXPECT_EQ(soon(sleeper.peer(), Life::running), Life::running);
  kill(sleeper.number(), SIGSTOP);
  EXPECT_EQ(soon(sleeper.peer(), Life::stopped), Life::stopped);
  kill(sleeper.number(), SIGKILL);
  EXPECT_EQ(soon(sleeper.peer(), Life::ended), Life::ended);
}

TEST(Peer, ANumberThatWasUsedAgainIsAnotherProcess) {
  const Sleeper sleeper;
  Peer earlier = sleeper.peer();
  earlier.started -= 1;
  EXPECT_EQ(life_of(earlier, this_peer(0, 2)), Life::ended);
}

TEST(Peer, OfAnotherMachineIsUnknown) {
  Peer elsewhere = this_peer(1, 2);
  elsewhere.machine = "another";
  EXPECT_EQ(life_of(elsewhere, this_peer(0, 2)), Life::unknown);
}

TEST(Peer, ItsTextReadsBack) {
  const Peer peer = this_peer(3, 4);
  EXPECT_EQ(Peer::from_text(peer.to_text()).to_text(), peer.to_text());
  EXPECT_EQ(peer.name().rfind("rank 3 (process " + std::to_string(getpid()) + " on ", 0), 0u);
  EXPECT_THROW(Peer::from_text("{\"rank\": 1}"), FormatError);
}

TEST(Address, IsTheOneOnTheWayToAHost) {
  EXPECT_EQ(address_towards("127.0.0.1", 1), "127.0.0.1");
  EXPECT_TRUE(is_loopback(address_towards("localhost", 1)));
  EXPECT_EQ(address_towards("no such host", 1), "");
  EXPECT_TRUE(is_loopback("127.0.1.1"));
  EXPECT_FALSE(is_loopback("10.0.0.1"));
}

}  // namespace
}  // namespace stockpot
