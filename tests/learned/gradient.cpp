// The gradient of the coefficients against autograd through the mix and against differences.
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/learned/mixed_model.h"
#include "tests/learned/three_models.h"

namespace stockpot {
namespace {

using test::NearModels;

// The pictures of the fixture, as the network's batches are.
Batch batch_of(const std::string& name) {
  const SafetensorsFile reference(test::fixtures() / "model" / name / "reference.safetensors");
  const TensorView& images = *reference.find("images");
  Batch batch;
  batch.size = images.shape[0];
  batch.height = images.shape[2];
  batch.width = images.shape[3];
  const std::int64_t plane = batch.height * batch.width;
  for (std::int64_t n = 0; n < batch.size; ++n)
    for (std::int64_t p = 0; p < plane; ++p)
      for (std::int64_t c = 0; c < 3; ++c)
        batch.pixels.push_back(static_cast<std::uint8_t>(
            images.bytes[static_cast<std::size_t>((n * 3 + c) * plane + p)]));
  for (const float label : float_values(*reference.find("labels")))
    batch.labels.push_back(static_cast<std::int64_t>(label));
  return batch;
}

Inputs inputs_of(MixedModel& model, const Batch& batch) {
  return to_inputs(batch, model.classifier().folder().preprocessing, at::kCPU);
}

Coefficients coefficients_of(const MixedModel& model, Form form, double beta) {
  const std::vector<std::string>& rows = model.row_names();
  Coefficients coefficients(form, rows.size(), 3, true);
  std::vector<double> raw;
  for (const std::string& row : rows) {
    double start = 0.7 * static_cast<double>(row.size());
    for (const char c : row) start += 0.01 * c;
    for (int i = 0; i < 3; ++i) {
      const double value = std::cos(start + 1.3 * i);
      raw.push_back(form == Form::free ? (value + 1.5) / 5 : value);
    }
  }
  raw.push_back(beta);
  coefficients.set_parameters(raw);
  return coefficients;
}

struct Case {
  std::string name, rows, form;
  friend void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name << " " << one.rows << " " << one.form;
  }
};

class Gradient : public testing::TestWithParam<Case> {
 protected:
  const Json& expected() const {
    for (const Json& one : file_.find("models")->find(GetParam().name)->items())
      if (one.find("rows")->as_string() == GetParam().rows &&
          one.find("form")->as_string() == GetParam().form)
        return one;
    throw std::out_of_range("no such case");
  }
  // `size`: of the largest number of its kind.
  static void agrees(double found, double wanted, const std::string& what, double size = 1) {
    EXPECT_NEAR(found, wanted, 1e-5 * std::max(1.0, size)) << what;
  }

  Json file_ = Json::read(test::fixtures() / "learned" / "gradients.json");
};

TEST_P(Gradient, IsThatOfAutogradThroughTheMix) {
  const NearModels models(GetParam().name);
  MixedModelOptions options;
  options.rows = *rows_from(GetParam().rows);
  MixedModel model(models.folders.front(), models.plan, options);
  const double beta = file_.find("beta")->as_number();
  const Coefficients coefficients = coefficients_of(model, *form_from(GetParam().form), beta);
  model.set(coefficients.alpha());
  MixLoss sum;
  model.add(inputs_of(model, batch_of(GetParam().name)), beta, 1, sum);
  const std::vector<double> found =
      coefficients.pull_back(model.alpha_gradient(), sum.beta_gradient);
  const double loss = expected().find("loss")->as_number();
  agrees(sum.loss, loss, "loss", loss);
  agrees(found.back(), expected().find("beta")->as_number(), "beta", loss);
  const Json& rows = *expected().find("gradient");
  ASSERT_EQ(rows.members().size(), model.row_names().size());
  double largest = 0;
  for (const auto& [row, numbers] : rows.members())
    for (const Json& number : numbers.items())
      largest = std::max(largest, std::abs(number.as_number()));
  for (std::size_t row = 0; row < model.row_names().size(); ++row)
    for (std::size_t i = 0; i < 3; ++i)
      agrees(found[row * 3 + i], rows.find(model.row_names()[row])->items()[i].as_number(),
             model.row_names()[row] + " of model " + std::to_string(i), largest);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* name : {"vit-patch16", "resnet18"})
    for (const char* rows : {"global", "block", "tensor"})
      for (const char* form : {"softmax", "free"}) all.push_back({name, rows, form});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, Gradient, testing::ValuesIn(cases()));

