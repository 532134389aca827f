#include "cli/soup_place.h"

#include <algorithm>
#include <array>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

bool names_file(const fs::path& path) {
  constexpr std::array<std::string_view, 4> kEndings = {".safetensors", ".pt", ".pth", ".bin"};
  return std::ranges::find(kEndings, lower_ascii(path.extension().string())) != kEndings.end();
}

fs::path beside(const fs::path& file, const char* ending) {
  return fs::path(file.native() + ending);
}

void check(const SoupPlace& place, bool overwrite) {
  std::error_code ignored;
  const std::string shown = printable(place.output.native());
  if (fs::exists(place.result, ignored) ||
      (!place.folder && fs::exists(place.model, ignored) && !place.goes_on)) {
    if (overwrite) return;
    throw UsageError(shown + " exists already; --overwrite replaces it");
  }
  if (!fs::exists(place.output, ignored) || !place.folder) return;
  if (!fs::is_directory(place.output, ignored))
    throw UsageError(shown + " exists and is no folder; name another output");
  if (!fs::exists(place.ledger, ignored) && !fs::is_empty(place.output, ignored))
    throw UsageError(shown + " exists and holds no search to go on with; name another output");
}

}  // namespace

SoupPlace soup_place(const SoupArgs& args) {
  const fs::path& out = args.output;
  SoupPlace place;
  place.output = out;
  place.folder = !names_file(out);
  if (place.folder)
    place = {out,
             true,
             out / "model",
             out / "ledger.jsonl",
             out / "ledger.json",
             out / "result.json",
             out / "evaluations",
             out / "logits"};
  else
    place = {out,
             false,
             out,
             beside(out, ".ledger.jsonl"),
             {},
             beside(out, ".soup.json"),
             beside(out, ".evaluations"),
             beside(out, ".logits")};
  std::error_code ignored;
  place.goes_on = fs::exists(place.ledger, ignored) && !fs::exists(place.result, ignored);
  check(place, args.written.overwrite);
  return place;
}

}  // namespace stockpot::cli
