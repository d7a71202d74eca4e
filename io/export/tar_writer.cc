#include "io/export/tar_writer.h"

#include "io/core/error.h"

#include <utility>

#include <archive.h>
#include <archive_entry.h>

namespace handforge {
namespace {

constexpr int kMode = 0444;

}  // namespace

struct TarWriter::Impl {
  struct FreeArchive {
    void operator()(archive* a) const { archive_write_free(a); }
  };
  struct FreeEntry {
    void operator()(archive_entry* e) const { archive_entry_free(e); }
  };

  void Check(la_int64_t result) const {
    if (result >= ARCHIVE_OK) return;
    const char* reason = archive_error_string(tar.get());
    throw EnvironmentError(file.string() + ": cannot be written: " + (reason ? reason : "unknown"));
  }

  std::filesystem::path file;
  std::unique_ptr<archive, FreeArchive> tar{archive_write_new()};
};

TarWriter::TarWriter(std::filesystem::path file) : impl_(std::make_unique<Impl>()) {
  impl_->file = std::move(file);
  archive* tar = impl_->tar.get();
  if (tar == nullptr) throw EnvironmentError(impl_->file.string() + ": no memory to write a tar");
  impl_->Check(archive_write_set_format_ustar(tar));
  impl_->Check(archive_write_add_filter_none(tar));
  impl_->Check(archive_write_open_filename(tar, impl_->file.c_str()));
}

TarWriter::~TarWriter() = default;

void TarWriter::Add(const std::string& name, const std::vector<uint8_t>& bytes) {
  const std::unique_ptr<archive_entry, Impl::FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), kMode);
  archive_entry_set_mtime(entry.get(), 0, 0);
  archive_entry_set_uid(entry.get(), 0);
  archive_entry_set_gid(entry.get(), 0);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  impl_->Check(archive_write_header(impl_->tar.get(), entry.get()));
  impl_->Check(archive_write_data(impl_->tar.get(), bytes.data(), bytes.size()));
  impl_->Check(archive_write_finish_entry(impl_->tar.get()));
}

void TarWriter::Close() { impl_->Check(archive_write_close(impl_->tar.get())); }

}  // namespace handforge
