// Pages of analyses (angles, plane, gap, shifts, curves, calibration, theory, ...) that were put
// into a run's folder, to be shown in its report.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

inline constexpr std::string_view kAnalysesFolder = "analyses";  // in a run's folder

struct AttachedPage {
  std::string name;     // "plane": the path below analyses/ without its ending
  std::string html;     // a whole document, untrusted
  std::string problem;  // why it is not here, then without html
};

// RUN/analyses/NAME.html and RUN/analyses/FOLDER/NAME.html, in the order of their names. Never
// throws: a page that cannot be read must not cost a run its report.
std::vector<AttachedPage> attached_pages(const std::filesystem::path& run);

// Each page in a frame of its own that runs no script, whatever lies in the file.
std::string attached_section(const std::vector<AttachedPage>& pages);

}  // namespace stockpot
