#include "stockpot/report/attached_pages.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <system_error>

#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/report/html_parts.h"

namespace stockpot {
namespace {

// A report must open quickly; what stockpot itself writes is far smaller.
constexpr std::uint64_t kLargest = 8 << 20;
constexpr std::size_t kMost = 48;

std::vector<fs::path> pages_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code failure;
  for (fs::recursive_directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    if (it.depth() >= 1) it.disable_recursion_pending();
    if (it->path().extension() == ".html") files.push_back(it->path());
  }
  std::ranges::sort(files);
  return files;
}

// "plane/plane.html" is "plane".
std::string name_of(fs::path relative) {
  relative.replace_extension();
  if (relative.has_parent_path() && relative.parent_path() == relative.filename())
    relative = relative.filename();
  return relative.string();
}

}  // namespace

std::vector<AttachedPage> attached_pages(const fs::path& run) {
  const fs::path folder = run / kAnalysesFolder;
  std::vector<AttachedPage> pages;
  for (const fs::path& file : pages_below(folder)) {
    AttachedPage page;
    page.name = name_of(file.lexically_relative(folder));
    try {
      if (pages.size() >= kMost)
        page.problem = "the report holds " + std::to_string(kMost) + " pages";
      else
        page.html = read_file(file, kLargest);
    } catch (const std::exception& error) {
      page.problem = error.what();
    }
    pages.push_back(std::move(page));
  }
  return pages;
}

std::string attached_section(const std::vector<AttachedPage>& pages) {
  std::string body;
  for (const AttachedPage& page : pages) {
    if (!page.problem.empty()) {
      body += "<p class=\"warning\">" + html(page.name) + " is left out: " + html(page.problem) +
              "</p>\n";
      continue;
    }
    body += "<details><summary>" + html(page.name) + "</summary>\n<iframe sandbox=\"\" title=\"" +
            html(page.name) + "\" srcdoc=\"" + escape_html(page.html) + "\"></iframe></details>\n";
  }
  return section("analyses", "Analyses", body);
}

}  // namespace stockpot
