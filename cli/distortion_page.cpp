#include "cli/distortion_page.h"

#include "cli/analysis_page.h"
#include "stockpot/diagnose/distortion_text.h"

namespace stockpot::cli {

std::string distortion_page(const diagnose::Distortion& distortion) {
  AnalysisPage page;
  page.command = "stockpot diagnose distortion";
  page.title = "What training moved";
  page.subtitle = "Before: " + distortion.before();
  return page_around(page, "#distortion td, #distortion th { white-space: nowrap; }\n",
                     diagnose::html_section(distortion));
}

}  // namespace stockpot::cli