TEST(MixedModel, GradientsOfPartsOfABatchAddUp) {
  const NearModels models("resnet18");
  MixedModel model(models.folders.front(), models.plan, {.rows = Rows::tensor});
  const Coefficients uniform(Form::softmax, model.row_names().size(), 3, true);
  const Batch whole = batch_of("resnet18");
  const auto gradient_of = [&](const std::vector<Batch>& parts) {
    model.set(uniform.alpha());
    MixLoss sum;
    for (const Batch& part : parts)
      model.add(inputs_of(model, part), 1,
                static_cast<double>(part.size) / static_cast<double>(whole.size), sum);
    return model.alpha_gradient();
  };
  std::vector<Batch> halves(2, whole);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::size_t bytes = whole.pixels.size() / 2;
    halves[half].size = 2;
    halves[half].pixels.assign(
        whole.pixels.begin() + static_cast<std::ptrdiff_t>(half * bytes),
        whole.pixels.begin() + static_cast<std::ptrdiff_t>((half + 1) * bytes));
    halves[half].labels.assign(whole.labels.begin() + static_cast<std::ptrdiff_t>(2 * half),
                               whole.labels.begin() + static_cast<std::ptrdiff_t>(2 * half + 2));
  }
  const std::vector<double> once = gradient_of({whole}), twice = gradient_of(halves);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_NEAR(once[i], twice[i], 1e-5);
}

// The difference of the loss along one coefficient.
TEST(MixedModel, GradientIsTheSlopeOfTheLoss) {
  const NearModels models("vit-patch16");
  MixedModel model(models.folders.front(), models.plan, {.rows = Rows::block});
  const Batch batch = batch_of("vit-patch16");
  const std::size_t count = 3 * model.row_names().size();
  std::vector<double> alpha(count, 1.0 / 3);
  const auto loss_at = [&](const std::vector<double>& at) {
    model.set(at);
    MixLoss sum;
    model.add(inputs_of(model, batch), 1.3, 1, sum);
    return sum.loss;
  };
  loss_at(alpha);
  const std::vector<double> gradient = model.alpha_gradient();
  for (std::size_t i = 0; i < count; ++i) {
    constexpr double kStep = 2e-3;
    std::vector<double> up = alpha, down = alpha;
    up[i] += kStep;
    down[i] -= kStep;
    EXPECT_NEAR((loss_at(up) - loss_at(down)) / (2 * kStep), gradient[i], 2e-3) << i;
  }
}

TEST(MixedModel, ConstantStatisticsHaveNoCoefficients) {
  const NearModels models("resnet18");
  const MergePlan plan = models.planned(BatchNormPolicy::average);
  MixedModel model(models.folders.front(), plan, {.rows = Rows::tensor});
  for (const std::string& row : model.row_names())
    EXPECT_EQ(row.find("running"), std::string::npos) << row;
  const std::vector<double> first = [&] {
    std::vector<double> alpha;
    for (std::size_t row = 0; row < model.row_names().size(); ++row)
      alpha.insert(alpha.end(), {1, 0, 0});
    return alpha;
  }();
  model.set(first);
  double mean = 0;
  for (const Checkpoint& checkpoint : models.checkpoints)
    mean += float_values(checkpoint.at("bn1.running_mean"))[0] / 3.0;
  for (const auto& [name, buffer] : model.classifier().buffers()) {
    if (name != "bn1.running_mean") continue;
    EXPECT_NEAR(buffer[0].item<float>(), mean, 1e-6);
  }
}

}  // namespace
}  // namespace stockpot
