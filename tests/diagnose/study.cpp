// Whole diagnoses: against numpy, against what a construction must give, and bad input.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <cmath>
#include <limits>

#include "matrices.h"
#include "stockpot/base/error.h"
#include "stockpot/diagnose/distortion_json.h"
#include "stockpot/diagnose/distortion_text.h"
#include "stockpot/diagnose/reading.h"

namespace stockpot::diagnose {
namespace {

struct Rows {
  std::string name;
  std::vector<std::int64_t> labels;
  std::vector<MatrixXd> models;
};

Distortion diagnose_rows(const std::vector<DiagnosedModel>& models, const std::vector<Rows>& sets,
                         const DistortionOptions& options = {}, Eigen::Index batch = 7) {
  std::vector<std::string> classes;
  for (Eigen::Index c = 0; c < models[1].head.weight.rows(); ++c)
    classes.push_back("class " + std::to_string(c));
  DistortionStudy study(models, classes, options);
  for (const Rows& set : sets) {
    in_batches(set.models, set.labels, batch,
               [&](const PairedFeatures& rows) { study.add(set.name, rows); });
    study.finish_set(set.name);
    if (&set == &sets.front())
      in_batches(set.models, set.labels, batch,
                 [&](const PairedFeatures& rows) { study.add_id_again(rows); });
  }
  return study.result();
}

DiagnosedModel model_of(const std::string& name, const MatrixXd& weight) {
  return {name, name, weight.cols(), {weight, VectorXd::Zero(weight.rows())}, true, {}};
}

MatrixXd matrix_of(const Json& json) {
  const Json::Array& rows = json.items();
  MatrixXd matrix(rows.size(), rows.front().items().size());
  for (Eigen::Index i = 0; i < matrix.rows(); ++i)
    for (Eigen::Index j = 0; j < matrix.cols(); ++j)
      matrix(i, j) =
          rows[static_cast<std::size_t>(i)].items()[static_cast<std::size_t>(j)].as_number();
  return matrix;
}

double at(const Json& json, const char* key) { return json.find(key)->as_number(); }

void expect_angles(const SpanRelation& spans, const Json& expected) {
  EXPECT_NEAR(spans.mean_cosine, expected.items()[0].as_number(), 1e-6);
  EXPECT_NEAR(spans.smallest_cosine, expected.items()[1].as_number(), 1e-6);
}

void expect_model(const SetFeatures& found, const Json& expected, bool id) {
  EXPECT_NEAR(found.mean_norm, at(expected, "mean_norm"), 1e-5);
  EXPECT_NEAR(found.pair_distance, at(expected, "pair_distance"), 1e-5);
  EXPECT_EQ(found.rank, expected.find("rank")->as_integer());
  EXPECT_NEAR(found.separation.value_or(-1), at(expected, "separation"), 1e-5);
  EXPECT_EQ(found.nearest_mean.right, expected.find("nearest")->as_integer());
  ASSERT_TRUE(found.accuracy);
  EXPECT_EQ(found.accuracy->right, expected.find("right")->as_integer());
  EXPECT_NEAR(found.share_in_id_span, at(expected, "share_in_id_span"), 1e-6);
  EXPECT_NEAR(found.mean_shift, at(expected, "mean_shift"), 1e-6);
  EXPECT_EQ(found.to_id.has_value(), !id);
  if (found.to_id) expect_angles(*found.to_id, *expected.find("to_id"));
}

TEST(Distortion, EqualsNumpyOnWholeMatrices) {
  const Json json =
      Json::read(std::string(STOCKPOT_SOURCE_DIR) + "/tests/fixtures/diagnose/distortion.json");
  std::vector<DiagnosedModel> models;
  for (const Json& head : json.find("heads")->items()) {
    models.push_back(model_of("m", matrix_of(head)));
    for (Eigen::Index c = 0; c < models.back().head.bias.size(); ++c)
      models.back().head.bias[c] =
          json.find("bias")->items()[static_cast<std::size_t>(c)].as_number();
  }
  std::vector<Rows> sets;
  for (const Json& set : json.find("sets")->items()) {
    Rows rows{set.find("name")->as_string(), {}, {}};
    for (const Json& label : set.find("labels")->items()) rows.labels.push_back(label.as_integer());
    for (const Json& model : set.find("models")->items())
      rows.models.push_back(matrix_of(*model.find("rows")));
    sets.push_back(rows);
  }
  const Distortion found =
      diagnose_rows(models, sets, {.span = {.share = at(json, "share"), .rank = {}}});
  for (std::size_t s = 0; s < sets.size(); ++s) {
    SCOPED_TRACE(sets[s].name);
    const Json& expected = json.find("sets")->items()[s];
    for (std::size_t m = 0; m < 2; ++m)
      expect_model(found.sets[s].models[m], expected.find("models")->items()[m], s == 0);
    const SetMovement& moved = found.sets[s].movements[0];
    const Json& movement = *expected.find("movement");
    EXPECT_NEAR(moved.mean, at(movement, "mean"), 1e-5);
    EXPECT_NEAR(moved.median, at(movement, "median"), 0.006 * moved.median);
    EXPECT_NEAR(moved.root_mean_square, at(movement, "root_mean_square"), 1e-5);
    EXPECT_NEAR(moved.cka, at(movement, "cka"), 1e-6);
    EXPECT_NEAR(moved.inside, at(movement, "inside"), 1e-6);
    EXPECT_NEAR(moved.common_share, at(movement, "common"), 1e-6);
    EXPECT_EQ(moved.head_on_before.right, movement.find("on_before")->as_integer());
    expect_angles(moved.spans, *movement.find("spans"));
  }
  const Json& head = *json.find("head");
  const HeadChange& change = found.heads[1].change.value();
  EXPECT_NEAR(found.heads[0].norm, head.find("norms")->items()[0].as_number(), 1e-9);
  EXPECT_NEAR(found.heads[1].norm, head.find("norms")->items()[1].as_number(), 1e-9);
  EXPECT_NEAR(change.cosine, at(head, "cosine"), 1e-9);
  EXPECT_NEAR(change.relative_change, at(head, "relative_change"), 1e-9);
  EXPECT_NEAR(change.mean_cosine, head.find("angles")->items()[0].as_number(), 1e-9);
  for (std::size_t c = 0; c < 3; ++c)
    EXPECT_NEAR(change.class_cosines[c], head.find("class_cosines")->items()[c].as_number(), 1e-9);
}

// ID features live in the first 4 of 10 dimensions, OOD features in all; AFTER is a linear map of
// BEFORE that acts on the first 4 only, as the theory has it.
std::vector<Rows> moved_in_the_id_span(double step) {
  std::vector<Rows> sets;
  const MatrixXd turn = random_matrix(4, 4, 40);
  for (const std::uint64_t s : {1U, 2U}) {
    Rows rows{s == 1 ? "ID" : "sketch", random_labels(90, 3, s), {}};
    MatrixXd before = random_matrix(90, 10, 10 + s);
    if (s == 1) before.rightCols(6).setZero();
    if (s == 2) before.leftCols(4) *= 0.3;
    for (Eigen::Index i = 0; i < 90; ++i) before(i, rows.labels[static_cast<std::size_t>(i)]) += 4;
    MatrixXd after = before;
    after.leftCols(4) += step * before.leftCols(4) * turn;
    rows.models = {before, after};
    sets.push_back(rows);
  }
  return sets;
}

std::vector<DiagnosedModel> two_models() {
  const MatrixXd weight = MatrixXd::Identity(3, 10);
  return {model_of("before", weight), model_of("after", weight)};
}

TEST(Distortion, MapOnTheIdSpanMovesFeaturesInsideItOnly) {
  const Distortion found =
      diagnose_rows(two_models(), moved_in_the_id_span(0.2), {.span = {.share = 1, .rank = {}}});
  EXPECT_EQ(found.id_rank, 4);
  for (const DistortionSet& set : found.sets) EXPECT_NEAR(set.movements[0].inside, 1, 1e-6);
  EXPECT_NEAR(found.sets[0].models[0].share_in_id_span, 1, 1e-9);
  EXPECT_LT(found.sets[1].models[0].share_in_id_span, 0.7);
  EXPECT_GT(found.sets[1].movements[0].id_ratio.value(), 1);
}

TEST(Distortion, OfTheSameModelIsNothingAtAll) {
  const Distortion found = diagnose_rows(two_models(), moved_in_the_id_span(0));
  for (const DistortionSet& set : found.sets) {
    const SetMovement& moved = set.movements[0];
    EXPECT_EQ(moved.mean, 0);
    EXPECT_EQ(moved.gain.value(), 0);
    EXPECT_NEAR(moved.cka, 1, 1e-12);
    EXPECT_NEAR(moved.spans.largest_degrees, 0, 1e-6);
    EXPECT_FALSE(moved.id_ratio);
  }
  EXPECT_NEAR(found.heads[1].change->cosine, 1, 1e-12);
  EXPECT_NE(distortion_text(found, 100).find("to the last bit"), std::string::npos);
}

TEST(Distortion, DoesNotDependOnBatchesBeyondRounding) {
  const std::vector<Rows> sets = moved_in_the_id_span(0.2);
  const Distortion one = diagnose_rows(two_models(), sets, {}, 1),
                   all = diagnose_rows(two_models(), sets, {}, 90);
  for (std::size_t s = 0; s < 2; ++s) {
    const SetMovement &a = one.sets[s].movements[0], &b = all.sets[s].movements[0];
    EXPECT_NEAR(a.mean, b.mean, 1e-12);
    EXPECT_NEAR(a.mean_interval.low, b.mean_interval.low, 1e-12);
    EXPECT_NEAR(a.cka, b.cka, 1e-12);
    EXPECT_NEAR(a.inside, b.inside, 1e-12);
    EXPECT_EQ(one.sets[s].models[0].nearest_mean.right, all.sets[s].models[0].nearest_mean.right);
  }
}

TEST(Distortion, ComparesEveryAfterWithTheFirstOne) {
  std::vector<Rows> sets = moved_in_the_id_span(0.2);
  std::vector<DiagnosedModel> models = two_models();
  models.push_back(model_of("gentle", models[0].head.weight));
  for (Rows& rows : sets)
    rows.models.push_back(rows.models[0] + 0.05 * (rows.models[1] - rows.models[0]));
  const Distortion found = diagnose_rows(models, sets);
  const SetMovement& gentle = found.sets[0].movements[1];
  EXPECT_NEAR(gentle.to_first.value(), 0.05, 1e-6);
  EXPECT_NEAR(gentle.to_first_interval.low, 0.05, 1e-6) << "paired: every replicate says the same";
  EXPECT_NEAR(gentle.to_first_interval.high, 0.05, 1e-6);
}

TEST(Distortion, HeadOverOtherClassesIsNotComparedNorJudged) {
  std::vector<DiagnosedModel> models = two_models();
  models[0].judges = false;
  models[0].head = {MatrixXd::Ones(200, 10), VectorXd::Zero(200)};
  const Distortion found = diagnose_rows(models, moved_in_the_id_span(0.2));
  EXPECT_FALSE(found.heads[1].change);
  EXPECT_FALSE(found.sets[0].models[0].accuracy);
  EXPECT_FALSE(found.sets[0].movements[0].gain);
  EXPECT_TRUE(
      to_json(found).find("sets")->items()[0].find("movement")->items()[0].find("gain")->is_null());
}

TEST(Reading, SaysFarShiftOfGoodFeaturesAndShowsItsNumbers) {
  const Distortion found = diagnose_rows(two_models(), moved_in_the_id_span(0.2));
  EXPECT_EQ(feature_quality(found), FeatureQuality::good);
  EXPECT_EQ(found.sets.size(), 2U);
  const std::vector<std::string> sentences = reading(found);
  const std::string& last = sentences.back();
  EXPECT_NE(last.find("rules of thumb"), std::string::npos);
  const std::string text = distortion_text(found, 120);
  EXPECT_NE(text.find("The paper predicts more than 1"), std::string::npos) << text;
}

TEST(Reading, QualityAndShiftFollowTheirThresholds) {
  Distortion made;
  made.models = {"before", "after"};
  made.classes = 4;
  DistortionSet id, ood;
  id.models.resize(2);
  id.models[1].accuracy = Counts{80, 100};
  ood.models.resize(2);
  const auto with = [&](std::int64_t here, std::int64_t there) {
    id.models[0].nearest_mean = {here, 100};
    ood.models[0].nearest_mean = {there, 100};
    made.sets = {id, ood};
  };
  with(61, 60);
  EXPECT_EQ(feature_quality(made), FeatureQuality::good);
  EXPECT_EQ(shift_size(made, made.sets[1]), ShiftSize::near);
  with(59, 50);
  EXPECT_EQ(feature_quality(made), FeatureQuality::middling);
  EXPECT_EQ(shift_size(made, made.sets[1]), ShiftSize::moderate);
  id.models[0].accuracy = Counts{62, 100};  // a probe's head beats the nearest mean
  ood.models[0].accuracy = Counts{57, 100};
  with(30, 10);
  EXPECT_EQ(feature_quality(made), FeatureQuality::good);
  EXPECT_EQ(shift_size(made, made.sets[1]), ShiftSize::near);
  id.models[0].accuracy.reset();
  ood.models[0].accuracy.reset();
  with(39, 20);
  EXPECT_EQ(feature_quality(made), FeatureQuality::weak);
  EXPECT_EQ(shift_size(made, made.sets[1]), ShiftSize::far);
}

TEST(Section, ShowsNamesLiterally) {
  std::vector<DiagnosedModel> models = two_models();
  models[1].name = "<b>after</b>\x1b[31m";
  const Distortion found = diagnose_rows(models, moved_in_the_id_span(0.2));
  const std::string section = html_section(found);
  EXPECT_EQ(section.find("<b>"), std::string::npos);
  EXPECT_EQ((section + distortion_text(found, 100)).find('\x1b'), std::string::npos);
  EXPECT_EQ(to_json(found).find("models")->items()[1].find("name")->as_string(), models[1].name);
}

// What a failing diagnosis says.
template <typename Error>
std::string refusal(const std::vector<DiagnosedModel>& models, const std::vector<Rows>& sets) {
  try {
    diagnose_rows(models, sets);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(BadInput, FeaturesThatAreNotFiniteAreNamed) {
  std::vector<Rows> sets = moved_in_the_id_span(0.2);
  sets[1].models[1](31, 4) = std::numeric_limits<double>::quiet_NaN();
  const std::string text = refusal<RunError>(two_models(), sets);
  EXPECT_NE(text.find("after on sketch: feature 4 of picture 31 is NaN"), std::string::npos)
      << text;
}

TEST(BadInput, FeaturesThatDoNotVaryAreNamed) {
  std::vector<Rows> sets = moved_in_the_id_span(0.2);
  sets[0].models[1].setConstant(0.7);
  const std::string text = refusal<RunError>(two_models(), sets);
  EXPECT_NE(text.find("after on ID: its features are the same for all 90 pictures"),
            std::string::npos)
      << text;
}

TEST(BadInput, OneColumnWithoutVarianceIsFine) {
  std::vector<Rows> sets = moved_in_the_id_span(0.2);
  for (Rows& rows : sets)
    for (MatrixXd& model : rows.models) model.col(9).setConstant(3);
  EXPECT_NO_THROW(diagnose_rows(two_models(), sets));
}

TEST(BadInput, IdOfOneClassIsRefusedAndAnOodSetOfOneClassIsNot) {
  std::vector<Rows> sets = moved_in_the_id_span(0.2);
  sets[1].labels.assign(90, 2);
  const Distortion found = diagnose_rows(two_models(), sets);
  EXPECT_FALSE(found.sets[1].models[0].separation);
  sets[0].labels.assign(90, 1);
  EXPECT_NE(refusal<UsageError>(two_models(), sets).find("ID has pictures of one class only"),
            std::string::npos);
}

TEST(BadInput, EmptySetAndSetOfOnePictureAreRefused) {
  std::vector<Rows> sets = moved_in_the_id_span(0.2);
  sets[1].labels.clear();
  EXPECT_NE(refusal<UsageError>(two_models(), sets).find("sketch has no pictures"),
            std::string::npos);
  sets[1].labels = {1};
  EXPECT_NE(refusal<UsageError>(two_models(), sets).find("sketch has one picture"),
            std::string::npos);
}

TEST(BadInput, ModelsOfDifferentFeatureSizesAreRefused) {
  std::vector<DiagnosedModel> models = two_models();
  models[1] = model_of("after", MatrixXd::Identity(3, 12));
  EXPECT_NE(refusal<FormatError>(models, moved_in_the_id_span(0)).find("12 dimensions"),
            std::string::npos);
}

TEST(BadInput, RulesOutOfRangeAreRefused) {
  for (const SpanRule& rule : {SpanRule{0, {}}, SpanRule{1.5, {}}, SpanRule{0.9, 0}})
    EXPECT_THROW(DistortionStudy(two_models(), {"a", "b"}, {.span = rule}), UsageError);
  EXPECT_THROW(DistortionStudy({two_models()[0]}, {"a", "b"}, {}), UsageError);
  EXPECT_THROW(DistortionStudy(two_models(), {"a"}, {}), UsageError);
}

}  // namespace
}  // namespace stockpot::diagnose
