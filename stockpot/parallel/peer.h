// Where a rank runs, so that the other ranks can say which one was lost and how.
#pragma once

#include <cstdint>
#include <string>

namespace stockpot {

struct Peer {
  int rank = 0, size = 1;  // as its launcher told it
  std::string host;        // for messages
  std::string machine;     // equal for processes that can see each other's numbers
  std::string network;     // equal for processes that share one loopback interface
  std::string address;     // its own, on the way to rank 0; "" when unknown
  std::int64_t process = 0;
  std::uint64_t started = 0;  // clock ticks after boot: a number that was used again is another one

  std::string to_text() const;
  // Throws FormatError when the text is not one that to_text() made.
  static Peer from_text(const std::string& text);
  // "rank 1 (process 4711 on gpu5)".
  std::string name() const;
};

// This process.
Peer this_peer(int rank, int size);

enum class Life { running, stopped, ended, unknown };

// By /proc; unknown when it runs on another machine or in another container.
Life life_of(const Peer& peer, const Peer& self);

}  // namespace stockpot
