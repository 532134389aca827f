#include "stockpot/parallel/host_list.h"

#include <gtest/gtest.h>

#include "../base/message_of.h"
#include "stockpot/base/error.h"

namespace stockpot {
namespace {

using Hosts = std::vector<std::string>;

TEST(HostList, IsExpandedAsScontrolDoes) {
  EXPECT_EQ(hosts_of("gpu5"), (Hosts{"gpu5"}));
  EXPECT_EQ(hosts_of("a,b"), (Hosts{"a", "b"}));
  EXPECT_EQ(hosts_of("node[1-3]"), (Hosts{"node1", "node2", "node3"}));
  EXPECT_EQ(hosts_of("node[08-10,7],gpu5"), (Hosts{"node08", "node09", "node10", "node7", "gpu5"}));
  EXPECT_EQ(hosts_of("r[1-2]n[03-04]"), (Hosts{"r1n03", "r1n04", "r2n03", "r2n04"}));
  EXPECT_EQ(hosts_of("n[1-2]-ib.cluster"), (Hosts{"n1-ib.cluster", "n2-ib.cluster"}));
  EXPECT_EQ(hosts_of("n[099-101]"), (Hosts{"n099", "n100", "n101"}));
}

TEST(HostList, OtherFormsAreRefused) {
  const auto refusal = [](const char* text) {
    return message_of<UsageError>([&] { hosts_of(text); });
  };
  EXPECT_EQ(refusal("n[1-"),
            "the host list 'n[1-' cannot be read: '[' without ']'; expected names such as "
            "node[01-03,7],gpu5");
  for (const char* text :
       {"", "a,", ",a", "n1]", "n[]", "n[a]", "n[1-]", "n[-2]", "n[3-1]", "n[1", "n[1-4294967296]",
        "n[0-70000]", "n[1-60000],m[1-60000]", "a[1-300]b[1-300]", "n[[1]]"})
    EXPECT_NE(refusal(text).find("cannot be read"), std::string::npos) << text;
}

}  // namespace
}  // namespace stockpot
