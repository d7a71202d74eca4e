#include "io/files.h"

#include "io/core/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace handforge {
namespace fs = std::filesystem;
namespace {

constexpr char kTemporaryMark[] = ".tmp-";
constexpr time_t kForeignHostPatienceSeconds = 24 * 60 * 60;
constexpr size_t kReadBlockBytes = 1 << 20;

std::string ErrnoText(int error) { return std::generic_category().message(error); }

[[noreturn]] void ThrowEnvironment(const fs::path& path, const std::string& what, int error) {
  throw EnvironmentError(path.string() + ": " + what + ": " + ErrnoText(error));
}

// Owns a file descriptor. Closing is explicit where its failure matters.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Close() { return ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

int OpenRetrying(const fs::path& path, int flags, mode_t mode = 0666) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

void WriteAll(const Descriptor& file, const fs::path& path, const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(file.get(), next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) ThrowEnvironment(path, "cannot be written", errno);
    next += written;
    size -= static_cast<size_t>(written);
  }
}

void SyncFile(const fs::path& path) {
  Descriptor file(OpenRetrying(path, O_RDONLY));
  if (!file.ok()) ThrowEnvironment(path, "cannot open to sync", errno);
  if (::fsync(file.get()) != 0) ThrowEnvironment(path, "cannot sync", errno);
}

void SyncFolder(const fs::path& folder) {
  Descriptor directory(OpenRetrying(folder, O_RDONLY | O_DIRECTORY));
  if (!directory.ok()) ThrowEnvironment(folder, "cannot open to sync", errno);
  // Some network file systems cannot sync a folder and say so with EINVAL.
  if (::fsync(directory.get()) != 0 && errno != EINVAL) {
    ThrowEnvironment(folder, "cannot sync", errno);
  }
}

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// The host's name reduced to characters that cannot be confused with the rest of the name.
const std::string& HostName() {
  static const std::string name = [] {
    std::array<char, 256> buffer{};
    if (::gethostname(buffer.data(), buffer.size() - 1) != 0) return std::string("localhost");
    std::string host = buffer.data();
    for (char& c : host) {
      if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    }
    return host.empty() ? std::string("localhost") : host;
  }();
  return name;
}

struct TemporaryOwner {
  std::string host;
  pid_t process = 0;
};

// The owner written in ".NAME.tmp-HOST-PID", or nothing where `path` is no such name.
std::optional<TemporaryOwner> OwnerOf(const fs::path& path) {
  const std::string name = path.filename().string();
  const size_t mark = name.rfind(kTemporaryMark);
  if (name.empty() || name[0] != '.' || mark == std::string::npos || mark < 2) return std::nullopt;
  std::string owner = name.substr(mark + std::strlen(kTemporaryMark));
  // Encoders of videos want the extension at the end.
  if (path.extension() == ".mp4") owner.resize(owner.size() - std::strlen(".mp4"));
  const size_t dash = owner.rfind('-');
  if (dash == std::string::npos || dash == 0) return std::nullopt;
  const std::string digits = owner.substr(dash + 1);
  const bool numeric = !digits.empty() && digits.size() <= 10 &&
                       std::all_of(digits.begin(), digits.end(), [](unsigned char c) {
                         return std::isdigit(c) != 0;
                       });
  if (!numeric) return std::nullopt;
  return TemporaryOwner{owner.substr(0, dash), static_cast<pid_t>(std::stoll(digits))};
}

// Or gone.
bool IsYoung(const fs::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return true;
  return std::time(nullptr) - info.st_mtime <= kForeignHostPatienceSeconds;
}

bool IsStale(const fs::path& path, const TemporaryOwner& owner) {
  if (owner.host == HostName()) return ::kill(owner.process, 0) != 0 && errno == ESRCH;
  // Whether a process of another machine still runs cannot be asked; the age of what it writes can.
  std::error_code ignored;
  bool is_young = IsYoung(path);
  for (auto entry = fs::recursive_directory_iterator(path, ignored);
       !is_young && entry != fs::recursive_directory_iterator();
       entry.increment(ignored)) {
    is_young = IsYoung(entry->path());
  }
  return !is_young;
}

