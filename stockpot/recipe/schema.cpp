#include "stockpot/recipe/schema.h"

#include "stockpot/recipe/reader.h"

namespace stockpot {

Json recipe_schema() {
  Json schema = Json::object({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                              {"title", "A recipe of stockpot"}});
  const Json root = schema_of(root_keys());
  for (const auto& [key, value] : root.members()) schema.set(key, value);
  schema.set("required", Json::Array{"version"});
  schema.set("$defs", Json::object({{"set", set_schema()},
                                    {"method", fine_tune_schema()},
                                    {"setting", settings_definitions()},
                                    {"drawn", drawn_schema()}}));
  return schema;
}

}  // namespace stockpot
