#pragma once

#include <string>
#include <utility>
#include <vector>

namespace handforge {

struct TarMember {
  std::string header;  // 512 bytes
  std::string name;
  std::string content;
};

// The members of an ustar archive, by the layout of its headers (POSIX.1-1988).
inline std::vector<TarMember> ReadTar(const std::string& tar) {
  constexpr size_t kBlock = 512;
  std::vector<TarMember> members;
  for (size_t at = 0; at + kBlock <= tar.size() && tar[at] != '\0';) {
    TarMember member;
    member.header = tar.substr(at, kBlock);
    member.name = member.header.substr(0, 100).c_str();
    const size_t size = std::stoul(member.header.substr(124, 11), nullptr, 8);
    member.content = tar.substr(at + kBlock, size);
    members.push_back(std::move(member));
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  return members;
}

}  // namespace handforge