Descriptor OpenToRead(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    throw DataError(path.string() + ": is a folder, expected a file");
  }
  const int fd = OpenRetrying(path, O_RDONLY);
  if (fd < 0) throw DataError(path.string() + ": cannot be read: " + ErrnoText(errno));
  return Descriptor(fd);
}

// Calls `consume(data, size)` for each block of the file.
template <typename Consume>
void ReadBlocks(const fs::path& path, const Consume& consume) {
  const Descriptor file = OpenToRead(path);
  std::vector<char> block(kReadBlockBytes);
  while (true) {
    const ssize_t got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(path.string() + ": cannot be read: " + ErrnoText(errno));
    if (got == 0) return;
    consume(block.data(), static_cast<size_t>(got));
  }
}

class Sha256Digest {
 public:
  Sha256Digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    Require(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void Update(const void* data, size_t size) {
    Require(EVP_DigestUpdate(context_.get(), data, size) == 1);
  }
  std::string Finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    Require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  static void Require(bool ok) {
    if (!ok) throw EnvironmentError("OpenSSL cannot compute SHA-256 on this machine");
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

fs::path TemporaryName(const fs::path& final_path) {
  const std::string name = "." + final_path.filename().string() + kTemporaryMark + HostName() +
                           "-" + std::to_string(::getpid());
  return final_path.parent_path() / name;
}

bool IsTemporaryName(const fs::path& path) { return OwnerOf(path).has_value(); }

void PublishFile(const fs::path& temporary, const fs::path& final_path) {
  try {
    SyncFile(temporary);
    if (::rename(temporary.c_str(), final_path.c_str()) != 0) {
      ThrowEnvironment(final_path, "cannot be given its final name", errno);
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  SyncFolder(FolderOf(final_path));
}

void PublishText(const fs::path& final_path, const std::string& text) {
  PublishBytes(final_path, text.data(), text.size());
}

void PublishBytes(const fs::path& final_path, const void* data, size_t size) {
  const fs::path temporary = TemporaryName(final_path);
  try {
    Descriptor file(OpenRetrying(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    if (!file.ok()) ThrowEnvironment(final_path, "cannot be created", errno);
    WriteAll(file, final_path, data, size);
    if (file.Close() != 0) ThrowEnvironment(final_path, "cannot be closed", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  PublishFile(temporary, final_path);
}

void RemoveStaleTemporaries(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> stale;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::optional<TemporaryOwner> owner = OwnerOf(entry.path());
    if (owner && IsStale(entry.path(), *owner)) stale.push_back(entry.path());
  }
  for (const fs::path& path : stale) fs::remove_all(path, ignored);
}

void EnsureWritableFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw EnvironmentError(folder.string() + ": cannot be created: " + error.message());
  }
  const fs::path probe = TemporaryName(folder / "probe");
  const Descriptor file(OpenRetrying(probe, O_WRONLY | O_CREAT | O_TRUNC));
  if (!file.ok()) ThrowEnvironment(folder, "no file can be made in it", errno);
  ::unlink(probe.c_str());
}

uint64_t FreeBytes(const fs::path& folder) {
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  const fs::space_info space = fs::space(existing, error);
  if (error) throw EnvironmentError(folder.string() + ": free space unknown: " + error.message());
  return space.available;
}

std::string ReadText(const fs::path& path) {
  std::string text;
  ReadBlocks(path, [&](const char* data, size_t size) { text.append(data, size); });
  return text;
}

std::vector<uint8_t> ReadBytes(const fs::path& path) {
  std::vector<uint8_t> bytes;
  ReadBlocks(path,
             [&](const char* data, size_t size) { bytes.insert(bytes.end(), data, data + size); });
  return bytes;
}

std::string Sha256(const void* data, size_t size) {
  Sha256Digest digest;
  digest.Update(data, size);
  return digest.Finish();
}

std::string Sha256OfFile(const fs::path& path) {
  Sha256Digest digest;
  ReadBlocks(path, [&](const char* data, size_t size) { digest.Update(data, size); });
  return digest.Finish();
}

}  // namespace handforge
