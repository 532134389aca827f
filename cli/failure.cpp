// Exceptions to exit codes: the only place that knows both.
#include <iostream>
#include <new>
#include <system_error>

#include "cli/commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

int say(const std::string& what, int code) {
  std::cerr << "stockpot: " << what << "\n";
  return code;
}

}  // namespace

int report_failure() {
  try {
    throw;
  } catch (const UsageError& error) {
    return say(error.what(), 2);
  } catch (const FormatError& error) {
    return say(error.what(), 3);
  } catch (const RunError& error) {
    return say(error.what(), 4);
  } catch (const BusyError& error) {
    return say(error.what(), 6);
  } catch (const WriteError& error) {
    return say(error.what(), 74);
  } catch (const Interrupted& error) {
    return say(std::string(error.what()) + "; run the same command again to continue", 75);
  } catch (const std::bad_alloc&) {
    return say("out of memory; a smaller batch or data.memory may help", 1);
  } catch (const std::exception& error) {
    // LibTorch appends a stack trace: its first line is the message.
    const std::string what = error.what();
    return say("internal error: " + printable(what.substr(0, what.find('\n'))), 1);
  } catch (...) {
    return say("internal error of an unknown kind", 1);
  }
}

}  // namespace stockpot::cli
