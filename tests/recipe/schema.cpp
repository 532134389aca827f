#include "stockpot/recipe/schema.h"

#include <functional>

#include "recipe_test.h"
#include "stockpot/recipe/reader.h"
#include "stockpot/recipe/resolved.h"

namespace stockpot {
namespace {

// Every "$ref" of the schema leads somewhere.
TEST(Schema, ItsReferencesLeadToDefinitions) {
  const Json schema = recipe_schema();
  int references = 0;
  const std::function<void(const Json&)> visit = [&](const Json& node) {
    if (node.is_array())
      for (const Json& item : node.items()) visit(item);
    if (!node.is_object()) return;
    for (const auto& [key, value] : node.members()) {
      if (key != "$ref") {
        visit(value);
        continue;
      }
      ++references;
      const Json* at = &schema;
      std::string path = value.as_string().substr(2);
      while (!path.empty() && at) {
        const auto slash = path.find('/');
        at = at->find(path.substr(0, slash));
        path = slash == std::string::npos ? "" : path.substr(slash + 1);
      }
      EXPECT_NE(at, nullptr) << value.as_string();
    }
  };
  visit(schema);
  EXPECT_GT(references, 100);
}

class SchemaOfRecipes : public RecipeTest {};

// What `config show` prints, the schema knows.
TEST_F(SchemaOfRecipes, HasEveryKeyOfAResolvedRecipe) {
  const Json schema = recipe_schema();
  const Json shown = resolved(parse(with_data(
      "methods: {lp: , ft: , lpft: }\nsearch: {runs: 2, space: {lr: {uniform: [0, 1]}}}\n")));
  const Json* properties = schema.find("properties");
  for (const auto& [key, value] : shown.members()) EXPECT_NE(properties->find(key), nullptr) << key;
  const Json* settings = properties->find("train")->find("properties");
  EXPECT_EQ(settings->members().size(), shown.find("train")->members().size());
  for (const auto& [key, value] : shown.find("train")->members()) {
    EXPECT_NE(settings->find(key), nullptr) << key;
    const Json* definition = schema.find("$defs")->find("setting")->find(key);
    ASSERT_NE(definition, nullptr) << key;
    EXPECT_EQ(*definition->find("default"), value) << key;
    EXPECT_FALSE(definition->find("description")->as_string().empty()) << key;
  }
  const Json method = *schema.find("$defs")->find("method")->find("anyOf");
  for (const auto& [key, value] : shown.find("methods")->find("ft")->members())
    EXPECT_NE(method.items().back().find("properties")->find(key), nullptr) << key;
}

TEST_F(SchemaOfRecipes, DocumentationNamesEveryKey) {
  const std::string text =
      read_file(std::filesystem::path(STOCKPOT_SOURCE_DIR) / "docs" / "recipes.md", 1 << 20);
  for (const Keys* keys : {&root_keys(), &data_keys(), &model_keys(), &search_keys(), &soup_keys(),
                           &run_keys(), &checkpoint_keys(), &on_failure_keys(), &heartbeat_keys()})
    for (const Key& key : *keys) EXPECT_NE(text.find(key.name), std::string::npos) << key.name;
  const Json settings = settings_properties();
  for (const auto& [name, schema] : settings.members())
    EXPECT_NE(text.find("`" + name + "`"), std::string::npos) << name;
}

}  // namespace
}  // namespace stockpot
