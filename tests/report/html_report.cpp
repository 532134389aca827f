// The structure of report.html; how it looks in a browser is checked by eye.
#include <gtest/gtest.h>

#include <set>

#include "../base/temporary_folder.h"
#include "sample.h"
#include "stockpot/base/file.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/report/assets.h"

namespace stockpot {
namespace {

// The page without the embedded scripts and style: what the data could have changed.
std::string page_of(const RunReport& report) {
  std::string page = html_report(report);
  for (const std::string_view asset : {kChartJs, kReportJs, kReportCss}) {
    const std::size_t at = page.find(asset);
    EXPECT_NE(at, std::string::npos);
    page.erase(at, asset.size());
  }
  return page;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; ++at) ++found;
  return found;
}

// Tags must close in order; returns the first that does not, or "".
std::string first_unbalanced(const std::string& page) {
  static const std::set<std::string> kVoid = {"meta", "img", "br", "!doctype"};
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = page.find('<', at)) != std::string::npos;) {
    const std::size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n"));
    at = end;
    if (kVoid.contains(name)) continue;
    if (name[0] != '/') {
      open.push_back(name);
    } else if (open.empty() || open.back() != name.substr(1)) {
      return tag;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(HtmlReport, IsWellFormed) {
  for (const RunReport& report :
       {sample_report(), sample_of_three_seeds(), hostile_report(), RunReport{}}) {
    EXPECT_EQ(first_unbalanced(page_of(report)), "");
  }
}

TEST(HtmlReport, HasAllSections) {
  const std::string page = page_of(sample_report());
  for (const char* id :
       {"results", "charts", "soup", "search", "parts", "pictures", "choices", "provenance"}) {
    EXPECT_EQ(count(page, "<section id=\"" + std::string(id) + "\">"), 1u) << id;
    EXPECT_EQ(count(page, "href=\"#" + std::string(id) + "\""), 1u) << id;
  }
  for (const char* id : {"scatter", "bars", "ledger-0", "chart-data"}) {
    EXPECT_EQ(count(page, "id=\"" + std::string(id) + "\""), 1u) << id;
  }
  EXPECT_EQ(count(page, "<img "), 20u);
  EXPECT_NE(page.find("a larger one may be better."), std::string::npos);
  EXPECT_NE(page.find("+2 of 334"), std::string::npos);
}

TEST(HtmlReport, LoadsNothingAndAllowsOnlyItsOwnScripts) {
  for (const RunReport& report : {sample_report(), hostile_report()}) {
    const std::string page = page_of(report);
    EXPECT_EQ(count(page, "http://") + count(page, "https://") + count(page, "src=\"//"), 0u);
    EXPECT_EQ(count(page, "<script"), 3u);
    EXPECT_EQ(count(page, "src=\""), count(page, "src=\"data:image/png;base64,"));
    EXPECT_EQ(count(page, "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"),
              1u);
    EXPECT_EQ(count(page, "'unsafe-eval'") + count(page, "<link") + count(page, "@import"), 0u);
  }
}

// Lower-case hexadecimal of the 32 bytes that 43 base64 digits and "=" stand for.
std::string hexadecimal(std::string_view base64) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bits, hex;
  for (const char c : base64.substr(0, 43)) {
    for (int bit = 5; bit >= 0; --bit) bits += kDigits.find(c) >> bit & 1 ? '1' : '0';
  }
  for (std::size_t i = 0; i < 256; i += 4) {
    hex += "0123456789abcdef"[std::stoul(bits.substr(i, 4), nullptr, 2)];
  }
  return hex;
}

TEST(HtmlReport, AllowsItsScriptsByTheirHashes) {
  const std::string page = page_of(sample_report());
  std::size_t at = 0;
  for (const std::string_view script : {kChartJs, kReportJs}) {
    at = page.find("'sha256-", at) + 8;
    EXPECT_EQ(page.find("='", at), at + 43);
    EXPECT_EQ(hexadecimal(std::string_view(page).substr(at, 44)), sha256(script));
  }
}

TEST(HtmlReport, ShowsHostileNamesLiterally) {
  const std::string page = page_of(hostile_report());
  EXPECT_TRUE(is_utf8(page));
  for (const char* markup : {"<script>alert", "<img src=x", "<b>\"", "\u202E", "\x1b", "\r",
                             "\" onload=", "\" onerror="}) {
    EXPECT_EQ(count(page, markup), 0u) << markup;
  }
  EXPECT_NE(page.find("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x onerror=alert(2)&gt;"), std::string::npos);
  EXPECT_NE(page.find(R"(gnp.\u{202e}cod)"), std::string::npos);
  EXPECT_NE(page.find(R"(two\x0alines\x0d|\x1b[31m)"), std::string::npos);
  EXPECT_NE(page.find(R"(caf\xe9\xff)"), std::string::npos);
}

TEST(HtmlReport, PassesDataToItsScriptsWithoutMarkup) {
  const std::string page = page_of(hostile_report());
  const std::size_t begin = page.find("id=\"chart-data\">") + 16;
  const std::string data = page.substr(begin, page.find("</script>", begin) - begin);
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  EXPECT_NE(data.find("\\u003c/script\\u003e"), std::string::npos);
  const Json json = Json::parse(data, "chart-data");
  EXPECT_EQ(json.find("scatter")->find("series")->items()[0].find("label")->as_string(),
            "</script><script>alert(1)</script>");
}

TEST(HtmlReport, DropsAPictureThatIsNoBase64) {
  const std::string page = page_of(hostile_report());
  EXPECT_EQ(count(page, "<img "), 1u);
  EXPECT_EQ(count(page, "no picture"), 1u);
}

TEST(HtmlReport, CutsVeryLongListsAndSaysSo) {
  RunReport report = sample_report();
  const ReportedModel run = report.models[4];
  report.models.assign(20000, run);
  for (std::size_t i = 0; i < report.models.size(); ++i) {
    report.models[i].name = report.models[i].method = "run " + std::to_string(i);
  }
  const std::string page = html_report(report);
  EXPECT_LT(page.size(), 2'000'000u);
  EXPECT_NE(page.find("Only 500 of 20,000 are shown"), std::string::npos);
}

// A page that somebody put into the run's folder stays in a frame without scripts.
TEST(HtmlReport, ShowsTheAnalysesOfTheRunsFolder) {
  const TemporaryFolder run;
  fs::create_directories(run.path() / "analyses" / "plane");
  fs::create_directories(run.path() / "analyses" / "wise" / "deeper");
  write_file(run.path() / "analyses" / "plane" / "plane.html", "<p id=\"a\">Plane & more</p>");
  write_file(run.path() / "analyses" / "wise" / "curve.html", "\"></iframe><script>x</script>");
  write_file(run.path() / "analyses" / "wise" / "deeper" / "no.html", "not read");
  write_file(run.path() / "analyses" / "angles.json", "{}");
  write_file(run.path() / "analyses" / "large.html", std::string((8 << 20) + 1, 'x'));
  const std::string page = html_report(sample_report(), attached_pages(run.path()));
  EXPECT_NE(page.find("title=\"plane\" srcdoc=\"&lt;p id=&quot;a&quot;&gt;Plane &amp; more"),
            std::string::npos);
  EXPECT_NE(page.find("title=\"wise/curve\" srcdoc=\"&quot;&gt;&lt;/iframe&gt;&lt;script&gt;"),
            std::string::npos);
  EXPECT_NE(page.find("large is left out: "), std::string::npos);
  EXPECT_EQ(page.find("not read"), std::string::npos);
  EXPECT_EQ(count(page, "<iframe sandbox=\"\""), 2u);
  EXPECT_NE(page.find("<a href=\"#analyses\">"), std::string::npos);
  EXPECT_TRUE(attached_pages(run.path() / "absent").empty());
}

TEST(HtmlReport, OfAnEmptyReportIsAPage) {
  const std::string page = page_of({});
  EXPECT_NE(page.find("No model was evaluated."), std::string::npos);
  EXPECT_EQ(page.find("<canvas"), std::string::npos);
}

}  // namespace
}  // namespace stockpot
