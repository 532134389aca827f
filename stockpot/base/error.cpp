#include "stockpot/base/error.h"

#include <system_error>

#include "stockpot/base/text.h"

namespace stockpot {

namespace {

std::string located(const std::filesystem::path& file, std::string_view problem) {
  return printable(file.native()).append(": ").append(problem);
}

}  // namespace

FormatError::FormatError(const std::filesystem::path& file, std::string_view problem)
    : std::runtime_error(located(file, problem)) {}

WriteError::WriteError(const std::filesystem::path& file, std::string_view action, int error_number)
    : std::runtime_error(located(file, "cannot ") + std::string(action) + ": " +
                         std::generic_category().message(error_number)) {}

}  // namespace stockpot
