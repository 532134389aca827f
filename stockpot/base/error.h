// The kinds of failure that a user can meet. Each carries one sentence that says where,
// what was found, what was expected and, when known, what to do. The library throws
// these; only the command line prints them and turns them into exit codes.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace stockpot {

// A file that is not what it should be: exit code 3.
class FormatError : public std::runtime_error {
 public:
  // The message reads "<file>: <problem>".
  FormatError(const std::filesystem::path& file, std::string_view problem);
  explicit FormatError(const std::string& message) : std::runtime_error(message) {}
};

// A request that cannot be met as written: flags, recipes, missing inputs. Exit code 2.
// May hold several lines when several problems were found at once.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message) : std::runtime_error(message) {}
};

// A run that failed while computing, such as a loss that is not finite. Exit code 4.
class RunError : public std::runtime_error {
 public:
  explicit RunError(const std::string& message) : std::runtime_error(message) {}
};

// Another process holds the lock. Exit code 6.
class BusyError : public std::runtime_error {
 public:
  explicit BusyError(const std::string& message) : std::runtime_error(message) {}
};

// An output that could not be written: disk full, read-only folder. Exit code 74.
class WriteError : public std::runtime_error {
 public:
  // The message reads "<file>: cannot <action>: <text of the errno>".
  WriteError(const std::filesystem::path& file, std::string_view action, int error_number);
  explicit WriteError(const std::string& message) : std::runtime_error(message) {}
};

// Asked to stop by a signal after the state was saved: run the same command again.
// Exit code 75.
class Interrupted : public std::runtime_error {
 public:
  explicit Interrupted(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace stockpot
