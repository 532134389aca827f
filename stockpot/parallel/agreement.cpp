// What all ranks have to have in common, and how the error of one reaches the others.
#include <algorithm>
#include <exception>
#include <map>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/parallel/world.h"

namespace stockpot {
namespace {

// One letter a kind of error, then its text; "" when nothing went wrong.
std::string described(const std::exception_ptr& error) {
  if (!error) return "";
  try {
    std::rethrow_exception(error);
  } catch (const UsageError& e) {
    return std::string("u") + e.what();
  } catch (const FormatError& e) {
    return std::string("f") + e.what();
  } catch (const RunError& e) {
    return std::string("r") + e.what();
  } catch (const BusyError& e) {
    return std::string("b") + e.what();
  } catch (const WriteError& e) {
    return std::string("w") + e.what();
  } catch (const Interrupted& e) {
    return std::string("i") + e.what();
  } catch (const std::exception& e) {
    return std::string("e") + e.what();
  } catch (...) {
    return "ean error of an unknown kind";
  }
}

[[noreturn]] void throw_described(const std::string& text, std::size_t rank) {
  const std::string what = "on rank " + std::to_string(rank) + ": " + text.substr(1);
  switch (text.front()) {
    case 'u':
      throw UsageError(what);
    case 'f':
      throw FormatError(what);
    case 'r':
      throw RunError(what);
    case 'b':
      throw BusyError(what);
    case 'w':
      throw WriteError(what);
    case 'i':
      throw Interrupted(what);
    default:
      throw std::runtime_error(what);
  }
}

}  // namespace

void World::agree(std::string_view what, std::string_view mine) {
  std::map<std::string, std::vector<std::string>> ranks_of;
  const std::vector<std::string> texts = gather(mine);
  for (std::size_t rank = 0; rank < texts.size(); ++rank)
    ranks_of[texts[rank]].push_back(std::to_string(rank));
  if (ranks_of.size() < 2) return;
  std::vector<std::string> parties;
  for (const auto& [text, ranks] : ranks_of) {
    constexpr std::size_t kShown = 80;
    parties.push_back((ranks.size() == 1 ? "rank " : "ranks ") + stockpot::join(ranks, ", ") + " " +
                      (ranks.size() == 1 ? "has " : "have ") + printable(text.substr(0, kShown)) +
                      (text.size() > kShown ? "..." : ""));
  }
  std::sort(parties.begin(), parties.end());
  throw UsageError("the ranks do not have the same " + std::string(what) + ": " +
                   stockpot::join(parties, "; "));
}

void World::on_all(const std::function<void()>& body) {
  std::exception_ptr error;
  try {
    body();
  } catch (...) {
    error = std::current_exception();
  }
  const std::vector<std::string> outcomes = gather(described(error));
  if (error) std::rethrow_exception(error);
  for (std::size_t rank = 0; rank < outcomes.size(); ++rank)
    if (!outcomes[rank].empty()) throw_described(outcomes[rank], rank);
}

void World::on_root(const std::function<void()>& body) {
  on_all([&] {
    if (root()) body();
  });
}

}  // namespace stockpot
