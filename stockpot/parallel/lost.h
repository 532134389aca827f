// Which rank is to blame when the ranks lose each other.
#pragma once

#include <string>

#include "stockpot/parallel/meeting.h"

namespace stockpot {

struct Inquiry {
  Meeting meeting;
  int self = 0;
  bool rank_0_keeps_table = true;
  Milliseconds limit{};
};

// Whether another rank's process, of this machine, has ended.
bool another_has_ended(const Inquiry& inquiry);

// Called on every rank that notices, after it has closed its connections, so that the others
// notice too. A rank of this machine is looked up by its process; the ranks also leave a sign of
// life in the shared table, so that one that says nothing is named wherever it runs. The first
// verdict in the table is everyone's. Takes at most twice the limit. `reason` is LibTorch's
// message, used when nobody can be blamed.
std::string who_is_lost(const Inquiry& inquiry, const std::string& reason);

// This rank's own verdict, before anybody asks: it leaves because of `why`. Throws when the
// table cannot be reached.
void say_why(const Inquiry& inquiry, const std::string& why);

// When this rank keeps the table: waits until the others have read the verdict, at most the
// limit. Does nothing on other ranks. Throws when the table cannot be reached.
void stay_for_others(const Inquiry& inquiry);

}  // namespace stockpot
