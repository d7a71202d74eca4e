#pragma once

#include "tests/io/temporary_folder.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace handforge {

// Whether Debian's interpreter has the modules ("numpy, cv2"); another python3 without them may
// come first on the PATH.
inline bool HasPython(const std::string& modules) {
  static std::map<std::string, bool> known;
  const auto found = known.find(modules);
  if (found != known.end()) return found->second;
  const std::string command = "/usr/bin/python3 -c 'import " + modules + "' 2>/dev/null";
  return known[modules] = std::system(command.c_str()) == 0;
}

// First line of tests that write files by numpy and by OpenCV.
#define HANDFORGE_NEEDS_NUMPY() \
  if (!HasPython("numpy")) GTEST_SKIP() << "/usr/bin/python3 has no numpy (Debian: python3-numpy)"
#define HANDFORGE_NEEDS_NUMPY_AND_OPENCV() \
  if (!HasPython("numpy, cv2"))            \
  GTEST_SKIP() << "/usr/bin/python3 has no numpy or cv2 (Debian: python3-numpy python3-opencv)"

// "write_pickles.py values FILE 2": a script of tests/io/import.
inline void RunWriter(const std::string& script_and_arguments) {
  const std::string command =
      "/usr/bin/python3 " HANDFORGE_SOURCE_DIR "/tests/io/import/" + script_and_arguments;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

// A folder with what `write` puts there, once for all tests of a suite; each takes a copy.
class WrittenOnce {
 public:
  explicit WrittenOnce(const std::function<void(const std::filesystem::path&)>& write) {
    write(folder_.path());
  }
  void CopyTo(const std::filesystem::path& folder) const {
    std::filesystem::copy(folder_.path(), folder, std::filesystem::copy_options::recursive);
  }

 private:
  TemporaryFolder folder_;
};

// Runs a few lines of Python; numpy is `np`.
inline void RunPython(const std::string& body) {
  const std::filesystem::path script =
      std::filesystem::temp_directory_path() / ("handforge-" + std::to_string(::getpid()) + ".py");
  std::ofstream(script) << "import pickle, numpy as np\n" << body << "\n";
  EXPECT_EQ(std::system(("/usr/bin/python3 " + script.string()).c_str()), 0) << body;
  std::filesystem::remove(script);
}

// Changes the value `d` of a pickle.
inline void EditPickle(const std::filesystem::path& file, const std::string& body) {
  RunPython("file = '" + file.string() +
            "'\nwith open(file, 'rb') as f: d = pickle.load(f, encoding='latin1')\n" + body +
            "\nwith open(file, 'wb') as f: pickle.dump(d, f, 4)");
}

}  // namespace handforge
