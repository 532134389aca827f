// Where long work says what it is doing. The library prints nothing itself.
#pragma once

#include <string>

namespace stockpot {

class Progress {
 public:
  virtual ~Progress() = default;
  // A line that stays.
  virtual void say(const std::string& line) = 0;
  // The state of the moment: replaces the last one on a terminal, now and then a line elsewhere.
  virtual void status(const std::string& line) = 0;
};

}  // namespace stockpot
