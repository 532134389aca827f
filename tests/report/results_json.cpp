#include <gtest/gtest.h>

#include "../base/temporary_folder.h"
#include "sample.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

TEST(ResultsJson, ReadsBackAsItWasWritten) {
  for (const RunReport& report : {sample_report(), sample_of_three_seeds(), RunReport{}}) {
    const Json json = to_json(report);
    const RunReport read = report_from_json(Json::parse(json.dump(2), "results.json"));
    EXPECT_EQ(to_json(read), json);
    EXPECT_EQ(terminal_table(read, 100, false), terminal_table(report, 100, false));
    EXPECT_EQ(html_report(read), html_report(report));
  }
}

TEST(ResultsJson, KeepsHostileNamesAndIsValid) {
  const std::string text = to_json(hostile_report()).dump(2);
  const RunReport read = report_from_json(Json::parse(text, "results.json"));
  EXPECT_EQ(read.models[0].name, hostile_report().models[0].name);
  EXPECT_EQ(read.models[1].name,
            "gnp.\u202E"
            "cod");
  EXPECT_EQ(read.models[3].name, R"(caf\xe9\xff)");
  EXPECT_EQ(to_json(read).dump(2), text);
}

TEST(ResultsJson, HasTheDocumentedMembers) {
  const Json json = to_json(sample_report());
  EXPECT_EQ(json.find("schema_version")->as_integer(), 1);
  const Json& model = json.find("models")->items()[3];
  EXPECT_EQ(model.find("kind")->as_string(), "lpft");
  const Json& score = model.find("scores")->items()[0];
  EXPECT_EQ(score.find("set")->as_string(), "art");
  EXPECT_EQ(score.find("correct")->as_integer(), 1286);
  EXPECT_EQ(score.find("total")->as_integer(), 2048);
  const Json& row = json.find("summary")->items()[4];
  EXPECT_EQ(row.find("name")->as_string(), "mean of 8 search runs");
  EXPECT_TRUE(row.find("columns")->items()[0].find("low95")->is_null());
  const Json& line = json.find("ledgers")->items()[0].find("lines")->items()[1];
  EXPECT_EQ(line.find("reason")->as_string(), "+2 of 334");
  EXPECT_EQ(line.find("after")->find("correct")->as_integer(), 329);
}

std::string refusal(const Json& json) {
  try {
    report_from_json(json);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

// The sample with one member of its first model, or of the first score of it, replaced.
Json with(const char* key, Json value, bool in_score = false) {
  Json json = to_json(sample_report());
  Json::Array models = json.find("models")->items();
  if (in_score) {
    Json::Array scores = models[0].find("scores")->items();
    scores[0].set(key, std::move(value));
    models[0].set("scores", Json(scores));
  } else {
    models[0].set(key, std::move(value));
  }
  json.set("models", Json(models));
  return json;
}

TEST(ResultsJson, RefusesWithThePlaceAndWhatWasExpected) {
  EXPECT_EQ(refusal(with("correct", 99999, true)),
            "results.json: 'models[0].scores[0].correct' should be an integer from 0 to 2048, "
            "found 99999");
  EXPECT_EQ(refusal(with("total", -1, true)),
            "results.json: 'models[0].scores[0].total' should be an integer from 0 to "
            "9223372036854775807, found -1");
  EXPECT_EQ(refusal(with("kind", "best")),
            "results.json: 'models[0].kind' should be one of 'zero_shot', 'lp', 'ft', 'lpft', "
            "'search', 'soup', 'ensemble', found \"best\"");
  EXPECT_EQ(refusal(with("name", 3)), "results.json: 'models[0].name' should be text, found 3");
  EXPECT_EQ(refusal(with("inference_cost", 0)),
            "results.json: 'models[0].inference_cost' should be an integer from 1 to 2147483647, "
            "found 0");
}

TEST(ResultsJson, RefusesOtherDocuments) {
  EXPECT_EQ(refusal(Json::object()), "results.json: 'schema_version' is missing");
  EXPECT_EQ(refusal(Json::array()), "results.json: expected an object");
  EXPECT_EQ(refusal(Json::object({{"schema_version", 2}})),
            "results.json: schema_version is 2, this program reads 1");
  EXPECT_EQ(refusal(Json::object({{"schema_version", 1}})), "results.json: 'title' is missing");
}

TEST(ReadReport, NamesTheFileAndARunThatIsNotFinished) {
  const TemporaryFolder folder;
  const auto said = [&] {
    try {
      read_report(folder.path());
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(said().find("is not the folder of a finished run"), std::string::npos) << said();
  const fs::path file = folder.put("results.json", "{}");
  EXPECT_EQ(said(), file.string() + ": 'schema_version' is missing");
}

}  // namespace
}  // namespace stockpot
