// The message of the exception that a call throws, to compare in a test.
#pragma once

#include <string>

namespace stockpot {

template <typename Error, typename Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

}  // namespace stockpot
