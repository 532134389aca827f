// Files that cmake/ReportAssets.cmake builds into the program.
#pragma once

#include <string_view>

namespace stockpot {

extern const std::string_view kChartJs;    // Chart.js, MIT licence
extern const std::string_view kReportCss;  // stockpot/report/assets/report.css
extern const std::string_view kReportJs;   // stockpot/report/assets/report.js

}  // namespace stockpot
