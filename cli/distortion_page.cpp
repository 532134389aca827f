#include "cli/distortion_page.h"

#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/diagnose/distortion_text.h"
#include "stockpot/report/assets.h"

namespace stockpot::cli {

std::string distortion_page(const diagnose::Distortion& distortion) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<title>stockpot diagnose distortion</title>\n<style>\n" +
         std::string(kReportCss) +
         "#distortion td, #distortion th { white-space: nowrap; }\n"
         "</style>\n</head>\n<body>\n<main>\n<header>\n"
         "<p class=\"kicker\">stockpot diagnose distortion</p>\n<h1>What training moved</h1>\n"
         "<p class=\"sub\">Before: " +
         escape_html(printable(distortion.before())) + "</p>\n</header>\n" +
         diagnose::html_section(distortion) + "</main>\n<footer>Made by stockpot " +
         std::string(kVersion) +
         ". This file is complete: it loads nothing from the network.</footer>\n</body>\n"
         "</html>\n";
}

}  // namespace stockpot::cli
