// Under which of its addresses other machines reach this one.
#pragma once

#include <cstdint>
#include <string>

namespace stockpot {

// This machine's address on the way to `host`, as numbers; "" when there is no way or `host` is
// unknown. Nothing is sent. A host's own name may lead to a loopback address (127.0.1.1 in
// Debian's /etc/hosts), which others cannot reach.
std::string address_towards(const std::string& host, std::uint16_t port);

bool is_loopback(const std::string& address);

}  // namespace stockpot
