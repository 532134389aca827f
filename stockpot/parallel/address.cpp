#include "stockpot/parallel/address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace stockpot {
namespace {

std::string own_address(int descriptor) {
  sockaddr_storage own = {};
  socklen_t length = sizeof(own);
  auto* const generic = reinterpret_cast<sockaddr*>(&own);
  std::array<char, NI_MAXHOST> text{};
  if (getsockname(descriptor, generic, &length) != 0 ||
      getnameinfo(generic, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    return "";
  return text.data();
}

}  // namespace

std::string address_towards(const std::string& host, std::uint16_t port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return "";
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  for (const addrinfo* entry = list; entry; entry = entry->ai_next) {
    // Connecting a datagram socket only looks up the route.
    const int descriptor = socket(entry->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) continue;
    const bool reached = connect(descriptor, entry->ai_addr, entry->ai_addrlen) == 0;
    const std::string address = reached ? own_address(descriptor) : "";
    close(descriptor);
    if (!address.empty()) return address;
  }
  return "";
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

}  // namespace stockpot
